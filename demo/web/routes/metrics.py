"""`GET /metrics`: the server, its listeners and its show in Prometheus's format.

All values are read from conductor and hub at each scrape; nothing is counted here. No label holds a text of the deck,
an address or an error: only names of views, commands, codes, states and faults.
"""

import asyncio
import importlib
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from demo import __version__
from demo.conductor import Conductor
from demo.hub import Hub, Tally
from demo.notify.delivery import Delivery
from demo.notify.fault_events import FaultEvents
from demo.show import ShowState
from demo.show.health_sample import STATES

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

PREFIX = "chaos_stage_"
FRESHNESS = ("live", "stale", "unknown")
FAULT_STATES = ("idle", "injecting", "active", "healing", "failed")


class Metrics:
    """The metrics of one conductor and its hub, in a registry of their own."""

    def __init__(self, conductor: Conductor, hub: Hub[ShowState], deliveries: Sequence[Delivery[Any]] = ()) -> None:
        self._conductor = conductor
        self._hub = hub
        self._deliveries = deliveries
        self._fault_events = FaultEvents(conductor.journal)
        self._registry: CollectorRegistry | None = None

    def answer(self, accept: str) -> tuple[bytes, str]:
        """Return the current metrics and their media type: OpenMetrics where `accept` asks for it, otherwise text."""
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - not part of starting

        encode, media_type = choose_encoder(accept)
        return encode(self._registry or self._create_registry()), media_type

    async def load(self) -> None:
        """Import what the first scrape needs, in a thread so that no stream waits for it."""
        if self._registry is None:
            await asyncio.to_thread(importlib.import_module, "prometheus_client")

    def _create_registry(self) -> "CollectorRegistry":
        from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415

        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(self)
        return self._registry

    def collect(self) -> "Iterable[Metric]":
        """Yield all metrics; `CollectorRegistry` calls this at each scrape."""
        state = self._conductor.state
        yield _build_gauge(
            "build_info",
            "Which version runs; always 1.",
            {(__version__, platform.python_version()): 1},
            "version",
            "python",
        )
        yield from _collect_streams(self._hub.counts(), self._hub.tally)
        yield from self._collect_commands()
        yield from self._collect_health(state)
        yield self._build_injections(state)
        yield from _collect_faults(state)
        yield from _collect_show(state)
        yield from _collect_deliveries(self._deliveries)

    def _collect_commands(self) -> "Iterator[Metric]":
        text = "Commands that were waited for, by kind and outcome; code: why one was refused."
        yield _build_counter("commands", text, self._conductor.commands.counts, "command", "outcome", "code")

    def _build_injections(self, state: ShowState) -> "CounterMetricFamily":
        """Build the counter of injections; in OpenMetrics each has the id of its newest event as its exemplar."""
        from prometheus_client.core import CounterMetricFamily, Exemplar  # noqa: PLC0415

        text, wall = "Injections that were begun in this show.", self._conductor.clock.wall
        family: CounterMetricFamily = CounterMetricFamily(f"{PREFIX}fault_injections", text, labels=["fault"])
        for fault in state.faults:
            event = self._fault_events.find(fault.name)
            exemplar = Exemplar({"event_id": event.ident}, 1.0, wall(event.at)) if event else None
            family.add_metric([fault.name], fault.run, exemplar=exemplar)
        return family

    def _collect_health(self, state: ShowState) -> "Iterator[Metric]":
        monitor, sample = self._conductor.health, state.sample
        text = "Health samples that were read from the poller, and the time that took."
        yield _build_summary("health_read_seconds", text, {(): (monitor.samples, monitor.read_sec)})
        freshness = {(name,): float(name == state.freshness) for name in FRESHNESS}
        yield _build_gauge("health_freshness", "1 for what the numbers on the stage are.", freshness, "freshness")
        if sample is None:
            return
        age = max(0.0, self._conductor.clock() - sample.updated_at)
        yield _build_gauge("health_age_seconds", "How old the newest health sample is.", {(): age})
        yield _build_gauge(
            "health_interval_seconds", "The poller's own pause between samples.", {(): sample.interval_sec}
        )
        nodes = dict.fromkeys(((health,) for health in STATES), 0) | Counter((node.health,) for node in sample.nodes)
        yield _build_gauge("nodes", "Nodes of the system by their health.", nodes, "health")


