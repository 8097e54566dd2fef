"""What the load needs of a replicated store."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from demo.errors import DemoError


class NotDone(DemoError):
    """The store did not say that it was done. A write may have been made all the same.

    `reason` is one of a few words for the card: unreachable, cut off, election, busy, refused, late.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KvStore(Protocol):
    """Strongly consistent on each key: a read sees what was confirmed before it began."""

    def turn_to(self, endpoints: Sequence[str]) -> None:
        """Where the store can be reached from now on, as its subject writes it."""

    def told(self) -> Mapping[str, Any]:
        """What else it knows of the store, for the wall."""

    async def canary_keys(self) -> Sequence[str]:
        """Keys that stand for all of it: one of each region. Raises `NotDone`."""

    async def put(self, key: str, value: bytes, within_sec: float) -> bool:
        """Returns when it is confirmed: True when it was surely made once, False when an earlier try may yet be made.

        Raises `NotDone`.
        """

    async def get(self, key: str, within_sec: float) -> bytes | None:
        """None: there is no such key. Raises `NotDone`."""

    async def close(self) -> None: ...
