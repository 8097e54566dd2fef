"""Follows one source of events while the show runs: reads its output, and tells of each line that matches."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from demo.errors import DemoError, log_unexpected
from demo.panels.drawing import OutputPiece
from demo.probes.patterns import TooSlow
from demo.showfile.log_events.event_rule import EventRule
from demo.showfile.log_events.mark_budget import MarkBudget
from demo.showfile.log_events.output_lines import LineSplitter
from demo.showfile.panels.source import PanelSource

logger = logging.getLogger(__name__)

CHECK_INTERVAL_SEC = 0.25
SHARE_OF_TIME = 10
"""One part in so many of a processor at most is spent on the lines of one source."""

MAX_BYTES = 131_072
"""Output that one look reads; of a source that prints more, the newest."""

MAX_NOTES = 5
"""How many different things are told of one source: its state may change with every second."""


class EventListener(Protocol):
    """Where events go."""

    def event(self, name: str, text: str) -> None:
        """Take the text of a line of the event `name` that has matched."""

    def note(self, text: str) -> None:
        """Take what the presenter shall know of a source."""


class EventSource:
    """`skips_first`: what the source has when it is first read was printed before the show began to look."""

    def __init__(
        self,
        name: str,
        rule: EventRule,
        source: PanelSource,
        mask: Callable[[str], str],
        listener: EventListener,
        *,
        skips_first: bool,
    ) -> None:
        self.rule: EventRule | None = rule
        self._name, self._source, self._mask, self._listener = name, source, mask, listener
        self._skips = skips_first
        self._lines = LineSplitter(mask)
        self._budget = MarkBudget()
        self._told: set[str] = set()

    async def run(self) -> None:
        """Read until cancelled, whatever the program does."""
        try:
            while True:
                spent_sec = await self._look()
                await asyncio.sleep(max(CHECK_INTERVAL_SEC, (SHARE_OF_TIME - 1) * spent_sec))
        finally:
            await self._source.close()

    async def _look(self) -> float:
        """Read once; return the time of a processor that took, in seconds."""
        try:
            reading = await self._source.read(MAX_BYTES)
            if reading.state in ("down", "offline") and reading.note:
                self._tell(reading.note)
            pieces, self._skips, skips = reading.pieces, False, self._skips
            if not pieces:
                return 0.0
            # In a thread: some thousand lines take as long as a page waits for a press at most.
            texts, spent_sec = await asyncio.to_thread(self._find, pieces)
            if not skips:
                self._tell_all(texts)
        except TooSlow as error:
            self.rule = None
            self._tell(f"{error}: no more of its lines are looked at until the file is edited")
        except DemoError as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001 - whatever a program prints, the show goes on
            log_unexpected(logger, f"the event {self._name}", error)
            self._lines.forget()
            self._tell("its output could not be read; see the server's log")
        else:
            return spent_sec
        return CHECK_INTERVAL_SEC

    def _find(self, pieces: Sequence[OutputPiece]) -> tuple[list[str], float]:
        began, rule = time.thread_time(), self.rule
        lines = [line for piece in pieces for line in self._lines.take(piece)]
        texts = [text for line in lines if rule is not None and (text := rule.text_of(line)) is not None]
        return texts, time.thread_time() - began

    def _tell_all(self, texts: list[str]) -> None:
        now = time.monotonic()
        for text in texts:
            if self._budget.take(now):
                # Once more: a text may join two parts of a line that are a secret together.
                self._listener.event(self._name, self._mask(text))
        if left_out := self._budget.take_left_out(now):
            lines = "line that matches is" if left_out == 1 else "lines that match are"
            self._listener.note(f"event {self._name}: {left_out} more {lines} not shown, because they come too fast")

    def _tell(self, note: str) -> None:
        if note not in self._told and len(self._told) < MAX_NOTES:
            self._told.add(note)
            self._listener.note(f"event {self._name}: {self._mask(note)}")
