"""Health cards: each node and each limited key as a name, a state, one main number and its age."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from demo.show import ShowState
from demo.show.health_sample import Counter, Node
from demo.show.state import MAX_HISTORY
from demo.texts import localize_number, mark_text, translate, translate_marked
from demo.views.memoize import memoize_on

NO_NUMBER = "–"
WHOLE_FROM = 9.95

HEALTH = {
    "up": mark_text("up"),
    "degraded": mark_text("degraded"),
    "down": mark_text("down"),
    "starting": mark_text("starting"),
    "offline": mark_text("offline"),
    "unknown": mark_text("unknown"),
    "stale": mark_text("stale"),
}

QUANTITIES = {
    "answered": mark_text("answered"),
    "errors": mark_text("errors"),
    "requests": mark_text("requests"),
    "operations": mark_text("operations"),
    "refused (429)": mark_text("refused (429)"),
    "confirmed": mark_text("confirmed"),
    "lost": mark_text("lost"),
    "ghosts": mark_text("ghosts"),
}
"""What a load or a built-in subject counts; it stands last in a name or a unit: `client errors`, `% errors`."""

MAX_TRENDS = 30
"""With more cards than this, none has room for a curve."""


@dataclass(frozen=True, slots=True)
class CardView:
    """`state` names shape and colour: up, degraded, down, starting, offline, unknown, stale.

    `at` is the epoch second of the measurement: the screens count its age. `trend` holds the main
    number's last minute, one value a second, None where there was none; empty if there are more than MAX_TRENDS cards.
    `of_key`: it shows a limited key, not a node. `group`: the frame that holds this node where there are many.
    `links`: the ids that it leads to, `flows` how much goes there, where that is known. `kind`: `load` for what sends
    requests, `type` what it is.
    """

    id: str
    name: str
    state: str
    word: str
    main: str
    unit: str
    sub: str
    at: float
    trend: tuple[float | None, ...] = ()
    of_key: bool = False
    group: str = ""
    links: tuple[str, ...] = ()
    flows: tuple[tuple[str, float], ...] = ()
    kind: str = ""
    type: str = ""


def number_text(value: float | None) -> str:
    """Format a number with three significant digits, as people write them: 1234, 182, 12.3, 0.81, – for none.

    It has the decimal sign of the language.
    """
    if value is None:
        return NO_NUMBER
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:.0f}"
    digits = max(0, 2 - math.floor(math.log10(size)))
    return localize_number(f"{value:.{min(digits, 3)}f}".rstrip("0").rstrip("."))


def measured_text(value: float | None) -> str:
    """Format a measured number: as `number_text`, but from 10 on as a whole number.

    Nobody reads the tenths of a rate, but everybody sees them flicker, and what stands beside it move.
    """
    return number_text(None if value is None else float(round(value)) if abs(value) >= WHOLE_FROM else value)


def state_word(card: CardView) -> str:
    """Return a node's state as the room reads it: "running", or in a word why it is not."""
    if card.state == "up":
        return translate("running")
    if card.state in ("down", "degraded") and card.sub and len(card.sub) <= 9 and card.sub.isalpha():
        return card.sub
    return card.word


@memoize_on("sample", "history", "freshness")
def cards(state: ShowState) -> tuple[CardView, ...]:
    """Return one card for each node, then one for each limited key."""
    sample = state.sample
    if sample is None:
        return ()
    with_trend = len(sample.nodes) + len(sample.counters) <= MAX_TRENDS
    nodes = tuple(_make_node_card(state, node, with_trend) for node in sample.nodes)
    return nodes + tuple(_make_counter_card(state, counter, with_trend) for counter in sample.counters)


