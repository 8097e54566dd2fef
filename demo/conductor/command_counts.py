"""How many commands were carried out, and how many refused, by kind: for who watches the server."""

import asyncio
import re
from collections import Counter

from demo.errors import Refused
from demo.show import ShowState
from demo.show.commands import CommandEnvelope

ACCEPTED, REFUSED, BROKEN, ABANDONED = "accepted", "refused", "broken", "abandoned"


class CommandCounts:
    """Counts what somebody waits for: presses, `curl`, keys, and what a chapter's action asks of its stage."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        """By kind ("advance"), outcome and the refusal's code; the code is empty for all but refusals."""

    def watch(self, command: CommandEnvelope, done: "asyncio.Future[ShowState]") -> None:
        """Count this one when its outcome is known."""
        kind = _snake(type(command.command).__name__)
        done.add_done_callback(lambda ended: self._note(kind, ended))

    def _note(self, kind: str, done: "asyncio.Future[ShowState]") -> None:
        if done.cancelled():
            # Whoever asked went away; the show may have done it all the same.
            self.counts[kind, ABANDONED, ""] += 1
        elif (error := done.exception()) is None:
            self.counts[kind, ACCEPTED, ""] += 1
        elif isinstance(error, Refused):
            self.counts[kind, REFUSED, error.code] += 1
        else:
            self.counts[kind, BROKEN, ""] += 1


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
