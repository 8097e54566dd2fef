"""The focus of a chapter: which numbers and nodes it shows large, found in the newest sample by name."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from demo.probes.numbers import field_name
from demo.show import ShowState
from demo.show.health_sample import Counter, Metric, Node, Sample

MAX_TOPICS = 2
"""How many numbers a room takes in at once."""

METRICS = "metrics."
KEY_FIELDS = ("admitted", "counted", "drift", "ghosts")


@dataclass(frozen=True, slots=True)
class Topic:
    """A number that a chapter is about: a metric, a field of a limited key, or one number of several nodes.

    `field` is a key's (one of KEY_FIELDS), or the unit of the nodes' main number.
    """

    kind: Literal["metric", "key", "nodes"]
    name: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Focus:
    """`topics`: at most MAX_TOPICS. `kept`: what else a prediction speaks of. `is_chosen`: by the deck."""

    topics: tuple[Topic, ...] = ()
    kept: tuple[Topic, ...] = ()
    nodes: frozenset[str] = frozenset()
    is_chosen: bool = False


def read_focus(state: ShowState) -> Focus:
    """Return the focus of the current chapter; without a highlight of its own, that of the standing prediction.

    Without any, the numbers that the subject names first. Errors are kept beside a prediction whatever else is shown.
    """
    sample = state.sample
    if sample is None:
        return Focus()
    number = state.hypothesis_number(state.number)
    predicted = state.chapters[number - 1] if number is not None else state.chapter
    names = state.chapter.highlight or predicted.highlight
    chosen = _find_topics(sample, names)
    watched = _find_topics(sample, (*state.chapter.watches, *predicted.watches))
    first = [Topic("metric", metric.name) for metric in sample.metrics]
    errors = [Topic("metric", m.name) for m in sample.metrics if m.role == "errors"] if number is not None else []
    shown = (chosen or _unique([*watched, *first]))[:MAX_TOPICS]
    kept = [topic for topic in _unique([*chosen, *watched, *errors]) if topic not in shown]
    nodes = frozenset(node.id for name in names for node in _nodes_named(sample, name))
    return Focus(tuple(shown), tuple(kept), nodes, is_chosen=bool(chosen))


def _find_topics(sample: Sample, names: Iterable[str]) -> list[Topic]:
    return _unique(topic for name in names if (topic := find_topic(sample, name)) is not None)


def _unique(topics: Iterable[Topic]) -> list[Topic]:
    return list(dict.fromkeys(topics))


def find_topic(sample: Sample, name: str) -> Topic | None:
    """Return what a highlight names, None if the sample has no such number (it may be a node)."""
    plain = name.removeprefix(METRICS)
    if find_metric(sample, plain) is not None:
        return Topic("metric", plain)
    if find_counter(sample, name) is not None:
        return Topic("key", name, "admitted")
    topics = (_topic_of(sample, owner, field) for owner, field in _split(name))
    return next((topic for topic in topics if topic is not None), None)


def _split(name: str) -> Iterator[tuple[str, str]]:
    """Yield each way to read `owner.field`, for both may hold dots; the longest owner first."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        yield ".".join(parts[:length]), ".".join(parts[length:])


def _topic_of(sample: Sample, owner: str, field: str) -> Topic | None:
    if find_counter(sample, owner) is not None:
        return Topic("key", owner, field) if field in KEY_FIELDS else None
    for node in _nodes_named(sample, owner):
        unit = node.main[0]
        if unit and (field == field_name(unit) or find_metric(sample, f"{node.id}.{field}") is not None):
            return Topic("nodes", owner, unit)
    return None


def find_metric(sample: Sample, name: str) -> Metric | None:
    return next((metric for metric in sample.metrics if metric.name == name), None)


def find_counter(sample: Sample, key: str) -> Counter | None:
    return next((counter for counter in sample.counters if counter.key == key), None)


def nodes_of(sample: Sample, topic: Topic) -> tuple[Node, ...]:
    """Return the nodes of a topic of nodes."""
    return _nodes_named(sample, topic.name)


def _nodes_named(sample: Sample, name: str) -> tuple[Node, ...]:
    if not name:
        return ()
    exact = _pick(sample.nodes, lambda node: name in (node.id, node.name))
    return exact or _pick(sample.nodes, lambda node: name in (node.group, node.type))


def _pick(nodes: Iterable[Node], is_meant: Callable[[Node], bool]) -> tuple[Node, ...]:
    return tuple(node for node in nodes if is_meant(node))
