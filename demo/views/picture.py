"""The picture of the system on the stage: its main number, its nodes, limited keys, and all else as a few marks."""

from collections import Counter as Count
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from demo.show import ShowState
from demo.show.health_sample import LOAD, Counter, Node, Sample
from demo.views.cards import CardView, number_text
from demo.views.focus import Focus, Topic, find_counter, find_metric, nodes_of, read_focus
from demo.views.groups import severity, too_many
from demo.views.marks import aimed_nodes, struck_nodes
from demo.views.plots import TimelineView, timeline
from demo.views.redaction import masked

MAX_REST = 4
MAX_CARDS = 12
"""With more nodes than these, groups of them have frames instead of cards."""

MAX_BARS = 4


@dataclass(frozen=True, slots=True)
class FigureView:
    """The chapter's main number: what it counts in one line, where in another."""

    value: str
    unit: str
    label: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class KeyView:
    """A limited key as a bar: what was admitted, what of it was counted, and the limit. None: not measured."""

    name: str
    state: str
    admitted: float | None
    counted: float | None
    limit: float

    @property
    def over(self) -> float:
        return max(0.0, (self.admitted or 0.0) - self.limit)


@dataclass(frozen=True, slots=True)
class RestView:
    """One mark of the quiet strip."""

    state: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class PictureView:
    """`kind`: what has the picture's place. `aimed`: nodes on which the countdown ends; `struck`: a fault's targets.

    `impact`: counts the faults of the show, for each makes the picture flinch once; 0 while none is in place.
    """

    kind: Literal["none", "system", "keys", "fleet"] = "none"
    cards: tuple[CardView, ...] = ()
    focus: frozenset[str] = frozenset()
    figure: FigureView | None = None
    keys: tuple[KeyView, ...] = ()
    rest: tuple[RestView, ...] = ()
    timeline: TimelineView = TimelineView()
    aimed: frozenset[str] = frozenset()
    struck: frozenset[str] = frozenset()
    impact: int = 0


def picture(state: ShowState, cards: Iterable[CardView]) -> PictureView:
    """Return the picture for the current chapter; `cards` as the viewer may see them."""
    sample = state.sample
    if sample is None:
        return PictureView()
    focus = read_focus(state)
    nodes = tuple(card for card in cards if not card.of_key)
    kind = _kind(sample, focus)
    topics = focus.topics if kind != "fleet" or focus.is_chosen else ()
    running = [fault for fault in state.faults if fault.is_running and fault.injected_at is not None]
    return PictureView(
        kind=kind,
        cards=nodes,
        focus=focus.nodes,
        figure=_figure(state, sample, focus, kind),
        keys=tuple(_key(counter, state.freshness) for counter in _bars(sample, focus)) if kind == "keys" else (),
        rest=tuple(_rest(state, sample, focus, kind))[:MAX_REST],
        timeline=timeline(state, topics),
        aimed=aimed_nodes(state),
        struck=struck_nodes(state, running),
        impact=1 + len(state.spans) % 2 if running else 0,
    )


def _kind(sample: Sample, focus: Focus) -> Literal["none", "system", "keys", "fleet"]:
    if focus.is_chosen and any(topic.kind == "key" for topic in focus.topics):
        return "keys"
    if not sample.nodes:
        return "keys" if sample.counters else "none"
    return "fleet" if len(sample.nodes) > MAX_CARDS else "system"


def _figure(state: ShowState, sample: Sample, focus: Focus, kind: str) -> FigureView | None:
    if state.freshness != "live":
        # A number that is not known any more is not the largest thing on the wall.
        return FigureView("–", "", "not known now", "stale")
    if kind == "fleet" and not focus.is_chosen or not focus.topics:
        parts = [node for node in sample.nodes if node.kind != LOAD]
        up = sum(node.health == "up" for node in parts)
        return FigureView(str(up), "running", f"of {len(parts)} nodes") if parts else None
    has_fault = any(fault.is_running for fault in state.faults)
    return _figure_of(sample, focus.topics[0], has_fault)


def _figure_of(sample: Sample, topic: Topic, has_fault: bool) -> FigureView | None:
    if topic.kind == "metric" and (metric := find_metric(sample, topic.name)) is not None:
        good = "up" if has_fault and metric.value == 0 else ""
        tone = ("down" if metric.value else good) if metric.role == "errors" else ""
        return FigureView(number_text(metric.value), metric.unit, metric.label, tone)
    if topic.kind == "key" and (counter := find_counter(sample, topic.name)) is not None:
        return _figure_of_key(counter, topic.field)
    nodes = nodes_of(sample, topic)
    known = [value for node in nodes if (value := node.main[1]) is not None]
    total = number_text(sum(known) if known else None)
    return FigureView(total, topic.field, topic.name if len(nodes) == 1 else f"by {len(nodes)} nodes")


