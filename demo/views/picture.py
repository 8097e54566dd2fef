"""The picture of the system on the stage: its main number, its nodes, limited keys, and all else as a few marks."""

from collections import Counter as Count
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from demo.show import FaultState, ShowState
from demo.show.health_sample import LOAD, Counter, Metric, Node, Sample
from demo.texts import localize_number, translate, translate_count
from demo.views.cards import CardView, measured_text, name_health, name_quantity, number_text
from demo.views.curves import TimelineView, timeline
from demo.views.focus import Focus, Topic, find_counter, find_metric, nodes_of, read_focus
from demo.views.marks import find_hit_nodes, find_next_targets
from demo.views.redaction import masked

MAX_REST = 4
MAX_CARDS = 12
"""With more nodes than these, groups of them have frames instead of cards."""

MAX_BARS = 4

BEFORE_SEC = 6.0
LEAST_POINTS = 3
LEAST_DELTA = 0.1
"""What a node carried in so many seconds before a fault, of at least so many points, is compared with what it carries
now; a smaller share than this is no change."""


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
    """One entry of the quiet strip; `state` names its mark, "" for a number that is neither good nor bad."""

    state: str
    name: str
    text: str


Kind = Literal["none", "system", "keys", "many_nodes"]


@dataclass(frozen=True, slots=True)
class SystemView:
    """The nodes, or the limited keys where a chapter is about them. `kind`: which of them has the picture's place.

    `next_targets`: the nodes that the next fault hits, at the end of the countdown, `next_fault_at`. `hit_nodes`: the
    targets of faults in place. `deltas`: by how much the main numbers of nodes have changed since the oldest of them.
    `hit_animation`: 1 or 2 while a fault is in place, the other one for the next: the animation plays once for each.
    """

    kind: Kind = "none"
    cards: tuple[CardView, ...] = ()
    focus: frozenset[str] = frozenset()
    keys: tuple[KeyView, ...] = ()
    next_targets: frozenset[str] = frozenset()
    next_fault_at: float | None = None
    hit_nodes: frozenset[str] = frozenset()
    deltas: tuple[tuple[str, str], ...] = ()
    hit_animation: int = 0


@dataclass(frozen=True, slots=True)
class PictureView:
    """All of the picture, made of one sample."""

    system: SystemView = field(default_factory=SystemView)
    figure: FigureView | None = None
    rest: tuple[RestView, ...] = ()
    timeline: TimelineView = field(default_factory=TimelineView)


def picture(state: ShowState, cards: Iterable[CardView]) -> PictureView:
    """Return the picture for the current chapter; `cards` as the viewer may see them."""
    sample = state.sample
    if sample is None:
        return PictureView()
    focus = read_focus(state)
    kind = _kind(sample, focus)
    topics = focus.topics if kind != "many_nodes" or focus.is_chosen else ()
    running = [fault for fault in state.faults if fault.is_running and fault.injected_at is not None]
    next_targets = find_next_targets(state)
    system = SystemView(
        kind=kind,
        cards=() if kind == "keys" else tuple(card for card in cards if not card.of_key),
        focus=focus.nodes,
        keys=tuple(_key(counter, state.freshness) for counter in _bars(sample, focus)) if kind == "keys" else (),
        next_targets=next_targets,
        next_fault_at=state.countdown_ends_at if next_targets else None,
        hit_nodes=find_hit_nodes(state, running),
        deltas=tuple(_deltas(state, sample, running)),
        hit_animation=1 + len(state.spans) % 2 if running else 0,
    )
    rest = tuple(_rest(state, sample, focus, kind))[:MAX_REST]
    return PictureView(system, _figure(state, sample, focus, kind), rest, timeline(state, topics))


def further_curves(state: ShowState) -> TimelineView:
    """Return the curves of the metrics that the picture leaves to the quiet strip, for a screen with room for them."""
    sample = state.sample
    if sample is None:
        return TimelineView()
    focus = read_focus(state)
    drawn = focus.topics if _kind(sample, focus) != "many_nodes" or focus.is_chosen else ()
    named = (Topic("metric", metric.name) for metric in sample.metrics)
    return timeline(state, [topic for topic in named if topic not in drawn])


