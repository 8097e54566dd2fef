"""A health sample: the poller's dict, checked and frozen. What cannot be read is reported, never guessed."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from demo.errors import InvalidValue
from demo.probes.numbers import number

STATES = ("up", "degraded", "down", "starting", "offline", "unknown")
"""The values of a node's `health`, as `HealthPollerProtocol` documents them."""

LOAD = "load"
"""The kind of a node that sends requests: it has a card, but is not part of the system."""

MAX_NODES = 2000

MAX_PROBLEMS = 5

DEFAULT_INTERVAL_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Node:
    """`kind` is `LOAD` for what sends requests; empty for a part of the system.

    `flows`: how much goes over each of its `links`, by id, in whatever unit; a link without one is drawn evenly.
    """

    id: str
    name: str
    type: str = ""
    health: str = "unknown"
    address: str = ""
    detail: str = ""
    metrics: Mapping[str, float | str] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    group: str = ""
    kind: str = ""
    flows: Mapping[str, float] = field(default_factory=dict)

    @property
    def main(self) -> tuple[str, float | None]:
        """Unit and value of the main number, which is the first numeric metric; ("", None) without one."""
        return next(((unit, v) for unit, v in self.metrics.items() if isinstance(v, int | float)), ("", None))


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of the whole system, drawn as a curve. `role` hints at its meaning (load, errors, latency)."""

    name: str
    label: str
    value: float | None
    unit: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    """One limited key. Numbers are None where they could not be measured.

    `admitted`, and of these `uncounted`, which the limiter does not know of: in the current window. `counted`: what it
    knows of, maybe of a longer time. In the last `span_sec` seconds (None: not known how many), `drift` is how many it
    does not know of, and `ghosts` the most over the limit in any window; `spread_sec` is the timing error of `ghosts`.
    """

    key: str
    algorithm: str = ""
    limit: float = 0
    window_sec: float = 0
    admitted: float | None = None
    counted: float | None = None
    drift: float | None = None
    ghosts: float | None = None
    spread_sec: float | None = None
    uncounted: float | None = None
    span_sec: float | None = None

    @property
    def counted_of_admitted(self) -> float | None:
        return None if self.admitted is None or self.uncounted is None else max(0.0, self.admitted - self.uncounted)


@dataclass(frozen=True, slots=True)
class Sample:
    """`updated_at` is a moment of the show's clock; `raw` is the poller's dict as JSON values."""

    nodes: tuple[Node, ...]
    updated_at: float
    interval_sec: float = DEFAULT_INTERVAL_SEC
    metrics: tuple[Metric, ...] = ()
    counters: tuple[Counter, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_issues(self) -> bool:
        """An expected node is not up. Counters never set it, nor do loads: a stopped one is not broken."""
        return any(node.health != "up" for node in self.nodes if node.kind != LOAD)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong and no node tells of, as sentences for the presenter."""
        said = self.raw.get("problems")
        texts = (_read_text(text) for text in said if isinstance(text, str)) if isinstance(said, list) else ()
        return tuple(text for text in texts if text)[:MAX_PROBLEMS]

    @property
    def last_updated(self) -> datetime:
        """The sample's moment as an aware datetime in the poller's time zone, comparable with the show's moments."""
        said = _read_date(self.raw.get("last_updated"))
        return datetime.fromtimestamp(self.updated_at, UTC if said is None else said.tzinfo)

    @property
    def as_documented(self) -> dict[str, Any]:
        """The poller's dict as a deck or a driver gets it, described by `HealthPollerProtocol`."""
        return {**self.raw, "last_updated": self.last_updated}

    def with_missing(self, expected: Iterable[Node]) -> "Sample":
        """Return this sample with every expected node that it lacks added as down: a node never just disappears.

        Unless its poller says that it is complete: then the poller itself knows what to expect.
        Up to MAX_NODES in all. Nodes that went missing last come first in `expected` (a sample's own nodes stand before
        the missing ones), so those missing for longest are dropped.
        """
        if self.raw.get("complete") is True:
            return self
        present = {node.id for node in self.nodes}
        room = max(0, MAX_NODES - len(self.nodes))
        missing = tuple(
            replace(node, health="down", detail="missing in the newest sample", metrics={})
            for node in expected
            if node.id not in present
        )[:room]
        return replace(self, nodes=self.nodes + missing) if missing else self


def read_sample(health: object, now: float, moment_of: Callable[[float], float] = float) -> Sample:
    """Return a poller's dict as a `Sample`; `now` replaces a missing `last_updated`.

    `moment_of` converts a wall clock time (seconds of the epoch) to a moment of the show's clock.
    Raises `InvalidValue` that says what is wrong; a single invalid node becomes `unknown` instead.
    """
    if not isinstance(health, Mapping):
        raise InvalidValue(f"the poller returned {type(health).__name__}, not a dict")
    nodes = health.get("nodes", [])
    if not isinstance(nodes, list | tuple):
        raise InvalidValue(f"the poller's 'nodes' is {type(nodes).__name__}, not a list")
    interval = number(health.get("interval_sec"))
    raw = to_json_value(health)
    return Sample(
        nodes=_drop_duplicates(_read_node(item, index) for index, item in enumerate(nodes[:MAX_NODES])),
        updated_at=_read_moment(health.get("last_updated"), now, moment_of),
        interval_sec=interval if interval and interval > 0 else DEFAULT_INTERVAL_SEC,
        metrics=tuple(_read_metric(item) for item in _keep_dicts(health.get("metrics"))),
        counters=tuple(_read_counter(item) for item in _keep_dicts(health.get("counters"))),
        # Kept whole: drivers and a deck's conditions read keys that only their own poller knows.
        raw=raw if isinstance(raw, dict) else {},
    )


