"""Presents a show in place of a person: enters each chapter, waits until it is done, and goes on.

What happened is measured afterwards, from the journal (`rehearsal_measures`); here is only what a journal cannot tell.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from demo.conductor import Conductor
from demo.errors import DemoError, JournalError, Refused, UsageError
from demo.show import FaultState, ShowState, Verdict
from demo.show import commands as c
from demo.terminal.signals import ending_signals

WHO = "rehearsal"

UP_TIMEOUT_SEC = 300.0
"""For the start of the system: containers may have to start one after the other."""

ACTION_GRACE_SEC = 10.0
"""The conductor ends an action at its limit; after this time beyond it something is wrong."""

SETTLE_TIMEOUT_SEC = 60.0
"""For healing and recovery, beyond the time that the faults last."""

VERDICT_TIMEOUT_SEC = 25.0
"""For a verdict, after the recovery: it may wait 20 s until all that was written has been read again."""

READING_TIMEOUT_SEC = 25.0
"""For a chapter that goes on by itself: its reading time is 20 s at most."""

ENTRY_TIMEOUT_SEC = 30.0
"""For what the next chapter requires."""

RETRY_SEC = 0.5

ProblemKind = Literal["start", "entry", "timeout", "verdict", "broken"]


@dataclass(frozen=True, slots=True)
class RehearsalProblem:
    """What went wrong without an event that tells of it. `chapter`: 1-based, 0 for the whole show."""

    kind: ProblemKind
    chapter: int
    text: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ChapterRange:
    """The chapters to rehearse, 1-based; `last` None: to the end of the deck."""

    first: int = 1
    last: int | None = None

    def numbers(self, total: int) -> range:
        return range(self.first, (total if self.last is None else self.last) + 1)

    def check(self, total: int) -> None:
        """Raise `UsageError` if the deck does not have these chapters."""
        if max(self.first, self.last or 0) > total:
            written = f"{self.first}" if self.last in (None, self.first) else f"{self.first}-{self.last}"
            raise UsageError(f"there are no chapters {written} to rehearse: this deck has 1 to {total}")


@dataclass
class Rehearsal:
    """One run of a show. After `play`: the `state` at its end, the file of its `journal`, and `problems`."""

    chapters: ChapterRange
    refuted: Sequence[int] = ()
    begin: Callable[[], None] = lambda: None
    """Called when the show begins, after all that can refuse it."""
    tell: Callable[[ShowState, int], None] = lambda state, number: None
    """Called when a chapter is done, with its number."""
    on_wait: Callable[[str], None] = lambda text: None
    """Called when a signal has ended the run, with what is waited for."""
    problems: list[RehearsalProblem] = field(default_factory=list)
    state: ShowState | None = None
    journal: Path | None = None
    is_complete: bool = False
    is_interrupted: bool = False

    def check(self, show: ShowState) -> None:
        """Raise `UsageError` for chapters that the deck does not have, and for predictions that it does not make."""
        self.chapters.check(show.total)
        for number in self.refuted:
            if not 1 <= number <= show.total or not show.chapters[number - 1].hypothesis:
                raise UsageError(f"--refuted {number}: chapter {number} makes no prediction")

    async def play(self, conductor: Conductor) -> None:
        """Run the show from its start to its end. Raises what the conductor raises, as `FaultError`."""
        if conductor.journal.is_temporary:
            raise JournalError("a rehearsal needs a place for its journal: make the state directory writable")
        self.journal, self.state = conductor.journal.path, conductor.state
        self.begin()
        stopping = asyncio.Event()

        def on_signal(number: signal.Signals) -> None:
            if stopping.is_set():
                self.on_wait("removing what this show started" if conductor.system.is_stopping else "healing")
            self.is_interrupted = True
            stopping.set()

        with ending_signals(on_signal):
            playing = asyncio.ensure_future(conductor.run())
            presenting = asyncio.ensure_future(_Presenting(self, conductor).run())
            stop = asyncio.ensure_future(stopping.wait())
            await asyncio.wait({playing, presenting, stop}, return_when=asyncio.FIRST_COMPLETED)
            for task in (presenting, stop):
                task.cancel()
            conductor.stop(by_person=True)
            await asyncio.wait({playing})
            self.state = conductor.state
            played, presented, _ = await asyncio.gather(playing, presenting, stop, return_exceptions=True)
        for error in (played, presented):
            if isinstance(error, Exception):
                raise error


class _Presenting:
    """What a person would do, step by step."""

    def __init__(self, rehearsal: Rehearsal, conductor: Conductor) -> None:
        self._rehearsal = rehearsal
        self._conductor = conductor
        self._chapters = rehearsal.chapters.numbers(conductor.state.total)
        self._verdicts: Mapping[int, Verdict] = {}
        """The verdicts at the last move: only one that came since belongs to the chapter that was entered by it."""

    @property
    def _state(self) -> ShowState:
        return self._conductor.state

    async def run(self) -> None:
        await self._conductor.loaded.wait()
        if not await self._until_up():
            return
        if self._chapters.start > 1:
            await self._settle(self._state.number)
            if not await self._enter(c.Goto(self._chapters.start), self._chapters.start):
                return
        while await self._play_chapter(self._state.number):
            pass
        self._rehearsal.is_complete = self._state.number >= self._chapters.stop - 1
        await self._heal_what_is_left()

    def _note(self, problem: RehearsalProblem) -> None:
        self._rehearsal.problems.append(problem)

    async def _until(self, condition: Callable[[ShowState], bool], limit_sec: float) -> bool:
        return await self._conductor.until(condition, limit_sec)

    # The start and the end.

    async def _until_up(self) -> bool:
        """Wait until the system is up, as a presenter does before the talk; return whether it is."""
        if not self._conductor.health.has_poller:
            return True
        if await self._until(lambda state: _is_up(state) or state.system_error is not None, UP_TIMEOUT_SEC):
            if (error := self._state.system_error) is None:
                return True
            self._note(RehearsalProblem("start", 0, f"the system did not start: {error}"))
        else:
            self._note(RehearsalProblem("start", 0, f"after {UP_TIMEOUT_SEC:g} s {_describe_down(self._state)}"))
        return False

    async def _heal_what_is_left(self) -> None:
        """Heal what no chapter has healed, as faults without a duration, and look whether all is whole."""
        left = [fault for fault in self._state.faults if fault.is_running]
        if left or self._state.system_error is not None:
            await self._conductor.submit(c.CommandEnvelope(WHO, c.Heal()))
            await self._until(lambda state: not any(map(_is_under_way, state.faults)), SETTLE_TIMEOUT_SEC)
            await self._until(lambda state: not state.system_healing, SETTLE_TIMEOUT_SEC)
        for fault in self._state.faults:
            if fault.is_running:
                self._note(
                    RehearsalProblem("broken", 0, f"{fault.name} is not healed: {fault.error or 'no reason is known'}")
                )
        if self._conductor.health.has_poller and not await self._until(_is_up, ACTION_GRACE_SEC):
            self._note(RehearsalProblem("broken", 0, f"at the end {_describe_down(self._state)}"))

    # One chapter.

    async def _play_chapter(self, number: int) -> bool:
        """Play the chapter that the show is on; return whether there is another one to play."""
        await self._settle(number)
        while self._state.number == number and self._state.step < self._state.chapter.step_count:
            if not await self._enter(c.Advance(), number):
                return False
            await self._settle(number)
        self._rehearsal.tell(self._state, number)
        if number >= self._chapters.stop - 1:
            return False
        if self._state.number != number:  # it went on by itself
            return self._state.number < self._chapters.stop
        return await self._go_on(number)

    async def _go_on(self, number: int) -> bool:
        chapter, action = self._state.chapter, self._state.action
        if chapter.auto_advance and action.status != "failed":
            self._verdicts = self._state.verdicts
            if await self._until(lambda state: state.number != number, READING_TIMEOUT_SEC):
                return True
            self._note(RehearsalProblem("timeout", number, "it did not go on by itself, though it has auto_advance"))
        return await self._enter(c.Advance(), number + 1)

    async def _enter(self, move: c.Advance | c.Goto, number: int) -> bool:
        """Make one move, once what it requires is met; return False if it is refused. `number`: where it leads."""
        state = self._state
        if number != state.number:
            self._verdicts = state.verdicts
        deadline = asyncio.get_running_loop().time() + ENTRY_TIMEOUT_SEC
        while True:
            try:
                await self._conductor.submit(c.CommandEnvelope(WHO, move, state.number, state.step))
            except Refused as refused:
                if refused.code == "stale":
                    return True  # the show went on by itself
                if refused.code == "required" and asyncio.get_running_loop().time() < deadline:
                    await asyncio.sleep(RETRY_SEC)
                    continue
                self._note(RehearsalProblem("entry", number, str(refused)))
                return await self._override(move, state) if refused.code == "required" else False
            return True

    async def _override(self, move: c.Advance | c.Goto, state: ShowState) -> bool:
        forced = c.Goto(move.chapter, override=True) if isinstance(move, c.Goto) else c.Advance(override=True)
        with contextlib.suppress(DemoError):
            await self._conductor.submit(c.CommandEnvelope(WHO, forced, state.number, state.step))
            return True
        return False

    async def _settle(self, number: int) -> None:
        """Wait until the action of a chapter has ended, what it broke has recovered, and its verdict is there."""
        chapter = self._state.chapters[number - 1]
        if not await self._until(
            lambda state: state.number != number or state.actions[number - 1].status != "running",
            chapter.limit_sec + ACTION_GRACE_SEC,
        ):
            self._note(RehearsalProblem("timeout", number, f"its action did not end within {chapter.limit_sec:g} s"))
        lasting = (fault.heals_at - self._conductor.clock() for fault in self._state.faults if fault.heals_at)
        limit = max(lasting, default=0.0) + SETTLE_TIMEOUT_SEC
        if not await self._until(
            lambda state: state.number != number or not any(map(_is_under_way, state.faults)), limit
        ):
            for fault in filter(_is_under_way, self._state.faults):
                what = "did not recover" if fault.awaits_recovery else "was not healed"
                text = f"{fault.name} {what} within {SETTLE_TIMEOUT_SEC:g} s"
                self._note(RehearsalProblem("timeout", number, text, fault.name))
        if self._state.number == number:
            await self._await_verdict(number)

    async def _await_verdict(self, number: int) -> None:
        state = self._state
        standing = state.hypothesis_number(number)
        if standing is None or not state.chapters[standing - 1].expect or not _has_tested(state):
            return
        before = self._verdicts.get(standing)
        if not await self._until(
            lambda now: now.number != number or now.verdicts.get(standing) is not before, VERDICT_TIMEOUT_SEC
        ):
            # Once is enough: a chapter with steps is settled with each of them.
            problem = RehearsalProblem("verdict", standing, f"there was no verdict within {VERDICT_TIMEOUT_SEC:g} s")
            if problem not in self._rehearsal.problems:
                self._note(problem)


def _is_up(state: ShowState) -> bool:
    sample = state.sample
    return sample is not None and state.freshness == "live" and not sample.has_issues


def _describe_down(state: ShowState) -> str:
    if state.sample is None:
        return "nothing was measured"
    down = [f"{node.name} is {node.health}" for node in state.sample.nodes if node.health != "up"]
    return ", ".join(down) or f"the newest sample is {state.freshness}"


def _is_under_way(fault: FaultState) -> bool:
    """Return whether a fault changes by itself: it is injected or healed, waits for its time, or for the recovery."""
    if fault.state == "active":
        return fault.heals_at is not None
    return fault.is_running or fault.awaits_recovery


def _has_tested(state: ShowState) -> bool:
    """Return whether a fault was injected on this chapter and is over: then its prediction is judged."""
    tested = [f for f in state.faults if f.injected_at is not None and f.injected_at >= state.entered_at]
    return any(fault.has_ended for fault in tested) and not any(fault.is_running for fault in tested)
