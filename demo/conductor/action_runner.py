"""Runs the `on_enter` of chapters as tasks with a timeout, and waits before an automatic advance."""

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from demo.conductor.context import ConductorContext
from demo.errors import DemoError, log_unexpected
from demo.show import ShowState
from demo.show import commands as c
from demo.show import events as e
from demo.subjects.user_code import describe_error
from demo.types import Chapter

logger = logging.getLogger(__name__)

READING_WORDS_PER_SEC = 3.0
MIN_PAUSE_SEC, MAX_PAUSE_SEC = 3.0, 20.0


@dataclass
class Acting:
    """A running `on_enter`: its chapter (1-based), which an edit of the deck may move, and its run."""

    number: int
    run: int
    task: asyncio.Task[None] | None = None


acting: contextvars.ContextVar[Acting | None] = contextvars.ContextVar("acting", default=None)
"""The `on_enter` that is calling, None outside of one."""


def reading_time(text: str) -> float:
    """Return how many seconds an audience needs to read `text`."""
    return max(MIN_PAUSE_SEC, min(MAX_PAUSE_SEC, len(text.split()) / READING_WORDS_PER_SEC))


class ActionRunner:
    """The running `on_enter`s, at most one for each chapter.

    Each waits for `until_ready` before it begins: a show that begins in its middle has no earlier chapters during which
    its system starts.
    """

    def __init__(self, context: ConductorContext, until_ready: Callable[[], Awaitable[None]] | None = None) -> None:
        self._until_ready = until_ready
        self._context = context
        self._running: dict[int, Acting] = {}

    def react(self, event: e.Event, state: ShowState) -> None:
        """Start, cancel or schedule what an event asks for."""
        match event:
            case e.ActionStarted(number=number, run=run):
                self._running[number] = running = Acting(number, run)
                work = self._run_with_timeout(state.chapters[number - 1], running)
                running.task = self._context.spawn(work, f"the action of chapter {number}")
            case e.ActionFailed(number=number):
                stopped = self._running.pop(number, None)
                if stopped is not None and stopped.task is not None and stopped.task is not asyncio.current_task():
                    stopped.task.cancel()
            case e.DeckChanged(places=places) if places:
                self._renumber(places)
            case e.ChapterEntered(number=number, forward=True, visit=visit):
                chapter = state.chapters[number - 1]
                if chapter.auto_advance and chapter.on_enter is None and chapter.step_count == 1:
                    self._pause_before_next(chapter.narration, visit)
            case e.StepShown(number=number, step=step, forward=True):
                chapter, action = state.chapters[number - 1], state.actions[number - 1]
                is_last, is_quiet = step == chapter.step_count, chapter.on_enter is None or action.status == "done"
                if chapter.auto_advance and is_last and is_quiet:
                    self._pause_before_next(chapter.all_steps[step - 1].added, state.visit)
            case _:
                pass

    def cancel_all(self) -> None:
        """Cancel all running actions at the end of the show."""
        for running in self._running.values():
            if running.task is not None:
                running.task.cancel()

    def _renumber(self, places: Sequence[int]) -> None:
        """Give each running action the number that its chapter has now. Those of chapters that are gone have ended."""
        moved = {places[number - 1]: running for number, running in self._running.items() if places[number - 1]}
        for number, running in moved.items():
            running.number = number
        self._running = moved

    def _pause_before_next(self, text: str, visit: int) -> None:
        self._context.spawn(self._advance_after_pause(text, visit), "the pause before the next chapter")

    async def _advance_after_pause(self, text: str, visit: int) -> None:
        await self._context.clock.sleep(reading_time(text))
        self._context.enqueue("auto", c.AutoAdvance(visit))

    async def _run_with_timeout(self, chapter: Chapter, running: Acting) -> None:
        """Run an action and report its end. One that ignores its cancellation is abandoned, not waited for."""
        # Before the task is created, which copies this context.
        acting.set(running)
        if self._until_ready is not None:
            await self._until_ready()
        # A task of its own with `wait`, because `asyncio.timeout` would wait for ever for code that swallows its
        # cancellation.
        task = asyncio.ensure_future(_run_action(chapter))
        try:
            await asyncio.wait({task}, timeout=chapter.limit_sec)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done():
            error = task.result()
        else:
            task.cancel()
            error = f"its action did not finish within {chapter.limit_sec:g} s"
        self._context.enqueue("show", c.ActionEnd(running.number, running.run, error))


async def _run_action(chapter: Chapter) -> str | None:
    """Run a deck's own code; return whatever it raises as a sentence, None when it succeeds."""
    try:
        result = chapter.on_enter() if chapter.on_enter is not None else None
        if inspect.isawaitable(result):
            await result
    except DemoError as error:
        return str(error)
    except asyncio.CancelledError:
        return "it was cancelled"
    except BaseException as error:  # noqa: BLE001 - foreign code: the show goes on whatever it raises
        log_unexpected(logger, f"on_enter of {chapter.title!r}", error)
        return describe_error(error)
    return None
