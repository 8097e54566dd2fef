"""Calls `on_narration_update` with each chapter's narration, one call after the other, beside the show."""

import asyncio
import inspect
import logging
from collections.abc import Callable

from demo.conductor import ShowHost
from demo.errors import log_unexpected
from demo.show import ShowState
from demo.show import commands as c
from demo.subjects.user_code import describe_error
from demo.terminal.key_controller import WHO

logger = logging.getLogger(__name__)

OnNarration = Callable[[str], object]


class NarrationHook:
    """Calls `listener` each time a chapter is entered; its exceptions are shown and do no further harm."""

    def __init__(self, conductor: ShowHost, listener: OnNarration) -> None:
        self._conductor = conductor
        self._listener = listener
        self._place: tuple[int, float | None] = (0, None)
        self._narrations: asyncio.Queue[str] = asyncio.Queue()
        self.changed(conductor.state)

    def changed(self, state: ShowState) -> None:
        """Enqueue the narration if this state is on another visit of a chapter, or of another show."""
        place = (state.visit, state.replay.recorded_at if state.replay is not None else None)
        if place != self._place:
            self._place = place
            self._narrations.put_nowait(state.chapter.narration)

    async def run(self) -> None:
        """Pass queued narrations to the listener until cancelled."""
        while True:
            narration = await self._narrations.get()
            try:
                answer = self._listener(narration)
                if inspect.isawaitable(answer):
                    await answer
            except Exception as error:  # noqa: BLE001 - foreign code; the show goes on
                log_unexpected(logger, "on_narration_update", error)
                self._conductor.enqueue(WHO, c.Notice(f"on_narration_update: {describe_error(error)}"[:300]))
