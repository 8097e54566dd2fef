"""Many nodes as few cards: one a group, with counts by state, and each that is not up named."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from demo.views.cards import NO_NUMBER, CardView

SEVERITY = ("down", "offline", "degraded", "unknown", "starting", "stale", "up")
"""The worst first."""

MAX_ALONE = 30
"""Up to so many nodes and keys each has a card of its own."""

MAX_GROUPS = 24
"""Beyond so many groups a group says nothing: then all nodes are one."""

MAX_LISTED = 24
"""Nodes that are not up, named one by one in a list."""

UNGROUPED = "nodes"


@dataclass(frozen=True, slots=True)
class GroupView:
    """`state` is the worst there is; `bad` the nodes that are not up, the worst first; `states` all, in their order."""

    name: str
    state: str
    states: tuple[str, ...]
    bad: tuple[CardView, ...]
    at: float

    @property
    def total(self) -> int:
        return len(self.states)

    @property
    def main(self) -> str:
        """How many are up; no number where that is not known any more."""
        return NO_NUMBER if "stale" in self.states else str(self.states.count("up"))

    @property
    def is_gone(self) -> bool:
        """Known, and none of it is up."""
        return self.main == "0"

    @property
    def unit(self) -> str:
        return f"of {self.total} up"

    @property
    def word(self) -> str:
        """What is wrong, counted: "3 down, 1 degraded"."""
        counts = Counter(self.states)
        if counts.keys() <= {"up"}:
            return "up"
        return ", ".join(f"{counts[state]} {state}" for state in SEVERITY if state in counts and state != "up")


def too_many(cards: Sequence[CardView]) -> bool:
    """Too many for a card each."""
    return len(cards) > MAX_ALONE


def groups(cards: Iterable[CardView]) -> tuple[GroupView, ...]:
    """The nodes among the cards by their group, in the order in which each came first."""
    found: dict[str, list[CardView]] = {}
    for card in cards:
        if not card.of_key:
            found.setdefault(card.group or UNGROUPED, []).append(card)
    if len(found) > MAX_GROUPS:
        found = {UNGROUPED: [card for members in found.values() for card in members]}
    return tuple(_group(name, members) for name, members in found.items())


def _group(name: str, members: Sequence[CardView]) -> GroupView:
    states = tuple(card.state for card in members)
    bad = tuple(sorted((card for card in members if card.state != "up"), key=severity))
    return GroupView(name, bad[0].state if bad else "up", states, bad, members[0].at)


def severity(card: CardView | GroupView) -> int:
    """A sort key: the worst first; a state this version does not know counts as unknown."""
    return SEVERITY.index(card.state if card.state in SEVERITY else "unknown")


def listed(cards: Sequence[CardView]) -> tuple[CardView, ...]:
    """For lists and the terminal: all cards or, of too many, those that are not up, the groups, and the keys."""
    if not too_many(cards):
        return tuple(cards)
    made = groups(cards)
    bad = sorted((card for group in made for card in group.bad if card.state != "stale"), key=severity)
    keys = sorted((card for card in cards if card.of_key), key=severity)[:MAX_LISTED]
    summed = (_as_card(group, f"group-{place}") for place, group in enumerate(made, 1))
    return (*bad[:MAX_LISTED], *summed, *keys)


def _as_card(group: GroupView, ident: str) -> CardView:
    # In a list its dead nodes stand for themselves: the group is only down when none of it is up.
    state = "degraded" if group.state in ("down", "offline") and not group.is_gone else group.state
    return CardView(ident, group.name, state, group.word, group.main, group.unit, "", group.at)
