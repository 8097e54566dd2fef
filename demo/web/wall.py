"""How a picture fills its wall: columns of cards, sizes of text, the small curve in a card. Plain data, no markup."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from demo.markup import to_plain
from demo.views import CardView
from demo.views.curves import path, y_of

CARDS_MOST = 30
"""Beyond this a card could no longer be read from the last row: the rest is counted in words."""

FULL_MOST = 12
"""Up to here a card has its number, its detail and its curve."""

SPARK_WIDTH, SPARK_HEIGHT = 60, 60
"""Of a small curve's box: a unit across is a second."""

_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 3}
_NARRATION_STEPS = (190, 300, 430, 600)
_HEADING_STEPS = (34, 64)


@dataclass(frozen=True, slots=True)
class Wall:
    """The cards that are shown, in how many columns, and in words what is not."""

    cards: tuple[CardView, ...]
    columns: int
    tiny: bool = False
    rest: str = ""

    @property
    def rows(self) -> int:
        return math.ceil(len(self.cards) / self.columns)

    @property
    def name_most(self) -> int:
        """Characters of a name that fit beside its mark."""
        return {4: 15, 5: 13}.get(self.columns, 20)

    @property
    def word_below(self) -> bool:
        """No room for the state's word on the name's line."""
        return self.columns >= 4 or (self.columns == 3 and any(len(card.name) > 11 for card in self.cards))


def wall(cards: Sequence[CardView]) -> Wall:
    """All cards while they can be read; of too many, those that are not up come first."""
    if len(cards) <= FULL_MOST:
        return Wall(tuple(cards), _COLUMNS.get(len(cards), 4))
    if len(cards) <= CARDS_MOST:
        return Wall(tuple(cards), 5, tiny=True)
    worst = {card.id for card in sorted(cards, key=lambda card: card.state == "up")[: CARDS_MOST - 1]}
    shown = tuple(card for card in cards if card.id in worst)
    left = [card.state for card in cards if card.id not in worst]
    counts = ", ".join(f"{left.count(state)} {state}" for state in dict.fromkeys(left))
    return Wall(shown, 5, tiny=True, rest=f"and {len(left)} more: {counts}")


def spark(trend: Sequence[float | None]) -> str:
    """A card's last minute as the outline of an area, every second value, the newest at the right edge."""
    newest = len(trend) - 1
    points = [(SPARK_WIDTH - (newest - index), value) for index, value in enumerate(trend)]
    kept = [point for point in points if (SPARK_WIDTH - point[0]) % 2 == 0 and point[0] >= 0]
    top = max((value for _, value in kept if value is not None), default=0.0) or 1.0
    line = path([(x, None if value is None else y_of(value, top)) for x, value in kept])
    return re.sub(r"M(\d+) (\d+)([^M]*)", rf"M\1 {SPARK_HEIGHT}V\2\3V{SPARK_HEIGHT}Z", line)


def narration_size(*texts: str) -> int:
    """0 (large) to 4: by how much there is to read."""
    length = sum(len(to_plain(text)) for text in texts)
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
