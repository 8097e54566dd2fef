"""The show on a full screen: one loop that takes keys and paints, and restores the terminal whatever happens."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.segment import Segment

from demo.conductor import ShowHost
from demo.errors import log_unexpected
from demo.invitation import Invitation
from demo.show import ShowState
from demo.terminal.alt_screen import AltScreen
from demo.terminal.captured_output import CapturedOutput
from demo.terminal.key_controller import KeyController
from demo.terminal.keyboard import GONE, WHEEL, keyboard
from demo.terminal.row_layout import Rows
from demo.terminal.screen_layout import TerminalState, draw_screen
from demo.terminal.verdict_pause import VerdictPause

logger = logging.getLogger(__name__)

TICK_SEC = 0.2
"""Ages, countdowns and the terminal's size are updated this often."""

FRAME_SEC = 0.04
"""Minimum time between two paintings."""

WHOLE_SEC = 2.0
"""Every row is painted again this often: another program may have written over it."""


class FullscreenUi:
    """The full-screen UI; owns the terminal between `__enter__` and `__exit__`. `notes`: whether they show at first."""

    def __init__(
        self,
        conductor: ShowHost,
        console: Console,
        quitting: asyncio.Event,
        *,
        notes: bool,
        invitation: Callable[[], Invitation | None] = lambda: None,
    ) -> None:
        self._conductor = conductor
        self._console = console
        self._wake = asyncio.Event()
        self._pressed: deque[str] = deque()
        self._screen = AltScreen(console, console.file, self._wake.set)
        self._captured_output = CapturedOutput(self._wake.set)
        self._notes = notes
        self._invitation = invitation
        self._verdict_pause = VerdictPause()
        self._place_on_screen = (conductor.state.number, conductor.state.step)
        self._size = (0, 0)
        self._painted_at = self._repainted_at = 0.0
        self._exits = contextlib.ExitStack()
        self.key_controller = KeyController(conductor, quitting, self._wake.set)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as exits:
            exits.enter_context(self._captured_output)
            exits.enter_context(keyboard(self._on_key))
            exits.callback(self._screen.close)
            exits.callback(self._conductor.panels.subscribe(self._wake.set))
            self._screen.open()
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.key_controller.cancel_commands()
        self._exits.close()

    def changed(self, state: ShowState) -> None:
        """Ask for a repaint: the conductor has a new state."""
        self._wake.set()

    def _on_key(self, key: str) -> None:
        self._pressed.append(key)
        self._wake.set()

    async def run(self) -> None:
        """Take keys and paint, until the terminal is gone."""
        loop = asyncio.get_running_loop()
        while not self._screen.gone:
            self._wake.clear()
            while self._pressed:
                key = self._pressed.popleft()
                if key == GONE:
                    return
                if key == WHEEL:
                    self._screen.silence_wheel()
                else:
                    self._press(key)
            due = self._painted_at + FRAME_SEC - loop.time()
            if due <= 0:
                self._paint(loop.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_SEC if due <= 0 else due):
                    # A wake-up before the painting is due only takes keys: a burst of states is painted once.
                    await self._wake.wait()

    def _press(self, key: str) -> None:
        # A key means the chapter that was on this screen, even if the show has moved on since it was painted.
        pressed = self.key_controller.press(key, *self._place_on_screen)
        if pressed.does == "notes":
            self._notes = not self._notes
        elif pressed.does == "repaint":
            self._screen.forget()

    def _paint(self, now: float) -> None:
        if self._screen.busy:
            return
        self._painted_at = now
        state, size = self._conductor.state, self._screen.size
        if size != self._size or now - self._repainted_at > WHOLE_SEC:
            self._screen.forget()
            self._size, self._repainted_at = size, now
        self._screen.paint(self._rows(state, size))
        self._place_on_screen = (state.number, state.step)

    def _rows(self, state: ShowState, size: tuple[int, int]) -> Rows:
        notices = (
            (*self.key_controller.notices(), self.key_controller.waits_for)
            if self.key_controller.is_leaving
            else self.key_controller.notices()
        )
        invitation = self._invitation() if self.key_controller.pad.mode == "invite" else None
        now = self._conductor.clock()
        own = TerminalState(
            now,
            self.key_controller.pad,
            notices,
            self._notes,
            self._captured_output.lines(),
            invitation,
            self._conductor.panels,
            verdict_waits=self._verdict_pause.waits(state, now),
        )
        try:
            return draw_screen(self._console, state, own, size)
        except Exception as error:  # noqa: BLE001 - the keys must go on working when drawing fails
            log_unexpected(logger, "drawing the terminal", error)
            text = f"[{state.number}/{state.total}] this screen cannot be drawn: {type(error).__name__}: {error}"
            row = Segment.adjust_line_length([Segment(text)], size[0])
            return [row] + [[Segment(" " * size[0])]] * (size[1] - 1)