def _make_node_card(state: ShowState, node: Node, with_trend: bool) -> CardView:
    unit, value = node.main
    shown, word = _judge(state, node.health)
    return CardView(
        id=node.id,
        name=node.name,
        state=shown,
        word=word,
        main=measured_text(value),
        unit=name_quantity(unit),
        sub=node.detail or _tell_rest(node.metrics, unit),
        at=state.sample.updated_at if state.sample else 0.0,
        trend=trend(state, f"node:{node.id}") if with_trend else (),
        group=node.group or node.type,
        links=node.links,
        flows=tuple(node.flows.items()),
        kind=node.kind,
        type=node.type,
    )


def _tell_rest(metrics: Mapping[str, float | str], main: str) -> str:
    """Return what is known besides the main number, for the card of a node that is up: "StateLeader · 12 ms p95"."""
    rest = (
        value if isinstance(value, str) else f"{measured_text(value)} {name_quantity(unit)}"
        for unit, value in metrics.items()
        if isinstance(value, str) or unit != main
    )
    return " · ".join(rest)


def _make_counter_card(state: ShowState, counter: Counter, with_trend: bool) -> CardView:
    over = counter.ghosts is not None and counter.ghosts > 0
    # Without the ground truth to compare with, a counter is unknown: up would be a claim.
    health = "degraded" if over or (counter.drift or 0) > 0 else "up" if counter.drift is not None else "unknown"
    shown, word = _judge(state, health)
    if shown != "stale" and counter.admitted is not None:
        word = translate(
            "%(count)s of %(total)s", count=number_text(counter.admitted), total=number_text(counter.limit)
        )
    return CardView(
        id=f"key-{counter.key}",
        name=counter.key,
        state=shown if counter.ghosts is not None else "unknown",
        word=word if counter.ghosts is not None else translate("not measurable"),
        main=number_text(counter.ghosts),
        unit=_name_ghosts(counter),
        sub=translate("drift %(number)s", number=number_text(counter.drift)),
        at=state.sample.updated_at if state.sample else 0.0,
        trend=trend(state, f"admitted:{counter.key}") if with_trend else (),
        of_key=True,
    )


def _name_ghosts(counter: Counter) -> str:
    """Name what is let in over the limit, with how far the clocks of the nodes may be apart."""
    ghosts, seconds = translate("ghosts"), counter.spread_sec
    if seconds is None:
        return ghosts
    return f"{ghosts} ε {f'{seconds * 1000:.0f}ms' if seconds < 0.1 else localize_number(f'{seconds:.1f}s')}"


def _judge(state: ShowState, health: str) -> tuple[str, str]:
    """Return a state and its word: the node's health, but stale or unknown if the sample is old."""
    if state.freshness == "live":
        return health, name_health(health)
    return "stale", name_health("stale" if state.freshness == "stale" else "unknown")


def name_quantity(name: str) -> str:
    """Return the name or the unit of a number, with our own word for what is counted in the language of the page."""
    if name in QUANTITIES:
        return translate_marked(QUANTITIES[name])
    before, space, last = name.rpartition(" ")
    return f"{before}{space}{translate_marked(QUANTITIES[last])}" if last in QUANTITIES else name


def name_health(health: str) -> str:
    """Return the word for the health of a node, or of a sample; one that a system made up is its own word."""
    return translate_marked(HEALTH.get(health, health))


def trend(state: ShowState, key: str) -> tuple[float | None, ...]:
    """Return the last minute of one number, a value a second, the newest last.

    A second without a sample repeats the value before it, up to one polling interval later; a longer gap stays None.
    """
    if not state.history or state.sample is None:
        return ()
    newest = math.floor(state.history[-1].at)
    bridge = math.ceil(max(1.0, state.sample.interval_sec))
    seconds: list[float | None] = [None] * MAX_HISTORY
    for point in state.history:
        place = MAX_HISTORY - 1 - (newest - math.floor(point.at))
        for later in range(max(0, place), min(MAX_HISTORY, place + bridge + 1)):
            seconds[later] = point.values.get(key)
    first = next((index for index, value in enumerate(seconds) if value is not None), None)
    return () if first is None else tuple(seconds[first:])
