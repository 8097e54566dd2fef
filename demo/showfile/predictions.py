"""Judges the predictions of a show: each `expect` is watched from its first injection to the recovery."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from demo.clock import CLOCK
from demo.conditions import Condition, Facts, Watch, parse
from demo.load.book.sender import BookState
from demo.probes.change_notification import NotifiesChanges
from demo.show import ShowState
from demo.show import commands as c
from demo.show.following import FollowedShow
from demo.showfile.books import describe_book
from demo.showfile.show import ShowChapter
from demo.types import HealthPollerProtocol

WHO = "prediction"
SETTLE_SEC = 1.0
"""How long after the recovery a prediction is still watched: the probes of the last moments are on their way."""

BOOK_TIMEOUT_SEC = 20.0
"""How long a verdict waits until all that was written has been read again."""

When = Literal["fault", "before", "after", "edge", "always", "during-fault"]
_SPELLINGS: Mapping[str, When] = {
    "SOT": "before",
    "EOT": "after",
    "Edge": "edge",
    "Continuous": "always",
    "OnChaos": "during-fault",
}
"""Litmus' words for when a probe is looked at."""


class FactSource(Protocol):
    """Where facts come from."""

    @property
    def facts(self) -> Facts:
        """What is known of the system now."""

    def ask_books(self, condition: Condition) -> bool:
        """Read all writes again that a condition asks for; return whether it asks for any."""

    def books_of(self, condition: Condition) -> Sequence[BookState]:
        """Return what is known of the writes that a condition asks for."""

    async def wait_for_change(self) -> None:
        """Return once something has been measured anew."""

    def mask(self, text: str) -> str:
        """Return a text without the value of any secret: a verdict tells what was measured."""


@dataclass
class _Run:
    """One prediction while it is watched. `faults`: those injected meanwhile, by name with their run.

    `ends_at`: the moment at which the watch ends, once all of them have recovered. `read_by`: until when the verdict
    waits for the writes that are read again; None: they were not asked for yet.
    """

    number: int
    watch: Watch
    when: When
    faults: dict[str, int] = field(default_factory=dict)
    ends_at: float | None = None
    read_by: float | None = None


class WatchingPoller:
    """A poller that also judges predictions while it runs: both end together."""

    def __init__(self, poller: HealthPollerProtocol, predictions: "PredictionWatch") -> None:
        self._poller = poller
        self._predictions = predictions

    async def run(self) -> None:
        judging = asyncio.create_task(self._predictions.run(), name="judging the predictions")
        try:
            await self._poller.run()
        finally:
            judging.cancel()
            await asyncio.gather(judging, return_exceptions=True)

    def get_health(self) -> dict[str, Any] | None:
        return self._poller.get_health()

    def stop(self) -> None:
        self._poller.stop()

    def subscribe_to_changes(self, listener: Callable[[], None]) -> None:
        if isinstance(self._poller, NotifiesChanges):
            self._poller.subscribe_to_changes(listener)