def _collect_streams(streams: Mapping[str, int], tallies: Mapping[str, Tally]) -> "Iterator[Metric]":
    def by_view(field: str) -> dict[tuple[str], float]:
        return {(view,): getattr(tally, field) for view, tally in tallies.items()}

    yield _build_gauge("streams", "Open streams.", {(view,): count for view, count in streams.items()}, "view")
    yield _build_counter("deliveries", "Messages that listeners took.", by_view("deliveries"), "view")
    yield _build_counter("skipped", "Messages that a listener had no room for.", by_view("skipped"), "view")
    yield _build_counter("caught_up", "Whole views that made up for skipped messages.", by_view("caught_up"), "view")
    renders = {(view,): (tally.renders, tally.render_sec) for view, tally in tallies.items()}
    yield _build_summary("render_seconds", "Renderings of a view, each once for all its listeners.", renders, "view")


def _collect_faults(state: ShowState) -> "Iterator[Metric]":
    states = {(fault.name, name): float(name == fault.state) for fault in state.faults for name in FAULT_STATES}
    yield _build_gauge("fault_state", "1 for the state a fault is in.", states, "fault", "state")
    for field, text in (
        ("detected_after", "Injection to its first sight, as measured of the last run."),
        ("recovered_after", "Heal to all up and nothing seen, as measured of the last run."),
        ("came_back_after", "Injection to the target's return by itself, in the last run."),
    ):
        known = {(f.name,): getattr(f, f"{field}_sec") for f in state.faults if getattr(f, f"{field}_sec") is not None}
        yield _build_gauge(f"fault_{field}_seconds", text, known, "fault")


def _collect_show(state: ShowState) -> "Iterator[Metric]":
    yield _build_gauge("chapter", "The chapter the show is on, 1-based.", {(): state.number})
    yield _build_gauge("chapters", "Chapters of the show.", {(): state.total})
    yield _build_gauge("halted", "1 while new faults are refused.", {(): float(state.halted)})
    yield _build_gauge("durable", "1 while what is answered outlives the server.", {(): float(state.durable)})


def _collect_deliveries(deliveries: Sequence[Delivery[Any]]) -> "Iterator[Metric]":
    text = "Messages to other tools, by receiver and outcome."
    counts = {(d.name, outcome): float(count) for d in deliveries for outcome, count in d.counts.items()}
    yield _build_counter("notifications", text, counts, "receiver", "outcome")
    waiting = {(d.name,): float(d.waiting) for d in deliveries}
    yield _build_gauge("notifications_waiting", "Messages that are not delivered yet.", waiting, "receiver")


def _build_gauge(name: str, text: str, values: Mapping[Any, float], *labels: str) -> "GaugeMetricFamily":
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    family: GaugeMetricFamily = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _build_counter(name: str, text: str, values: Mapping[Any, float], *labels: str) -> "CounterMetricFamily":
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415

    family: CounterMetricFamily = CounterMetricFamily(PREFIX + name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _build_summary(
    name: str, text: str, values: Mapping[Any, tuple[int, float]], *labels: str
) -> "SummaryMetricFamily":
    """Build a summary; `values` are the count and the sum of seconds for each combination of labels."""
    from prometheus_client.core import SummaryMetricFamily  # noqa: PLC0415

    family: SummaryMetricFamily = SummaryMetricFamily(PREFIX + name, text, labels=labels)
    for key, (count, seconds) in values.items():
        family.add_metric(key, count, seconds)
    return family