def _figure_of_key(counter: Counter, field: str) -> FigureView:
    if field == "drift":
        tone = "degraded" if counter.drift else ""
        return FigureView(number_text(counter.drift), "admitted, never counted", f"on {counter.key}", tone)
    if field == "ghosts":
        tone = "down" if counter.ghosts else ""
        return FigureView(number_text(counter.ghosts), "over the limit", f"on {counter.key}", tone)
    value = counter.counted if field == "counted" else counter.admitted
    tone = "down" if counter.limit and (value or 0) > counter.limit else ""
    return FigureView(number_text(value), f"of {number_text(counter.limit)} {field}", f"on {counter.key}", tone)


def _bars(sample: Sample, focus: Focus) -> tuple[Counter, ...]:
    """Return the keys that have a limit, those of the focus first."""
    named = [topic.name for topic in focus.topics if topic.kind == "key"]
    limited = [counter for counter in sample.counters if counter.limit > 0]
    return tuple(sorted(limited, key=lambda counter: counter.key not in named))[:MAX_BARS]


def _key(counter: Counter, freshness: str) -> KeyView:
    over = counter.admitted is not None and counter.admitted > counter.limit
    missed = counter.admitted is not None and counter.counted is not None and counter.counted < counter.admitted
    state = "down" if over else "degraded" if missed and counter.drift else "up"
    state = "unknown" if counter.admitted is None else state
    shown = state if freshness == "live" else "stale"
    return KeyView(counter.key, shown, counter.admitted, counter.counted, counter.limit)


def _rest(state: ShowState, sample: Sample, focus: Focus, kind: str) -> Iterator[RestView]:
    """Yield what is not in the focus: what a prediction speaks of, keys, nodes that have no card, further metrics."""
    for topic in focus.kept:
        yield from _rest_of_topic(state, sample, topic)
    if kind == "keys":
        yield from _rest_of_nodes(state, sample)
    elif limited := [counter for counter in sample.counters if counter.limit > 0]:
        yield _rest_of_keys(state, limited)
    shown = {topic.name for topic in (*focus.topics, *focus.kept) if topic.kind == "metric"}
    for metric in sample.metrics:
        if metric.name not in shown:
            yield from _rest_of_topic(state, sample, Topic("metric", metric.name))


def _rest_of_topic(state: ShowState, sample: Sample, topic: Topic) -> Iterator[RestView]:
    figure = _figure_of(sample, topic, has_fault=True)
    if figure is not None:
        mark = figure.state or ("unknown" if figure.value == number_text(None) else "up")
        yield RestView(_judged(state, mark), f"{figure.value} {figure.unit}".strip(), figure.label)


def _rest_of_keys(state: ShowState, limited: list[Counter]) -> RestView:
    over = [counter for counter in limited if (counter.admitted or 0) > counter.limit]
    if not over:
        known = all(counter.admitted is not None for counter in limited)
        noun = "key" if len(limited) == 1 else "keys"
        return RestView(_judged(state, "up" if known else "unknown"), f"{len(limited)} {noun}", "within limit")
    return RestView(_judged(state, "down"), over[0].key if len(over) == 1 else f"{len(over)} keys", "over the limit")


def _rest_of_nodes(state: ShowState, sample: Sample) -> Iterator[RestView]:
    """Yield one mark for each kind of node, the worst of a kind by name."""
    kinds: dict[str, list[Node]] = {}
    for node in sample.nodes:
        kinds.setdefault(node.group or node.type, []).append(node)
    for name, nodes in kinds.items():
        counts = Count(node.health for node in nodes)
        bad = [node for node in nodes if node.health != "up"]
        if not bad:
            text = "running"
            yield RestView(_judged(state, "up"), nodes[0].name if len(nodes) == 1 else f"{len(nodes)} {name}", text)
        elif len(bad) == 1:
            yield RestView(_judged(state, bad[0].health), masked(bad[0].name), masked(bad[0].detail) or bad[0].health)
        else:
            yield RestView(_judged(state, bad[0].health), f"{len(bad)} of {len(nodes)} {name}", f"{counts.most_common(1)[0][0]}")


def _judged(state: ShowState, health: str) -> str:
    return health if state.freshness == "live" else "stale"
