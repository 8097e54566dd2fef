"""The numbers and the nodes' states of a whole show in little memory: each column of time keeps its extremes.

A column is as wide as the length of the show demands, so a day takes as much memory as an hour, and no spike is lost.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from demo.clean import clean
from demo.probes.numbers import number
from demo.show.events import HealthSampled
from demo.show.health_sample import LOAD, STATES
from demo.views.redaction import masked

MAX_COLUMNS = 800
"""Columns of a series: at least half as many are in use once the show is longer than `MAX_COLUMNS * FIRST_SEC`."""

FIRST_SEC = 0.25
"""The width of a column at the beginning."""

GAP_SEC = 30.0
"""A longer time between two samples is a gap. Old quiet minutes are thinned to one sample in 10 s: those are none."""

KEY = "key:"
"""Before the name of a limited key, which may be that of a metric too."""

MAX_SERIES, MAX_NODES = 40, 200
"""More metrics and keys, or nodes, than these are counted, not drawn."""

WORST = ("up", "degraded", "starting", "unknown", "offline", "down")
"""The states of a node, from the best to the worst."""

Point = tuple[float, float]
"""Seconds since the show began, and a value."""


@dataclass(frozen=True, slots=True)
class Series:
    """One number over the show. `lines`: its points without a gap between them, the extremes of each column.

    `limit`: what a limited key may reach; None without a limit.
    """

    name: str
    label: str
    unit: str
    role: str
    lines: tuple[tuple[Point, ...], ...]
    least: float
    most: float
    last: float
    limit: float | None = None

    @property
    def is_key(self) -> bool:
        """Return whether it is what a limited key admitted."""
        return self.name.startswith(KEY)


@dataclass(frozen=True, slots=True)
class NodeStates:
    """The states of one node: from when to when, in seconds, and which; the worst one of each column."""

    id: str
    name: str
    spans: tuple[tuple[float, float, str], ...]

    @property
    def was_broken(self) -> bool:
        """Return whether it was not up after it had been up first: a start is no disturbance."""
        started = False
        for _, _, state in self.spans:
            if started and state != "up":
                return True
            started = started or state == "up"
        return any(state in ("down", "degraded") for _, _, state in self.spans) and not started


@dataclass(frozen=True, slots=True)
class SampleSeries:
    """What the health samples of a show say. `left_out`: metrics, keys and nodes beyond those that are kept."""

    series: tuple[Series, ...] = ()
    nodes: tuple[NodeStates, ...] = ()
    samples: int = 0
    left_out: int = 0


@dataclass(slots=True)
class _Column:
    """`low`, `high`: the extremes with their seconds. `after_gap`: nothing leads here from the column before."""

    first: float
    last: float
    low: Point
    high: Point
    after_gap: bool

    def join(self, later: "_Column") -> "_Column":
        low = min(self.low, later.low, key=_value_of)
        high = max(self.high, later.high, key=_value_of)
        return _Column(self.first, later.last, low, high, self.after_gap)


def _value_of(point: Point) -> float:
    return point[1]


class Columns:
    """The extremes of a number in columns of equal width; when there are too many, two become one."""

    def __init__(self) -> None:
        self._width = FIRST_SEC
        self._columns: dict[int, _Column] = {}
        self._last: Point | None = None
        self._ends_gap = True
        self.extremes = (0.0, 0.0)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def last(self) -> float:
        """The newest value."""
        return self._last[1] if self._last is not None else 0.0

    def add(self, sec: float, value: float | None) -> None:
        """Add a value in the order of time; None: it was not measured, which is a gap."""
        if value is None:
            self.begin_gap()
            return
        gap = self._ends_gap or self._last is None or sec - self._last[0] > GAP_SEC
        low, high = self.extremes if self._last is not None else (value, value)
        self.extremes = (min(low, value), max(high, value))
        self._last, self._ends_gap = (sec, value), False
        column = _Column(sec, sec, self._last, self._last, gap)
        while (place := int(max(0.0, sec) / self._width)) >= MAX_COLUMNS:
            self._double_width()
        before = self._columns.get(place)
        self._columns[place] = column if before is None else before.join(column)

    def begin_gap(self) -> None:
        """Let the next value be the beginning of another line."""
        self._ends_gap = True

    def _double_width(self) -> None:
        joined: dict[int, _Column] = {}
        for place, column in self._columns.items():
            before = joined.get(place // 2)
            joined[place // 2] = column if before is None else before.join(column)
        self._columns, self._width = joined, self._width * 2

    def lines(self) -> Iterator[tuple[Point, ...]]:
        """Yield the points between two gaps, each with at most two of a column."""
        line: list[Point] = []
        for column in self._columns.values():
            if column.after_gap and line:
                yield tuple(line)
                line = []
            first, second = sorted((column.low, column.high))
            line += [first] if first == second else [first, second]
        if line:
            yield tuple(line)


class _Spans:
    """The states of a node over time, the worst of each column."""

    def __init__(self) -> None:
        self._ranks = Columns()

    def begin_gap(self) -> None:
        self._ranks.begin_gap()

    def add(self, sec: float, state: str) -> None:
        self._ranks.add(sec, float(WORST.index(state)))

    def spans(self) -> Iterator[tuple[float, float, str]]:
        """Yield from when to when which state was seen; between two samples the earlier one holds."""
        for line in self._ranks.lines():
            begun, rank = line[0]
            for sec, other in line:
                if other != rank:
                    yield begun, sec, WORST[int(rank)]
                    begun, rank = sec, other
            yield begun, line[-1][0], WORST[int(rank)]


@dataclass(slots=True)
class _Number:
    label: str
    unit: str
    role: str
    limit: float | None
    columns: Columns


class SeriesFold:
    """Takes health samples one after the other. `place` converts a moment to seconds since the show began."""

    def __init__(self, place: Callable[[float], float]) -> None:
        self._place = place
        self._numbers: dict[str, _Number] = {}
        self._nodes: dict[str, tuple[str, _Spans]] = {}
        self._gone: list[NodeStates] = []
        self._left_out: set[str] = set()
        self._samples = 0
        self._newest = 0.0

    def add(self, event: HealthSampled, at: float) -> None:
        """Add a sample that arrived at the moment `at`. What cannot be read in it is left out."""
        sec = max(self._newest, self._place(min(event.updated_at, at)))
        self._newest = sec
        self._samples += 1
        seen = set()
        for item in _dicts(event.health.get("metrics")):
            seen.add(self._add_number(sec, item, _text(item.get("name")), item.get("value")))
        for item in _dicts(event.health.get("counters")):
            seen.add(self._add_number(sec, item, f"{KEY}{_text(item.get('key'))}", item.get("admitted")))
        for name, known in self._numbers.items():
            if name not in seen:
                known.columns.add(sec, None)
        self._add_nodes(sec, event.health)

    def _add_number(self, sec: float, item: Mapping[str, Any], name: str, value: object) -> str:
        if name not in self._numbers:
            if len(self._numbers) >= MAX_SERIES:
                self._left_out.add(name)
                return name
            self._numbers[name] = _Number("", "", "", None, Columns())
        known = self._numbers[name]
        known.label = _text(item.get("label")) or name.removeprefix(KEY)
        known.unit, known.role = _text(item.get("unit")), _text(item.get("role"))
        known.limit = number(item.get("limit")) or None if name.startswith(KEY) else None
        known.columns.add(sec, number(value))
        return name

    def _add_nodes(self, sec: float, health: Mapping[str, Any]) -> None:
        seen = set()
        for item in _dicts(health.get("nodes")):
            ident = _text(item.get("id"))
            seen.add(ident)
            if item.get("kind") == LOAD:
                continue
            if ident not in self._nodes:
                if len(self._nodes) >= MAX_NODES:
                    self._left_out.add(f"node:{ident}")
                    continue
                self._nodes[ident] = (_text(item.get("name")) or ident, _Spans())
            state = item.get("health")
            self._nodes[ident][1].add(sec, str(state) if state in STATES else "unknown")
        # A node that its poller does not tell of is down, as on the stage.
        if health.get("complete") is not True:
            for ident, (_, spans) in self._nodes.items():
                if ident not in seen:
                    spans.add(sec, "down")

    def begin_gap(self) -> None:
        """Let the next sample be the first one after a gap: the show was not played meanwhile."""
        for known in self._numbers.values():
            known.columns.begin_gap()
        for _, spans in self._nodes.values():
            spans.begin_gap()

    def forget_nodes(self, gone: tuple[str, ...]) -> None:
        """End what is told of nodes that no probe tells of any more; what was seen of them stays."""
        for ident in gone:
            if ident in self._nodes:
                name, spans = self._nodes.pop(ident)
                self._gone.append(NodeStates(ident, masked(name), tuple(spans.spans())))

    def measured(self) -> SampleSeries:
        """Return what was seen until now."""
        series = tuple(_make_series(name, known) for name, known in self._numbers.items() if len(known.columns))
        nodes = tuple(NodeStates(ident, masked(name), tuple(s.spans())) for ident, (name, s) in self._nodes.items())
        return SampleSeries(series, (*nodes, *self._gone), self._samples, len(self._left_out))


def _make_series(name: str, known: _Number) -> Series:
    least, most = known.columns.extremes
    return Series(
        name,
        masked(known.label),
        known.unit,
        known.role,
        tuple(known.columns.lines()),
        least,
        most,
        known.columns.last,
        known.limit,
    )


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def _text(value: object) -> str:
    return "" if value is None else clean(str(value)[:200])
