"""The loads of a show: started and stopped by steps, multiplied by faults, shown as cards, and facts of conditions."""

import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.clock import CLOCK
from demo.conditions import Facts, NodeFact, Quantity, Value
from demo.errors import FaultError, InvalidValue, SubjectError
from demo.load.http import HttpSender
from demo.load.load import MAX_IN_FLIGHT, Load
from demo.load.measured import Measured
from demo.load.postgres import PostgresSender
from demo.load.redis import RedisSender
from demo.load.sender import Sender
from demo.probes.numbers import rounded
from demo.show.health_sample import LOAD
from demo.showfile.schema.system import LoadSettings

CARD_SEC = 2.0
"""What a card shows was measured in this time, so that it turns red soon."""

MIN_REQUESTS = 5
"""With fewer in that time, the card shows the last 10 s."""

DEGRADED_SHARE = 0.01
DOWN_SHARE = 0.5
BEHIND_SEC = 0.1
"""A load is said to fall behind when one request in a hundred starts later than this."""

PERCENTILE = "p("


@dataclass
class _Order:
    """What a load is told to send: `rate` of its own, so many times; `concurrency` bounds what is under way."""

    rate: float
    times: float = 1
    concurrency: int | None = None


class ShowLoads:
    """Sends the loads of a show file from `start` to `stop`, in the running loop.

    `fill` puts the values of secrets into a URL; `changed` is called whenever there is something new to know.
    """

    def __init__(
        self, settings: Mapping[str, LoadSettings], fill: Callable[[str], str], changed: Callable[[], None]
    ) -> None:
        self._settings, self._fill, self._changed = settings, fill, changed
        self._orders = {name: _Order(load.rate if load.start else 0.0) for name, load in settings.items()}
        self._loads: dict[str, Load] = {}

    # Its life.

    def start(self) -> None:
        """Begin to send what is sent from the start of the show. Raises `SubjectError`; safe to call twice."""
        for name, settings in self._settings.items():
            if name in self._loads:
                continue
            try:
                sender = make_sender(name, settings, self._fill)
            except (FaultError, InvalidValue) as error:
                raise SubjectError(f"load {name}: {error}") from error
            bound = min(MAX_IN_FLIGHT, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
            self._loads[name] = Load(sender, settings.timeout, max_in_flight=bound, measured=self._changed)
            self._apply(name)

    async def stop(self) -> None:
        """Send nothing any more, and close all connections."""
        loads, self._loads = self._loads, {}
        for load in loads.values():
            await load.close()

    # What it is told.

    def set_rate(self, name: str, rate: float | None) -> None:
        """Set the arrivals a second of a load; None for its own rate. Raises `SubjectError`."""
        if name not in self._orders:
            raise SubjectError(f"there is no load {name}")
        self._orders[name].rate = self._settings[name].rate if rate is None else rate
        self._apply(name)

    def multiply(self, load: str, times: float, concurrency: int | None = None) -> None:
        """Send so many times the rate from now on; 1 is the rate itself. Raises `FaultError`."""
        if load not in self._orders:
            raise FaultError(f"there is no load {load}")
        self._orders[load].times = times
        self._orders[load].concurrency = concurrency
        self._apply(load)

    def multiplied(self, load: str) -> float:
        return self._orders[load].times if load in self._orders else 1

    def measure_since(self, moment: float | None) -> None:
        """Measure since this moment of the show's clock, when a fault began; None: there is none."""
        for load in self._loads.values():
            load.measure_since(None if moment is None else CLOCK.to_uptime(moment))

    def _apply(self, name: str) -> None:
        if name in self._loads:
            order = self._orders[name]
            self._loads[name].set_rate(order.rate * order.times, order.concurrency)

    # What is known of them.

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._settings)

    def value(self, name: str, field: str) -> Value:
        """Return what was measured of a load: since a fault began, or else of the last 10 s. None: nothing was."""
        load = self._loads.get(name)
        return None if load is None else fact_of(load.measured(), field)

    def sample(self, links: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
        """Return cards and curves for a health sample. `links`: name → the ids that it leads to.

        The curves of what was answered come first, so that several loads are seen side by side.
        """
        nodes, metrics, errors = [], [], []
        for name, load in self._loads.items():
            measured, seconds = _of_card(load)
            share = measured.error_share
            answered = (measured.count - measured.errors) / seconds
            nodes.append(_card(name, load, measured, seconds) | {"links": list(links.get(name, ()))})
            metrics.append(_metric(f"{name}.answered", f"{name} answered", rounded(answered), "/s", "load"))
            percent = None if share is None else rounded(share * 100)
            errors.append(_metric(f"{name}.rate", f"{name} errors", percent, "%", "errors"))
        return {"nodes": nodes, "metrics": [*metrics, *errors]} if nodes else {}


@dataclass(frozen=True)
class ShowFacts:
    """The facts of a show: what its probes say, and what its loads measured."""

    board: Facts
    loads: ShowLoads

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        return self.board.nodes(name)

    def value(self, path: tuple[str, ...]) -> Value:
        """Return a field of a load (`client.rate`; `rate` where there is one load alone), else what the probes say."""
        for length in range(len(path) - 1, 0, -1):
            if (name := ".".join(path[:length])) in self.loads.names:
                return self.loads.value(name, ".".join(path[length:]))
        if len(path) == 1 and len(self.loads.names) == 1:
            return self.loads.value(self.loads.names[0], path[0])
        return self.board.value(path)


def make_sender(name: str, settings: LoadSettings, fill: Callable[[str], str]) -> Sender:
    """Return what sends the requests of a load. Raises `FaultError` for a secret without a value, `InvalidValue`."""
    if settings.http is not None:
        return HttpSender(fill(settings.http), settings.timeout)
    if settings.redis is not None:
        return RedisSender(name, fill(settings.redis), settings.timeout)
    return PostgresSender(name, fill(settings.postgres or ""), settings.timeout)


def fact_of(measured: Measured, field: str) -> Value:
    """Return one field as conditions name it; None where no request has ended, or there is no such field."""
    if not measured.count:
        return None
    took = measured.took
    if field.startswith(PERCENTILE):
        return _seconds(took.percentile(float(field.removeprefix(PERCENTILE).rstrip(")"))))
    known: Mapping[str, Value] = {
        "count": Quantity(float(measured.count)),
        "errors": Quantity(float(measured.errors)),
        "rate": Quantity(measured.errors / measured.count, "%"),
        "avg": _seconds(took.mean),
        "med": _seconds(took.percentile(50)),
        "min": _seconds(took.min),
        "max": _seconds(took.max),
    }
    return known.get(field)


def _seconds(number: float | None) -> Value:
    return None if number is None else Quantity(number, "s")


def _of_card(load: Load) -> tuple[Measured, float]:
    """Return what the card shows, and the seconds in which it was measured."""
    newest = load.recent(CARD_SEC)
    if newest.count >= MIN_REQUESTS:
        return newest, CARD_SEC
    return load.recent(10.0), 10.0


def _card(name: str, load: Load, measured: Measured, seconds: float) -> dict[str, Any]:
    """Return the card of a load. `kind` tells others that it is no part of the system."""
    return {
        "id": name,
        "name": name,
        "type": "load",
        "kind": LOAD,
        "health": _health(load, measured),
        "detail": _detail(load, measured),
        "metrics": _numbers(measured, seconds),
    }


def _numbers(measured: Measured, seconds: float) -> dict[str, float | None]:
    share, slow = measured.error_share, measured.took.percentile(95)
    if share is None or slow is None:
        return {}
    return {
        "/s": rounded((measured.count - measured.errors) / seconds),
        "ms p95": rounded(slow * 1000),
        "% errors": rounded(share * 100),
    }


def _health(load: Load, measured: Measured) -> str:
    share = measured.error_share
    if share is None or not load.rate:
        return "unknown"
    return "down" if share >= DOWN_SHARE else "degraded" if share >= DEGRADED_SHARE else "up"


def _detail(load: Load, measured: Measured) -> str:
    """Return what people must know besides the numbers."""
    if not load.rate:
        return "stopped"
    due = measured.missed + measured.count
    late = measured.late.percentile(99)
    behind = ""
    if measured.missed:
        behind = f"falling behind: {measured.missed} of {due} requests not sent"
    elif late is not None and late > BEHIND_SEC:
        behind = f"falling behind: requests start up to {late * 1000:.0f} ms late"
    trouble = load.last_trouble if measured.errors else ""
    return " · ".join(part for part in (behind, trouble) if part)


def _metric(name: str, label: str, value: float | None, unit: str, role: str) -> dict[str, Any]:
    return {"name": name, "label": label, "value": value, "unit": unit, "role": role}
