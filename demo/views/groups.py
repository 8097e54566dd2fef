"""Many nodes as few cards: one for each group, with counts by state and the names of those that are not up."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from demo.texts import translate
from demo.views.cards import NO_NUMBER, CardView, name_health

SEVERITY = ("down", "offline", "degraded", "unknown", "starting", "stale", "up")
"""The worst first."""

MAX_ALONE = 30
"""Up to this many nodes and keys, each has a card of its own."""

MAX_GROUPS = 24
"""With more groups than this a group is too small to help: then all nodes are one."""

MAX_LISTED = 24
"""Maximum number of nodes that are not up, and of keys, in a list."""

UNGROUPED = "nodes"


@dataclass(frozen=True, slots=True)
class GroupView:
    """`state` is the worst node's; `bad` are the nodes that are not up, the worst first; `states` all nodes' states."""

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
        """How many are up; no number once that is not known any more."""
        return NO_NUMBER if "stale" in self.states else str(self.states.count("up"))

    @property
    def is_gone(self) -> bool:
        """All of it is known to be not up."""
        return self.main == "0"

    @property
    def unit(self) -> str:
        return translate("of %(total)s up", total=self.total)

    @property
    def word(self) -> str:
        """What is wrong, counted: "3 down, 1 degraded"."""
        counts = Counter(self.states)
        if counts.keys() <= {"up"}:
            return name_health("up")
        return ", ".join(
            f"{counts[state]} {name_health(state)}" for state in SEVERITY if state in counts and state != "up"
        )


def name_group(name: str) -> str:
    """Return the name of a group for a screen."""
    return translate("nodes") if name == UNGROUPED else name


def too_many(cards: Sequence[CardView]) -> bool:
    """Return whether there are too many for a card each."""
    return len(cards) > MAX_ALONE


def groups(cards: Iterable[CardView]) -> tuple[GroupView, ...]:
    """Sort the nodes among the cards into groups, in the order in which each group first comes up."""
    found: dict[str, list[CardView]] = {}
    for card in cards:
        if not card.of_key:
            found.setdefault(card.group or UNGROUPED, []).append(card)
    if len(found) > MAX_GROUPS:
        found = {UNGROUPED: [card for members in found.values() for card in members]}
    return tuple(_make_group(name, members) for name, members in found.items())


def _make_group(name: str, members: Sequence[CardView]) -> GroupView:
    states = tuple(card.state for card in members)
    bad = tuple(sorted((card for card in members if card.state != "up"), key=severity))
    return GroupView(name, bad[0].state if bad else "up", states, bad, members[0].at)


def severity(card: CardView | GroupView) -> int:
    """Return a sort key, the worst first; a state that this version does not know counts as unknown."""
    return SEVERITY.index(card.state if card.state in SEVERITY else "unknown")


def listed(cards: Sequence[CardView]) -> tuple[CardView, ...]:
    """Return all cards or, if there are too many, those that are not up, the groups, and the keys."""
    if not too_many(cards):
        return tuple(cards)
    all_groups = groups(cards)
    bad = sorted((card for group in all_groups for card in group.bad if card.state != "stale"), key=severity)
    keys = sorted((card for card in cards if card.of_key), key=severity)[:MAX_LISTED]
    summed = (_as_card(group, f"group-{place}") for place, group in enumerate(all_groups, 1))
    return (*bad[:MAX_LISTED], *summed, *keys)


def _as_card(group: GroupView, card_id: str) -> CardView:
    # In a list its dead nodes stand for themselves: the group is only down when none of it is up.
    state = "degraded" if group.state in ("down", "offline") and not group.is_gone else group.state
    return CardView(card_id, name_group(group.name), state, group.word, group.main, group.unit, "", group.at)
