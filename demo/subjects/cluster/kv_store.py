"""The interface of a replicated store, as canary and workload use it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from demo.errors import DemoError


class NotDone(DemoError):
    """The store did not confirm the operation. A write may have been applied all the same.

    `reason` is one of a few words for the card: unreachable, cut off, election, busy, refused, late.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KvStore(Protocol):
    """A store that is strongly consistent on each key: a read sees every write that was confirmed before it began."""

    def turn_to(self, endpoints: Sequence[str]) -> None:
        """Use these endpoints from now on, in the format that its subject writes."""

    def status(self) -> Mapping[str, Any]:
        """Return what else it knows about the store, for the stage."""

    async def canary_keys(self) -> Sequence[str]:
        """Return keys that represent the whole store: one in each region. Raises `NotDone`."""

    async def put(self, key: str, value: bytes, within_sec: float) -> bool:
        """Write a value; return once it is confirmed: True if it was surely applied exactly once.

        False: an earlier try may still be applied, later. Raises `NotDone`.
        """

    async def get(self, key: str, within_sec: float) -> bytes | None:
        """Return the key's value; None: there is no such key. Raises `NotDone`."""

    async def close(self) -> None: ...