class PredictionWatch:
    """Follows the show, and sets the verdict of each prediction that has an `expect`."""

    def __init__(self, chapters: Sequence[ShowChapter], source: FactSource) -> None:
        self._source = source
        self._expected = _read_expected(chapters)
        self._show: FollowedShow | None = None
        self._run: _Run | None = None
        self._closing: list[_Run] = []
        """Predictions whose chapter was left, and which only wait for what is read again."""
        self._seen_runs: dict[str, int] = {}
        self._followed_at = 0.0

    def adopt(self, chapters: Sequence[ShowChapter], places: Sequence[int]) -> None:
        """Judge the predictions of edited chapters from now on; `places` as in `ReplaceDeck`.

        One that is being watched keeps its condition. If its chapter is gone, nothing is left to judge.
        """
        self._expected = _read_expected(chapters)
        self._run = _moved_run(self._run, places) if self._run is not None else None
        closing = (_moved_run(run, places) for run in self._closing)
        self._closing = [run for run in closing if run is not None]

    def follow(self, show: FollowedShow) -> None:
        """Begin to watch. What was injected before, by an earlier server, is no test of a prediction."""
        self._show = show
        # The journal may be read only after this: its faults have begun before this moment, too.
        self._followed_at = CLOCK.now()
        self._seen_runs = {fault.name: fault.run for fault in show.state.faults}
        show.subscribe(self._moved)

    async def run(self) -> None:
        """Look at the facts whenever they change, until cancelled."""
        while True:
            await self._source.wait_for_change()
            self._look()

    def _moved(self, state: ShowState) -> None:
        """Begin, go on with, or end a prediction, as the show and its faults do."""
        standing = state.hypothesis_number(state.number)
        injected = self._take_injections(state)
        if injected:
            # From now on books count what this fault breaks.
            for run in tuple(self._closing):
                self._end(run)
        if self._run is not None and standing != self._run.number:
            self._close(self._run)
        if standing is not None and standing in self._expected and standing not in _concluded(state, injected):
            self._begin(standing, state, injected)
        self._note_recovery(state)

    def _take_injections(self, state: ShowState) -> dict[str, float]:
        """Return the faults injected since the last state, with the moment of each."""
        names = {fault.name for fault in state.faults}
        self._seen_runs = {name: run for name, run in self._seen_runs.items() if name in names}
        new = {
            fault.name: (fault.run, fault.injected_at)
            for fault in state.faults
            if fault.injected_at is not None and self._seen_runs.get(fault.name, 0) != fault.run
        }
        self._seen_runs |= {name: run for name, (run, _) in new.items()}
        return {name: at for name, (_, at) in new.items() if at >= self._followed_at}

    def _begin(self, number: int, state: ShowState, injected: Mapping[str, float]) -> None:
        condition, when = self._expected[number]
        if self._run is None:
            if not injected and when != "always":
                return
            watch = Watch(condition, min(injected.values(), default=CLOCK.now()), always=True)
            self._run = _Run(number, watch, when)
            if when in ("before", "edge"):
                self._feed(self._run)
        self._run.faults |= {name: self._seen_runs[name] for name in injected}

    def _note_recovery(self, state: ShowState) -> None:
        """Note when all faults of the prediction have recovered: it is not watched much longer."""
        run = self._run
        if run is None or not run.faults or run.when == "always":
            return
        faults = [fault for fault in state.faults if fault.name in run.faults]
        if any(fault.is_running or not (fault.has_ended or fault.not_measurable) for fault in faults):
            run.ends_at = None
        elif run.ends_at is None:
            run.ends_at = CLOCK.now() + SETTLE_SEC

    def _look(self) -> None:
        now = CLOCK.now()
        for run in (*self._closing, *([self._run] if self._run is not None else ())):
            if run.when in ("fault", "always") or (run.when == "during-fault" and self._is_running(run)):
                self._feed(run)
            has_ended = run in self._closing or (run.ends_at is not None and now >= run.ends_at)
            if run.watch.tick(now) is not None:
                self._conclude(run)
            elif has_ended and not self._waits_for_books(run, now):
                self._end(run)

    def _close(self, run: _Run) -> None:
        """End a prediction whose chapter is left, once what it asks for has been read again."""
        if run.watch.outcome is None and self._waits_for_books(run, CLOCK.now()):
            self._run = None
            self._closing.append(run)
        else:
            self._end(run)

    def _waits_for_books(self, run: _Run, now: float) -> bool:
        """Return whether the verdict still waits for writes to be read again; ask for that once."""
        if run.when == "before":
            return False
        if run.read_by is None:
            run.read_by = now + BOOK_TIMEOUT_SEC
            return self._source.ask_books(run.watch.condition)
        return now < run.read_by and self._has_unread(run)

    def _has_unread(self, run: _Run) -> bool:
        return not all(book.is_known for book in self._source.books_of(run.watch.condition))

    def _end(self, run: _Run) -> None:
        """Look for the last time, where that is asked for: after the recovery, or when the show leaves the chapter.

        What was written is known only then.
        """
        if run.when in ("after", "edge") or run.read_by is not None:
            self._feed(run)
        self._conclude(run)

    def _feed(self, run: _Run) -> None:
        # What shall come back within a time must have gone first: right after an injection all still looks well.
        if run.watch.condition.within_sec is not None and run.faults and not self._is_seen(run):
            return
        run.watch.feed(CLOCK.now(), self._source.facts, self._running())

    def _running(self) -> set[str]:
        return {fault.name for fault in self._show.state.faults if fault.is_running} if self._show else set()

    def _is_running(self, run: _Run) -> bool:
        return bool(self._running() & set(run.faults))

    def _is_seen(self, run: _Run) -> bool:
        """Return whether the effect of one of the faults was detected."""
        faults = self._show.state.faults if self._show else ()
        return any(fault.detected_after_sec is not None for fault in faults if run.faults.get(fault.name) == fault.run)

    def _conclude(self, run: _Run) -> None:
        if run in self._closing:
            self._closing.remove(run)
        else:
            self._run = None
        outcome = run.watch.finish(CLOCK.now())
        held = {"held": True, "broken": False}.get(outcome.verdict)
        if self._show is None:
            return
        books = self._source.books_of(run.watch.condition) if run.when != "before" else ()
        if held and _were_not_injected(self._show.state, run):
            held, text = None, "The fault could not be injected."
        elif held is not False and (unread := next((book for book in books if not book.is_known), None)):
            held, text = None, _sentence(f"What was confirmed could not be read again: {describe_book(unread)}")
        else:
            numbers = "; ".join(map(describe_book, books))
            text = _sentence(self._source.mask(outcome.text + (f": {numbers}" if numbers else "")))
        self._show.enqueue(WHO, c.Conclude(run.number, held, text))


def _moved_run(run: _Run, places: Sequence[int]) -> _Run | None:
    number = places[run.number - 1]
    return replace(run, number=number) if number else None


def _read_expected(chapters: Sequence[ShowChapter]) -> dict[int, tuple[Condition, When]]:
    return {
        number: (parse(chapter.settings.expect), _when(chapter.settings.check))
        for number, chapter in enumerate(chapters, 1)
        if chapter.settings.expect is not None
    }


def _were_not_injected(state: ShowState, run: _Run) -> bool:
    """Return whether every fault of a prediction failed at its injection: what holds without a fault proves nothing."""
    faults = [fault for fault in state.faults if run.faults.get(fault.name) == fault.run]
    return bool(faults) and all(fault.injection_failed for fault in faults)


def _concluded(state: ShowState, injected: Mapping[str, float]) -> set[int]:
    """Return the predictions that have their verdict: only another injection tests them again."""
    return set() if injected else set(state.verdicts)


def _sentence(text: str) -> str:
    """End it with a full stop. Its first word is a name of the file's, which keeps its small letter."""
    return text + ("" if text.endswith(".") else ".")


def _when(written: str | None) -> When:
    if written is None:
        return "fault"
    return _SPELLINGS.get(written, written)  # type: ignore[arg-type] # the schema lets no other pass
