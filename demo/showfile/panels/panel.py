"""One panel while the show runs: it reads its source, draws, and has the newest picture."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from demo.clock import CLOCK
from demo.errors import DemoError, log_unexpected
from demo.panels.drawing import PanelDrawing
from demo.panels.picture import PanelPicture, PanelRow
from demo.showfile.panels.source import PanelSource, SourceReading

logger = logging.getLogger(__name__)

PICTURE_SEC = 0.25
"""Time between two pictures at least: nobody reads lines that change more often."""

SHARE_OF_TIME = 10
"""One part in so many of a processor at most is spent on drawing one panel."""

MAX_DRAWN_BYTES = 8192
"""Output for one picture: some full screens with their colours."""

MAX_MATCHED_BYTES = 131_072
"""The same where only some lines of it are drawn."""

SKIPPED_SHOWN_SEC = 2.0


class ShownPanel:
    """Follows `source` in `run`, and calls `changed` whenever there is a new picture.

    `replaces`: each run of its program replaces what the last one printed.
    """

    def __init__(
        self,
        picture: PanelPicture,
        source: PanelSource,
        drawing: PanelDrawing,
        changed: Callable[[], None],
        *,
        has_match: bool = False,
        replaces: bool = False,
    ) -> None:
        self.picture = picture
        self._source, self._drawing, self._changed = source, drawing, changed
        self._most = MAX_MATCHED_BYTES if has_match else MAX_DRAWN_BYTES
        self._replaces = replaces
        self._skipped, self._skipped_at = 0, 0.0
        self._has_new_output = False
        self._drawn_sec = 0.0

    async def run(self) -> None:
        """Read and draw until cancelled, whatever the program does."""
        try:
            while True:
                self._drawn_sec = 0.0
                await self._update()
                await asyncio.sleep(max(PICTURE_SEC, (SHARE_OF_TIME - 1) * self._drawn_sec))
        finally:
            await self._source.close()

    async def _update(self) -> None:
        try:
            reading = await self._source.read(self._most)
            # In a thread: some hundred sequences take as long as a page waits for a press at most.
            rows = await asyncio.to_thread(self._draw, reading) if reading.pieces else self.picture.rows
        except DemoError as error:
            self._show(self.picture.rows, SourceReading(state="down", note=str(error)))
        except Exception as error:  # noqa: BLE001 - whatever a program prints, the panel goes on
            log_unexpected(logger, f"the panel {self.picture.name}", error)
            self._drawing.clear()
            self._show((), SourceReading(state="down", note="its output could not be drawn; see the server's log"))
        else:
            self._show(self.picture.rows if reading.is_partial else rows, reading)

    def _draw(self, reading: SourceReading) -> tuple[PanelRow, ...]:
        began, skipped = time.thread_time(), 0
        for piece in reading.pieces:
            if piece.begins_run and self._replaces:
                self._drawing.clear()
            has_shown = self._drawing.take(piece)
            self._has_new_output |= has_shown or (piece.begins_run and self._replaces)
            skipped += piece.skipped
        if skipped:
            self._skipped, self._skipped_at = self._skipped + skipped, time.monotonic()
        rows = self._drawing.rows()
        self._drawn_sec = time.thread_time() - began
        return rows

    def _show(self, rows: tuple[PanelRow, ...], reading: SourceReading) -> None:
        """Take over a picture if it differs from the last one, or if the same was printed again: that is news, too."""
        if time.monotonic() - self._skipped_at > SKIPPED_SHOWN_SEC:
            self._skipped = 0
        note = reading.note or describe_skipped(self._skipped)
        width = max((sum(len(span.text) for span in row) for row in rows), default=0)
        old = self.picture
        picture = replace(
            old, rows=rows, state=reading.state, note=note, width=max(width, old.width if rows and old.rows else 0)
        )
        is_fresh = rows != old.rows or (self._has_new_output and not reading.is_partial)
        if picture == old and not is_fresh:
            return
        if is_fresh:
            picture = replace(picture, changed_at=CLOCK.now())
            self._has_new_output = False
        self.picture = picture
        self._changed()


def describe_skipped(lines: int) -> str:
    """Return the note on lines that came too fast to be read; "" for none."""
    if not lines:
        return ""
    return f"… {lines:,} lines skipped" if lines < 1_000_000 else f"… {lines / 1e6:.1f} million lines skipped"
