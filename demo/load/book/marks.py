"""What is known of one numbered write, in one byte, and what a block of such bytes counts. No I/O."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

PENDING, CONFIRMED, AMBIGUOUS, REFUSED = range(4)
"""What came of the write itself. Ambiguous: no answer in time, or a broken connection; it may have been applied."""

OUTCOME = 0b11
FOUND_ONCE, FOUND_MORE = 0b100, 0b1000
FOUND = FOUND_ONCE | FOUND_MORE
READ = 0b1_0000
"""Looked for after its outcome was known: only then can it be missing."""

OUT_OF_ORDER = 0b10_0000
REPORTED_BEFORE = 0b100_0000
"""What is wrong with it was so before the newest fault began, and is not counted again."""

SOUND = CONFIRMED | READ | FOUND_ONCE


@dataclass(frozen=True, slots=True)
class Anomalies:
    """What was found when the writes were read again, as numbers of writes.

    `lost`: confirmed, and not found. `duplicate`: found more than once. `landed`: not confirmed, but found.
    `out_of_order`: found before one that had been confirmed before it was sent.
    """

    lost: int = 0
    duplicate: int = 0
    landed: int = 0
    out_of_order: int = 0

    def plus(self, other: "Anomalies", times: int = 1) -> "Anomalies":
        return Anomalies(
            self.lost + times * other.lost,
            self.duplicate + times * other.duplicate,
            self.landed + times * other.landed,
            self.out_of_order + times * other.out_of_order,
        )

    @property
    def is_none(self) -> bool:
        """Return whether nothing is wrong: that an ambiguous write has landed is not."""
        return not (self.lost or self.duplicate or self.out_of_order)


def anomalies_of(mark: int) -> Anomalies:
    """Return what is wrong with one write."""
    if mark & REPORTED_BEFORE:
        return Anomalies()
    outcome, is_found = mark & OUTCOME, bool(mark & FOUND)
    return Anomalies(
        lost=int(outcome == CONFIRMED and bool(mark & READ) and not is_found),
        duplicate=int(bool(mark & FOUND_MORE)),
        landed=int(outcome in (AMBIGUOUS, REFUSED) and is_found),
        out_of_order=int(bool(mark & OUT_OF_ORDER) and is_found),
    )


_BY_MARK: Sequence[Anomalies] = tuple(anomalies_of(mark) for mark in range(256))
_WHEN_COUNTED = bytes(mark | REPORTED_BEFORE if _BY_MARK[mark] != Anomalies() else mark for mark in range(256))


def count_anomalies(marks: bytes | bytearray) -> Anomalies:
    """Return what is wrong with all these writes together."""
    found = Anomalies()
    for mark, times in Counter(marks).items():
        if (one := _BY_MARK[mark]) != Anomalies():
            found = found.plus(one, times)
    return found


def mark_as_counted(marks: bytearray) -> None:
    """Mark everything that is wrong now, so that it is not counted again."""
    marks[:] = marks.translate(_WHEN_COUNTED)