def _deltas(state: ShowState, sample: Sample, running: Sequence[FaultState]) -> Iterator[tuple[str, str]]:
    """Yield by how much each node carries more than before the oldest fault that is in place: where the load went."""
    began = min((fault.injected_at for fault in running if fault.injected_at is not None), default=None)
    if began is None or state.freshness != "live":
        return
    before = [point for point in state.history if began - BEFORE_SEC <= point.at < began]
    for node in sample.nodes:
        unit, now = node.main
        known = [value for point in before if (value := point.values.get(f"node:{node.id}")) is not None]
        if now is None or len(known) < LEAST_POINTS or not unit.endswith("/s"):
            continue
        mean = sum(known) / len(known)
        more = round(now) - round(mean)
        if more >= max(1.0, LEAST_DELTA * mean):
            yield node.id, f"+{measured_text(more)}"


def _kind(sample: Sample, focus: Focus) -> Kind:
    if focus.is_chosen and any(topic.kind == "key" for topic in focus.topics):
        return "keys"
    if not sample.nodes:
        return "keys" if sample.counters else "none"
    return "many_nodes" if len(sample.nodes) > MAX_CARDS else "system"


def _figure(state: ShowState, sample: Sample, focus: Focus, kind: Kind) -> FigureView | None:
    if state.freshness != "live":
        # A number that is not known any more is not the largest thing on the wall.
        return FigureView("–", "", translate("not known now"), "stale")
    if (kind == "many_nodes" and not focus.is_chosen) or not focus.topics:
        parts = [node for node in sample.nodes if node.kind != LOAD]
        up = sum(node.health == "up" for node in parts)
        return (
            FigureView(
                str(up), translate("running"), translate_count("of %(num)s node", "of %(num)s nodes", len(parts))
            )
            if parts
            else None
        )
    has_fault = any(fault.is_running for fault in state.faults)
    return _figure_of(sample, focus.topics[0], has_fault)


def _figure_of(sample: Sample, topic: Topic, has_fault: bool) -> FigureView | None:
    if topic.kind == "metric" and (metric := find_metric(sample, topic.name)) is not None:
        good = "up" if has_fault and metric.value == 0 else ""
        tone = ("down" if metric.value else good) if metric.role == "errors" else ""
        return FigureView(measured_text(metric.value), *_described(metric), tone)
    if topic.kind == "key" and (counter := find_counter(sample, topic.name)) is not None:
        return _figure_of_key(counter, topic.field)
    nodes = nodes_of(sample, topic)
    known = [value for node in nodes if (value := node.main[1]) is not None]
    total = measured_text(sum(known) if known else None)
    return FigureView(total, name_quantity(topic.field), _name_nodes(topic, len(nodes)))


def _name_nodes(topic: Topic, count: int) -> str:
    return masked(topic.name) if count == 1 else translate("by %(num)s nodes", num=count)


def _described(metric: Metric) -> tuple[str, str]:
    """Return what a metric counts, in two lines: "% errors", or "requests" and "a second"."""
    if metric.unit == "/s":
        return name_quantity(metric.label), translate("a second")
    return f"{metric.unit} {name_quantity(metric.label)}".strip(), ""


def _figure_of_key(counter: Counter, field: str) -> FigureView:
    """Return a key's number. What is counted over a time says so: the bar beside it tells only what is now."""
    place = _place_of_key(counter)
    if field == "drift":
        tone = "degraded" if counter.drift else ""
        return FigureView(number_text(counter.drift), translate("admitted, never counted"), place, tone)
    if field == "ghosts":
        tone = "down" if counter.ghosts else ""
        return FigureView(number_text(counter.ghosts), translate("over the limit"), place, tone)
    value = counter.counted_of_admitted if field == "counted" else counter.admitted
    tone = "down" if counter.limit and (value or 0) > counter.limit else ""
    limit = number_text(counter.limit)
    if field == "counted":
        words = translate("of %(limit)s counted", limit=limit)
    else:
        words = translate("of %(limit)s admitted", limit=limit)
    return FigureView(number_text(value), words, translate("on %(key)s", key=counter.key), tone)


