"""Which version of a server answers: asked once in a while, over the connection that a probe has already."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

Version = tuple[str, str]
"""What the server is called, and its version: `("Redis", "7.2.4")`."""


@runtime_checkable
class TellsVersion(Protocol):
    """Optional for a probe: it can tell the version of what it asks."""

    async def version(self) -> Version | None:
        """Return it; None if it is not told. Has a timeout of its own and never raises."""


def redis_version(info: Mapping[str, Any]) -> Version | None:
    """Return what an answer to INFO says: Valkey has a number of its own beside the Redis that it stands for."""
    if isinstance(found := info.get("valkey_version"), str):
        return "Valkey", found
    found = info.get("redis_version")
    return ("Redis", found) if isinstance(found, str) else None
