"""The book itself: what became of each numbered write, and what was found of it. No I/O.

A write takes one byte, in blocks of `BLOCK`. A block whose writes all were confirmed and found exactly once is kept as
one object for all such blocks: an hour of a thousand writes a second takes some kilobytes while all is well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.load.book.marks import (
    AMBIGUOUS,
    CONFIRMED,
    FOUND,
    FOUND_MORE,
    FOUND_ONCE,
    OUT_OF_ORDER,
    OUTCOME,
    PENDING,
    READ,
    REFUSED,
    SOUND,
    Anomalies,
    count_anomalies,
    mark_as_counted,
)

BLOCK = 1000
_ALL_SOUND = bytes([SOUND]) * BLOCK
_ONCE_EACH = bytes([1]) * BLOCK


@dataclass(slots=True)
class _Block:
    """`BLOCK` writes. `reach`: at most so many more were begun until one of them was confirmed."""

    marks: bytearray | bytes
    reach: int = 0
    wrong: Anomalies = field(default_factory=Anomalies)

    def thawed(self) -> bytearray:
        """Return its marks to be changed."""
        if not isinstance(self.marks, bytearray):
            self.marks = bytearray(self.marks)
        return self.marks


@dataclass(frozen=True, slots=True)
class BookRange:
    """What was known when numbers were asked for, from the first to the last one of whole blocks."""

    first: int
    last: int
    marks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """`written`, `confirmed`, `refused`: all writes since the start. The others count since the newest fault began.

    `wrong` is what was found at the last reading; `wrong_before`: what was wrong before that fault.
    """

    written: int
    confirmed: int
    refused: int
    ambiguous: int
    wrong: Anomalies
    wrong_before: Anomalies


class Book:
    """Numbers begin at 1. `begin` and `settle` are told of each write, `take` of what was found."""

    def __init__(self) -> None:
        self.written = 0
        self.confirmed = 0
        self.refused = 0
        self.ambiguous = 0
        self.is_troubled = False
        """Whether the newest write whose outcome is known was not confirmed."""
        self._blocks: list[_Block] = []
        self._wrong = Anomalies()
        self._wrong_before = Anomalies()
        self._ambiguous_before = 0
        self._first_open = 0

    # Writes.

    def begin(self) -> int:
        """Return the number of the next write, which is sent now."""
        self.written += 1
        if self.written > len(self._blocks) * BLOCK:
            self._blocks.append(_Block(bytearray(BLOCK)))
        return self.written

    def settle(self, number: int, outcome: int) -> None:
        """Note what came of a write: `CONFIRMED`, `AMBIGUOUS` or `REFUSED`."""
        block, place = self._place(number)
        marks = block.thawed()
        marks[place] = marks[place] & ~OUTCOME | outcome
        self.is_troubled = outcome != CONFIRMED
        if outcome == CONFIRMED:
            self.confirmed += 1
            block.reach = max(block.reach, self.written - number)
        self.refused += outcome == REFUSED
        self.ambiguous += outcome == AMBIGUOUS

    def _place(self, number: int) -> tuple[_Block, int]:
        index = number - 1
        return self._blocks[index // BLOCK], index % BLOCK

    # Reading them again.

    def newest_blocks(self, max_blocks: int) -> tuple[int, int]:
        """Return the first and last number of the newest blocks that are not known to be sound, at most so many."""
        while self._first_open < len(self._blocks) - 1 and self._blocks[self._first_open].marks is _ALL_SOUND:
            self._first_open += 1
        first = max(self._first_open, len(self._blocks) - max_blocks)
        return first * BLOCK + 1, len(self._blocks) * BLOCK

    def ask(self, first: int, last: int) -> BookRange:
        """Return what is to be given to `take` with the answer. `first` begins a block."""
        blocks = self._blocks[(first - 1) // BLOCK : -(-last // BLOCK)]
        return BookRange(first, first + len(blocks) * BLOCK - 1, tuple(bytes(block.marks) for block in blocks))

    def take(self, asked: BookRange, numbers: Sequence[int]) -> None:
        """Note what was found of the numbers asked for, in the order in which it was applied; others are ignored.

        A write whose outcome was not known when it was asked for cannot be missing in the answer.
        """
        found = bytearray(asked.last - asked.first + 1)
        late = self._count(asked, numbers, found)
        for index, before in enumerate(asked.marks):
            block = self._blocks[(asked.first - 1) // BLOCK + index]
            self._take_block(block, before, bytes(found[index * BLOCK : (index + 1) * BLOCK]))
        for number in late:
            block, place = self._place(number)
            block.thawed()[place] |= OUT_OF_ORDER
            self._count_block(block)

    def _count(self, asked: BookRange, numbers: Sequence[int], found: bytearray) -> list[int]:
        """Count how often each number was found, up to 2; return those that are out of order."""
        first, size, highest = asked.first, len(found), 0
        late = []
        for number in numbers:
            place = number - first
            if not 0 <= place < size:
                continue
            if found[place]:
                found[place] = 2
                continue
            found[place] = 1
            if number > highest:
                highest = number
            elif self._is_late(number, highest):
                late.append(number)
        return late

    def _is_late(self, number: int, highest: int) -> bool:
        """Return whether a number was found behind one that was begun only after it had been confirmed."""
        block, place = self._place(number)
        return block.marks[place] & OUTCOME == CONFIRMED and highest > number + block.reach

    def _take_block(self, block: _Block, before: bytes, found: bytes) -> None:
        if block.marks is _ALL_SOUND and found == _ONCE_EACH:
            return
        marks = block.thawed()
        for place, times in enumerate(found):
            mark = marks[place]
            if not mark and not times:
                continue
            mark = mark & ~FOUND | (FOUND_MORE if times > 1 else FOUND_ONCE if times else 0)
            marks[place] = mark | READ if before[place] & OUTCOME != PENDING else mark
        self._count_block(block)
        if marks == _ALL_SOUND:
            block.marks = _ALL_SOUND

    def _count_block(self, block: _Block) -> None:
        wrong = count_anomalies(block.marks)
        self._wrong = self._wrong.plus(wrong).plus(block.wrong, -1)
        block.wrong = wrong

    # What is known.

    def begin_fault(self) -> None:
        """Count what goes wrong from now on."""
        self._wrong_before = self._wrong_before.plus(self._wrong)
        self._ambiguous_before = self.ambiguous
        for block in self._blocks:
            if block.wrong != Anomalies():
                mark_as_counted(block.thawed())
                self._count_block(block)

    def counts(self) -> Counts:
        return Counts(
            self.written,
            self.confirmed,
            self.refused,
            self.ambiguous - self._ambiguous_before,
            self._wrong,
            self._wrong_before,
        )