def _place_of_key(counter: Counter) -> str:
    if counter.span_sec is None:
        return translate("on %(key)s", key=counter.key)
    seconds = localize_number(f"{counter.span_sec:g}")
    return translate("on %(key)s, last %(seconds)s s", key=counter.key, seconds=seconds)


def _bars(sample: Sample, focus: Focus) -> tuple[Counter, ...]:
    """Return the keys that have a limit, those of the focus first."""
    named = [topic.name for topic in focus.topics if topic.kind == "key"]
    limited = [counter for counter in sample.counters if counter.limit > 0]
    return tuple(sorted(limited, key=lambda counter: counter.key not in named))[:MAX_BARS]


def _key(counter: Counter, freshness: str) -> KeyView:
    over = counter.admitted is not None and counter.admitted > counter.limit
    state = "down" if over else "degraded" if counter.uncounted else "up"
    state = "unknown" if counter.admitted is None else state
    shown = state if freshness == "live" else "stale"
    return KeyView(counter.key, shown, counter.admitted, counter.counted_of_admitted, counter.limit)


def _rest(state: ShowState, sample: Sample, focus: Focus, kind: Kind) -> Iterator[RestView]:
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
        words = f"{figure.unit} {figure.label}".strip()
        metric = find_metric(sample, topic.name) if topic.kind == "metric" else None
        # A rate is neither good nor bad: a green mark beside "0/s" would say that all is well.
        good = "up" if metric is not None and metric.role == "errors" else ""
        mark = figure.state or ("unknown" if figure.value == number_text(None) else good)
        if metric is not None:
            yield RestView(_judged(state, mark), f"{figure.value}{_beside(metric.unit)}", name_quantity(metric.label))
        else:
            yield RestView(_judged(state, mark), figure.value, words)


def _beside(unit: str) -> str:
    """Return a unit as it stands after a number."""
    return unit if unit == "/s" or not unit else f" {unit}"


def _rest_of_keys(state: ShowState, limited: list[Counter]) -> RestView:
    over = [counter for counter in limited if (counter.admitted or 0) > counter.limit]
    if not over:
        known = all(counter.admitted is not None for counter in limited)
        count = translate_count("%(num)s key", "%(num)s keys", len(limited))
        return RestView(_judged(state, "up" if known else "unknown"), count, translate("within limit"))
    name = over[0].key if len(over) == 1 else translate_count("%(num)s key", "%(num)s keys", len(over))
    return RestView(_judged(state, "down"), name, translate("over the limit"))


def _rest_of_nodes(state: ShowState, sample: Sample) -> Iterator[RestView]:
    """Yield one mark for each kind of node, the worst of a kind by name."""
    kinds: dict[str, list[Node]] = {}
    for node in sample.nodes:
        kinds.setdefault(node.group or node.type, []).append(node)
    for name, nodes in kinds.items():
        bad = [node for node in nodes if node.health != "up"]
        if not bad:
            shown = masked(nodes[0].name) if len(nodes) == 1 else masked(_count_kind(len(nodes), name))
            yield RestView(_judged(state, "up"), shown, translate("running"))
        elif len(bad) == 1:
            yield RestView(
                _judged(state, bad[0].health), masked(bad[0].name), masked(bad[0].detail) or name_health(bad[0].health)
            )
        else:
            commonest = Count(node.health for node in bad).most_common(1)[0][0]
            count = translate("%(count)s of %(total)s", count=len(bad), total=_count_kind(len(nodes), name))
            yield RestView(_judged(state, commonest), masked(count), name_health(commonest))


def _count_kind(count: int, kind: str) -> str:
    """Count nodes of one kind: "3 brokers". Their kind is the system's own word, so only English can make it plural."""
    if not kind:
        return translate("%(num)s nodes", num=count)
    return translate("%(num)s %(kind)ss", num=count, kind=kind)


def _judged(state: ShowState, health: str) -> str:
    return health if state.freshness == "live" else "stale"