def unreadable_node(health: Mapping[str, Any]) -> str:
    """Return what is wrong with the first node that has no valid health, for the presenter; empty for none."""
    nodes = health.get("nodes", ())
    for index, item in enumerate(nodes[:MAX_NODES] if isinstance(nodes, list | tuple) else ()):
        is_known = isinstance(item, Mapping) and isinstance(item.get("health"), str) and item["health"] in STATES
        if not is_known:
            return _describe_unreadable_node(item, index)
    return ""


def _describe_unreadable_node(item: object, index: int) -> str:
    allowed = f"allowed: {', '.join(STATES)}"
    if not isinstance(item, Mapping):
        return f"the poller's node {index} is a {type(item).__name__}, not a dict"
    name = _read_text(item.get("id")) or _read_text(item.get("name")) or f"node-{index}"
    if "health" in item:
        return f"the poller gives node {name!r} the health {_read_text(item['health'])[:40]!r}; {allowed}"
    similar = difflib.get_close_matches("health", [key for key in item if isinstance(key, str)], n=1)
    hint = f" (it has {similar[0]!r}: misspelt?)" if similar else ""
    return f"the poller gives node {name!r} no 'health'{hint}; {allowed}"


def to_json_value(value: object, depth: int = 0) -> Any:
    """Return a value as JSON can hold it: datetimes as ISO text, NaN and infinity as None, other types as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, int | float):
        finite = number(value)
        # A numeric type of another library (as NumPy) becomes one that every JSON encoder accepts.
        return finite if finite is None else int(finite) if isinstance(finite, int) else float(finite)
    # The depth is limited, because a structure may contain itself.
    if isinstance(value, Mapping) and depth < 12:
        return {replace_surrogates(str(key)): to_json_value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < 12:
        return [to_json_value(item, depth + 1) for item in value]
    return replace_surrogates((value.isoformat() if isinstance(value, datetime) else str(value))[:200])


def replace_surrogates(text: str) -> str:
    """Return the text as UTF-8 can hold it: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _drop_duplicates(nodes: Iterable[Node]) -> tuple[Node, ...]:
    by_id: dict[str, Node] = {}
    for node in nodes:
        # The first node of an id wins.
        by_id.setdefault(node.id, node)
    return tuple(by_id.values())


def _read_node(item: object, index: int) -> Node:
    if not isinstance(item, Mapping):
        return Node(id=f"node-{index}", name=f"node-{index}", detail="the poller gave no readable data")
    ident = _read_text(item.get("id")) or _read_text(item.get("name")) or f"node-{index}"
    health = item.get("health")
    is_known = isinstance(health, str) and health in STATES
    # The audience sees this: an unknown value is not repeated, because it may be the text of an error.
    fallback_detail = "" if is_known else "unknown health value"
    metrics = item.get("metrics")
    links, flows = item.get("links"), item.get("flows")
    return Node(
        id=ident,
        name=_read_text(item.get("name")) or ident,
        type=_read_text(item.get("type")),
        health=str(health) if is_known else "unknown",
        address=_read_text(item.get("address")),
        detail=_read_text(item.get("detail")) or fallback_detail,
        metrics=_read_metrics(metrics) if isinstance(metrics, Mapping) else {},
        links=tuple(_read_text(link) for link in links) if isinstance(links, list | tuple) else (),
        group=_read_text(item.get("group")),
        kind=_read_text(item.get("kind")),
        flows=_read_flows(flows) if isinstance(flows, Mapping) else {},
    )


def _read_flows(flows: Mapping[Any, Any]) -> dict[str, float]:
    read = {_read_text(name): number(value) for name, value in flows.items()}
    return {name: float(value) for name, value in read.items() if value is not None and value >= 0}


def _read_metrics(metrics: Mapping[Any, Any]) -> dict[str, float | str]:
    values: dict[str, float | str] = {}
    for name, value in metrics.items():
        finite = number(value)
        if finite is not None:
            values[_read_text(name)] = finite
        elif isinstance(value, str):
            values[_read_text(name)] = _read_text(value)[:200]
    return values


def _read_metric(item: Mapping[str, Any]) -> Metric:
    name = _read_text(item.get("name"))
    return Metric(
        name=name,
        label=_read_text(item.get("label")) or name,
        value=number(item.get("value")),
        unit=_read_text(item.get("unit")),
        role=_read_text(item.get("role")),
    )


def _read_counter(item: Mapping[str, Any]) -> Counter:
    return Counter(
        key=_read_text(item.get("key")),
        algorithm=_read_text(item.get("algorithm")),
        limit=number(item.get("limit")) or 0,
        window_sec=number(item.get("window_sec")) or 0,
        admitted=number(item.get("admitted")),
        counted=number(item.get("counted")),
        drift=number(item.get("drift")),
        ghosts=number(item.get("ghosts")),
        spread_sec=number(item.get("spread_sec")),
        uncounted=number(item.get("uncounted")),
        span_sec=number(item.get("span_sec")),
    )


def _keep_dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def _read_text(value: object) -> str:
    # Shortened, because this text goes to every screen and into the journal with each sample.
    return "" if value is None else replace_surrogates(str(value)[:400])


def _read_moment(value: object, now: float, moment_of: Callable[[float], float]) -> float:
    """Return the moment of an aware datetime (or its ISO text), never later than `now`; `now` for anything else."""
    # Never later than now: a sample from the future would count as live for too long.
    date = _read_date(value)
    return now if date is None else min(moment_of(date.timestamp()), now)


def _read_date(value: object) -> datetime | None:
    """Return an aware datetime, or one parsed from ISO text; None for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    # A date without a time zone may mean any of 24 moments, so it counts as missing.
    return value if isinstance(value, datetime) and value.tzinfo is not None else None
