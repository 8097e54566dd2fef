"""The layout of health cards: columns, sizes of text, and the small curve in a card. Plain data, no markup."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from demo.views import CardView, GroupView, groups
from demo.views.curves import path, y_of
from demo.views.groups import severity, too_many
from demo.web.rendering.state_grid import StateGrid, lay_out_grid

MAX_FULL = 12
"""Up to so many nodes each card has its number, its detail and its curve."""

SPARK_WIDTH, SPARK_HEIGHT = 60, 60
"""The view box of a card's curve; horizontally one unit is one second."""

MAX_KEYS = 4
"""How many limited keys, the worst ones, get a card beside the groups' cards."""

MAX_REST = 4
"""How many groups without a card are named; only those are that are not all up."""

_NAMED_ROOM = {1: (6, 60), 2: (2, 28), 3: (2, 17)}
_MIN_NAMED_ROOM = (1, 17)
"""Lines, and characters on each, for the names of a group's nodes that are not up; by the number of columns."""

_NAME_EDGE = 4
"""Characters that a name's mark and the gap after it take, or the count of nodes that are not named."""

# By the number of cards; any other number has 4 columns.
_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 3}


@dataclass(frozen=True, slots=True)
class GroupCard:
    """A group of nodes in one card: a cell for each node, and the names of as many as fit that are not up."""

    group: GroupView
    named: tuple[CardView, ...]
    cells: StateGrid

    @property
    def unnamed(self) -> int:
        return len(self.group.bad) - len(self.named)


@dataclass(frozen=True, slots=True)
class CardLayout:
    """The cards, in how many columns, and in `rest` a text about those left out. Beside `groups`, `cards` are keys."""

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
        """How many characters of a card's name fit beside its mark."""
        return {4: 15, 5: 13}.get(self.columns, 20)

    @property
    def named_most(self) -> int:
        """How many characters of a name fit in a group's card."""
        return _NAMED_ROOM.get(self.columns, _MIN_NAMED_ROOM)[1] - 2 * _NAME_EDGE

    @property
    def word_below(self) -> bool:
        """Whether the word for the state goes below the name, for lack of room beside it."""
        return self.columns >= 4 or (self.columns == 3 and any(len(card.name) > 11 for card in self.cards))


def layout_of(cards: Sequence[CardView]) -> CardLayout:
    """Lay out the cards: one for each node while they are readable from the last row, otherwise one for each group."""
    if len(cards) <= MAX_FULL:
        return CardLayout(tuple(cards), _COLUMNS.get(len(cards), 4))
    if not too_many(cards):
        return CardLayout(tuple(cards), 5, tiny=True)
    keys = tuple(sorted((card for card in cards if card.of_key), key=severity))[:MAX_KEYS]
    all_groups = groups(cards)
    shown = _select_worst(all_groups, MAX_FULL - len(keys))
    columns = _COLUMNS.get(len(shown) + len(keys), 4)
    group_cards = tuple(GroupCard(group, _fit_names(group.bad, columns), lay_out_grid(group.states)) for group in shown)
    rest = _describe_rest([group for group in all_groups if group not in shown])
    return CardLayout(keys, columns, rest=rest, groups=group_cards)


def _fit_names(bad: Sequence[CardView], columns: int) -> tuple[CardView, ...]:
    """Return as many nodes as fit by name, at least one, leaving room for the count of the others after the last."""
    lines, width = _NAMED_ROOM.get(columns, _MIN_NAMED_ROOM)
    line, used_width, fitting = 1, 0, 0
    for card in bad:
        size = min(len(card.name), width - 2 * _NAME_EDGE) + _NAME_EDGE
        line, used_width = (line, used_width + size) if used_width + size <= width else (line + 1, size)
        count_size = _NAME_EDGE if line == lines and fitting + 1 < len(bad) else 0
        if fitting and (line > lines or used_width + count_size > width):
            break
        fitting += 1
    return tuple(bad[:fitting])


def _select_worst(all_groups: Sequence[GroupView], most: int) -> tuple[GroupView, ...]:
    """Return the `most` worst groups in their original order: cards do not change places while all is well."""
    if len(all_groups) <= most:
        return tuple(all_groups)
    worst = {group.name for group in sorted(all_groups, key=severity)[:most]}
    return tuple(group for group in all_groups if group.name in worst)


def _describe_rest(rest: Sequence[GroupView]) -> str:
    if not rest:
        return ""
    bad = [f"{group.name} {group.word}" for group in sorted(rest, key=severity) if group.state != "up"]
    more = f"; {len(bad) - MAX_REST} more are not all up" if len(bad) > MAX_REST else ""
    states = ", ".join(bad[:MAX_REST]) if bad else "all up"
    return f"and {len(rest)} more groups: {states}{more}"


def spark(trend: Sequence[float | None]) -> str:
    """Draw a card's last minute as an SVG path around an area: every second value, the newest at the right edge."""
    newest = len(trend) - 1
    points = [(SPARK_WIDTH - (newest - index), value) for index, value in enumerate(trend)]
    drawn = [point for point in points if (SPARK_WIDTH - point[0]) % 2 == 0 and point[0] >= 0]
    top = max((value for _, value in drawn if value is not None), default=0.0) or 1.0
    line = path([(x, None if value is None else y_of(value, top)) for x, value in drawn])
    # Each piece of the line (there are gaps where values are missing) is closed down to the bottom edge.
    return re.sub(r"M(\d+) (\d+)([^M]*)", rf"M\1 {SPARK_HEIGHT}V\2\3V{SPARK_HEIGHT}Z", line)


def shorten_middle(text: str, most: int = 22) -> str:
    """Shorten a text to `most` characters by removing its middle: names usually differ at their ends."""
    if len(text) <= most:
        return text
    tail = (most - 1) * 3 // 5
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"
