"""What a panel reads its output from, as a protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from demo.panels.drawing import OutputPiece
from demo.panels.picture import PanelState


@dataclass(frozen=True, slots=True)
class SourceReading:
    """Output since the last reading, in order, and how the program fares now.

    `is_partial`: the output of a run that is repeated has only begun, so what the last run printed stays until then.
    """

    pieces: Sequence[OutputPiece] = ()
    state: PanelState = "up"
    note: str = ""
    is_partial: bool = False


class PanelSource(Protocol):
    """Reads the output of one panel."""

    async def read(self, max_bytes: int) -> SourceReading:
        """Return what has come since the last reading, at most the last `max_bytes` bytes of it. Raises `DemoError`."""

    async def close(self) -> None:
        """Stop reading. Safe to call twice."""
