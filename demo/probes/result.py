"""The result of a probe: plain data, never an exception."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Reading:
    """`trouble` says in plain words why there is no answer; then `data` is empty."""

    data: Mapping[str, Any] = field(default_factory=dict)
    trouble: str = ""
    took_ms: float = 0.0
    inconclusive: bool = False
    """The trouble is on our side, as with a missing program: it says nothing about what was asked."""

    @property
    def ok(self) -> bool:
        return not self.trouble


class Probe(Protocol):
    """Looks once, with a timeout of its own. Never raises."""

    async def read(self) -> Reading: ...


@runtime_checkable
class Closes(Protocol):
    """Optional for a probe: it keeps a connection from look to look."""

    async def close(self) -> None: ...
