"""Where the numbered writes of a book go, and where they are read again."""

from collections.abc import Sequence
from typing import Protocol

from demo.load.sender import RequestResult

READ_TIMEOUT_SEC = 5.0
"""Timeout of one answer with numbers."""


class BookStore(Protocol):
    """One place in one system. Used from one event loop."""

    @property
    def max_span(self) -> int | None:
        """How many numbers one reading may cover; None: one reading returns all there are."""

    async def write(self, number: int) -> RequestResult:
        """Write this number once, within the load's timeout. Raises nothing.

        A confirmed write answers without trouble; one that may have been applied all the same is ambiguous.
        """

    async def read(self, first: int, last: int) -> Sequence[int]:
        """Return the numbers from `first` to `last` that are there now, in the order in which they were applied.

        As often as they were applied. Raises `BookError` when that cannot be told for certain.
        """

    async def close(self) -> None:
        """Remove what was written, where that is possible, and close all connections."""
