"""Counts of accepted and refused commands by kind, for `/metrics`."""

import asyncio
import re
from collections import Counter

from demo.errors import Refused
from demo.show import ShowState
from demo.show.commands import CommandEnvelope

ACCEPTED, REFUSED, BROKEN, ABANDONED = "accepted", "refused", "broken", "abandoned"


class CommandCounts:
    """Counts commands that somebody waits for: clicks, `curl`, keys, and what a chapter's action asks of its stage."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        """Keyed by kind ("advance"), outcome and refusal code; the code is empty for all other outcomes."""

    def watch(self, command: CommandEnvelope, done: "asyncio.Future[ShowState]") -> None:
        """Count this command when its outcome is known."""
        kind = _to_snake_case(type(command.command).__name__)
        done.add_done_callback(lambda future: self._count_outcome(kind, future))

    def _count_outcome(self, kind: str, done: "asyncio.Future[ShowState]") -> None:
        if done.cancelled():
            # The caller disconnected before the answer; the command may have been carried out all the same.
            self.counts[kind, ABANDONED, ""] += 1
        elif (error := done.exception()) is None:
            self.counts[kind, ACCEPTED, ""] += 1
        elif isinstance(error, Refused):
            self.counts[kind, REFUSED, error.code] += 1
        else:
            self.counts[kind, BROKEN, ""] += 1


def _to_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
