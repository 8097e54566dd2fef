"""How a picture fills its wall: columns of cards, sizes of text, the small curve in a card. Plain data, no markup."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from demo.views import CardView, GroupView, groups
from demo.views.curves import path, y_of
from demo.views.groups import severity, too_many
from demo.web.rendering.state_grid import StateGrid, cells

MAX_FULL = 12
"""Up to here a card has its number, its detail and its curve."""

SPARK_WIDTH, SPARK_HEIGHT = 60, 60
"""Of a small curve's box: a unit across is a second."""

MAX_KEYS = 4
"""Limited keys that stand beside groups, the worst of them."""

MAX_REST = 4
"""Groups without a card of their own that are named, those that are not all up."""

_NAMED_ROOM = {1: (6, 60), 2: (2, 28), 3: (2, 17)}
_MIN_NAMED_ROOM = (1, 17)
"""Lines, and characters on each, in which a group's card names who is not up; by the columns of the wall."""

_NAME_EDGE = 4
"""A name's mark and the gap behind it, or the count of those that are not named, in characters."""

_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 3}
_NARRATION_STEPS = (190, 300, 430, 600)
_HEADING_STEPS = (34, 64)


@dataclass(frozen=True, slots=True)
class GroupCard:
    """Many nodes in one card: those not up by name, as many as there is room for, and each node as a cell."""

    group: GroupView
    named: tuple[CardView, ...]
    cells: StateGrid

    @property
    def unnamed(self) -> int:
        return len(self.group.bad) - len(self.named)


@dataclass(frozen=True, slots=True)
class CardLayout:
    """What is shown, in how many columns, and in words what is not. With `groups`, `cards` are the limited keys."""

    cards: tuple[CardView, ...]
    columns: int
    tiny: bool = False
    rest: str = ""
    groups: tuple[GroupCard, ...] = ()

    @property
    def rows(self) -> int:
        return math.ceil((len(self.cards) + len(self.groups)) / self.columns)

    @property
    def name_most(self) -> int:
        """Characters of a name that fit beside its mark."""
        return {4: 15, 5: 13}.get(self.columns, 20)

    @property
    def named_most(self) -> int:
        """Characters of a name among those that are not up."""
        return _NAMED_ROOM.get(self.columns, _MIN_NAMED_ROOM)[1] - 2 * _NAME_EDGE

    @property
    def word_below(self) -> bool:
        """No room for the state's word on the name's line."""
        return self.columns >= 4 or (self.columns == 3 and any(len(card.name) > 11 for card in self.cards))


def wall(cards: Sequence[CardView]) -> CardLayout:
    """All cards while they can be read from the last row; of too many, one a group."""
    if len(cards) <= MAX_FULL:
        return CardLayout(tuple(cards), _COLUMNS.get(len(cards), 4))
    if not too_many(cards):
        return CardLayout(tuple(cards), 5, tiny=True)
    keys = tuple(sorted((card for card in cards if card.of_key), key=severity))[:MAX_KEYS]
    made = groups(cards)
    shown = _worst(made, MAX_FULL - len(keys))
    columns = _COLUMNS.get(len(shown) + len(keys), 4)
    drawn = tuple(GroupCard(group, _named(group.bad, columns), cells(group.states)) for group in shown)
    return CardLayout(keys, columns, rest=_rest([group for group in made if group not in shown]), groups=drawn)


def _named(bad: Sequence[CardView], columns: int) -> tuple[CardView, ...]:
    """As many as fit, with the count of the others behind the last; at least one."""
    lines, width = _NAMED_ROOM.get(columns, _MIN_NAMED_ROOM)
    used, line, found = 1, 0, 0
    for card in bad:
        size = min(len(card.name), width - 2 * _NAME_EDGE) + _NAME_EDGE
        used, line = (used, line + size) if line + size <= width else (used + 1, size)
        counted = _NAME_EDGE if used == lines and found + 1 < len(bad) else 0
        if found and (used > lines or line + counted > width):
            break
        found += 1
    return tuple(bad[:found])


def _worst(made: Sequence[GroupView], most: int) -> tuple[GroupView, ...]:
    """The worst that fit, in their own order: nothing jumps while all is well."""
    if len(made) <= most:
        return tuple(made)
    kept = {group.name for group in sorted(made, key=severity)[:most]}
    return tuple(group for group in made if group.name in kept)


def _rest(left: Sequence[GroupView]) -> str:
    if not left:
        return ""
    bad = [f"{group.name} {group.word}" for group in sorted(left, key=severity) if group.state != "up"]
    more = f"; {len(bad) - MAX_REST} more are not all up" if len(bad) > MAX_REST else ""
    said = ", ".join(bad[:MAX_REST]) if bad else "all up"
    return f"and {len(left)} more groups: {said}{more}"


def spark(trend: Sequence[float | None]) -> str:
    """A card's last minute as the outline of an area, every second value, the newest at the right edge."""
    newest = len(trend) - 1
    points = [(SPARK_WIDTH - (newest - index), value) for index, value in enumerate(trend)]
    kept = [point for point in points if (SPARK_WIDTH - point[0]) % 2 == 0 and point[0] >= 0]
    top = max((value for _, value in kept if value is not None), default=0.0) or 1.0
    line = path([(x, None if value is None else y_of(value, top)) for x, value in kept])
    return re.sub(r"M(\d+) (\d+)([^M]*)", rf"M\1 {SPARK_HEIGHT}V\2\3V{SPARK_HEIGHT}Z", line)


def narration_size(*texts: str) -> int:
    """0 (large) to 4: by how much there is to read; plain words."""
    length = sum(map(len, texts))
    return sum(length > step for step in _NARRATION_STEPS)


def heading_size(title: str) -> int:
    """0 (large) to 2."""
    return sum(len(title) > step for step in _HEADING_STEPS)


def middle_cut(text: str, most: int = 22) -> str:
    """At most `most` characters: names differ at their ends, so the middle goes."""
    if len(text) <= most:
        return text
    tail = (most - 1) * 3 // 5
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"
