"""Running `on_enter`s: each as a task beside the queue, with a limit; and the pauses before an auto-advance."""

import asyncio
import contextvars
import inspect
import logging

from demo.conductor.context import ConductorContext
from demo.errors import DemoError, log_unexpected
from demo.show import ShowState
from demo.show import commands as c
from demo.show import events as e
from demo.subjects.user_code import told
from demo.types import Chapter

logger = logging.getLogger(__name__)

READING_WORDS_PER_SEC = 3.0
MIN_PAUSE_SEC, MAX_PAUSE_SEC = 3.0, 20.0

acting: contextvars.ContextVar[tuple[int, int] | None] = contextvars.ContextVar("acting", default=None)
"""The chapter (1-based) and run of the `on_enter` that is calling, None outside of one."""


def reading_time(text: str) -> float:
    """Seconds a room needs to read `text`."""
    return max(MIN_PAUSE_SEC, min(MAX_PAUSE_SEC, len(text.split()) / READING_WORDS_PER_SEC))


class ActionRunner:
    """The `on_enter`s under way, at most one a chapter."""

    def __init__(self, context: ConductorContext) -> None:
        self._context = context
        self._running: dict[int, asyncio.Task[None]] = {}

    def react(self, event: e.Event, state: ShowState) -> None:
        """Start, cancel or schedule what an event of the journal asks for."""
        match event:
            case e.ActionStarted(number=number, run=run):
                work = self._play(state.chapters[number - 1], number, run)
                self._running[number] = self._context.spawn(work, f"the action of chapter {number}")
            case e.ActionFailed(number=number):
                task = self._running.pop(number, None)
                if task is not None and task is not asyncio.current_task():
                    task.cancel()
            case e.ChapterEntered(number=number, forward=True, visit=visit):
                chapter = state.chapters[number - 1]
                if chapter.auto_advance and chapter.on_enter is None:
                    self._context.spawn(self._pause(chapter, visit), "the pause before the next chapter")
            case _:
                pass

    def cancel_all(self) -> None:
        """The show is over."""
        for task in self._running.values():
            task.cancel()

    async def _pause(self, chapter: Chapter, visit: int) -> None:
        await self._context.clock.sleep(reading_time(chapter.narration))
        self._context.enqueue("auto", c.AutoAdvance(visit))

    async def _play(self, chapter: Chapter, number: int, run: int) -> None:
        """Report how it ended. One that ignores its cancellation is left behind, not waited for."""
        acting.set((number, run))
        task = asyncio.ensure_future(_guarded(chapter))
        try:
            await asyncio.wait({task}, timeout=chapter.limit_sec)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done():
            error = task.result()
        else:
            task.cancel()
            error = f"its action did not end within {chapter.limit_sec:g} s"
        self._context.enqueue("show", c.ActionEnd(number, run, error))


async def _guarded(chapter: Chapter) -> str | None:
    """Run the deck's own code; whatever it raises becomes a reason."""
    try:
        result = chapter.on_enter() if chapter.on_enter is not None else None
        if inspect.isawaitable(result):
            await result
    except DemoError as error:
        return str(error)
    except asyncio.CancelledError:
        return "it was cancelled"
    except BaseException as error:  # noqa: BLE001 - foreign code, and whatever it raises the show goes on
        log_unexpected(logger, f"on_enter of {chapter.title!r}", error)
        return told(error)
    return None
