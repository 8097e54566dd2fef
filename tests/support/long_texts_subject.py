"""A system at the edges of the pages: names, targets and errors as long as they get, with or without curves.

`demo serve tests.support.long_texts_subject:LongTextsSubject -o nodes=5`. Nothing runs behind it.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from bench.fleet import Down, Fleet
from demo.errors import FaultError
from demo.types import Chapter, Plan, Stage

LONG = "w" * 80
BY_HAND = "heal it by hand: lift the wire"


class Stuck(Down):
    """It cannot be healed."""

    async def heal(self, plan: Plan) -> None:
        raise FaultError(BY_HAND)


class LongTextsSubject(Fleet):
    name = "stretched"
    title = "As long as it gets"

    def __init__(self, nodes: int = 5, curves: bool = True, long: bool = False) -> None:
        super().__init__(nodes, interval=0.2, groups=min(nodes, 6))
        self._curves, self._long = curves, long
        first = self._members()[0][0]
        self.faults = (
            Down(self, "far", "Cut a wire", [first]),
            Down(self, "near", "Cut another wire", [first]),
            Stuck(self, "stuck", "Cut it for good", [first]),
        )
        for fault in self.faults:
            fault.target = LONG if long else first

    def health(self, turn: int, interval: float) -> dict[str, Any]:
        """As `HealthPollerProtocol` says it."""
        found = super().health(turn, interval)
        if not self._curves:
            del found["metrics"]
        if self._long:
            found["nodes"][0]["name"] = LONG
        return found

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        async def work() -> None:
            await asyncio.Event().wait()

        return (
            Chapter("Good to see you", "Some words for the room.", notes="- Breathe."),
            Chapter("Never done", "It works.", on_enter=work, blocks_advance=True, notes="- Wait."),
            Chapter("After it all", "The end."),
        )
