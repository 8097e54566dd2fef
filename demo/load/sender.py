"""What sends one request of a load, and what came of it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RequestResult:
    """`trouble`: why the request failed, in words that are fit for the audience; empty if it succeeded.

    `is_answer`: whether the system answered at all, if only with an error. Without, no time was measured.
    `is_ambiguous`: whether a request that failed may have been carried out all the same.
    """

    trouble: str = ""
    is_answer: bool = True
    is_ambiguous: bool = False


OK = RequestResult()
NO_ANSWER = RequestResult("no answer in time", is_answer=False, is_ambiguous=True)
NO_CONNECTION = RequestResult("no connection in time", is_answer=False)
"""Nothing was sent."""

BROKEN = RequestResult("connection broken", is_answer=False, is_ambiguous=True)


class Sender(Protocol):
    """Sends requests of one load to one address, many at the same time."""

    async def send(self, number: int) -> RequestResult:
        """Send the request of this number, and wait for its answer within the load's timeout. Raises nothing."""

    async def close(self) -> None:
        """Close all connections; nothing is sent any more."""
