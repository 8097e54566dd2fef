"""The subject that a show file describes: its system, probes, faults and chapters."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from demo.conditions import parse
from demo.errors import SubjectError
from demo.findings import Finding
from demo.show.following import FollowedShow
from demo.showfile.chapter_fields import chapter_fields
from demo.showfile.predictions import PredictionWatch, WatchingPoller
from demo.showfile.python_steps import check_functions, make_importable
from demo.showfile.running import RunningSystem
from demo.showfile.show import ShowChapter, open_show, store_show, stored_show
from demo.showfile.steps import ChapterSteps
from demo.showfile.trust import refusal
from demo.showfile.wrapped_subject import WrappedSubject
from demo.subjects.deck_words import fill_chapter
from demo.types import STOP_SEC, Chapter, FaultDriver, HealthPollerProtocol, Stage

HEAL_SEC = 90.0
"""Timeout of healing the whole system: its processes are started one after the other."""


class ShowFile:
    """A show from a Markdown file.

    `source`: the file's text and that of its includes, as `options_to_make_it_again` has it. Then nothing is read from
    the disk, so that a healer works from the deck that the fault was injected with. `typed`: options of the subject
    that the file names, as texts; they go before those in the file. Raises `ShowFileError`, which lists every problem.
    """

    def __init__(
        self,
        path: str,
        allow_run: bool = False,
        allow_unlabelled: bool = False,
        source: Mapping[str, Any] | None = None,
        **typed: tuple[str, ...],
    ) -> None:
        self._typed = typed
        self._may_run = allow_run
        self._allows_unlabelled = allow_unlabelled
        self.show = open_show(Path(path)) if source is None else stored_show(source)
        if source is None and not allow_run and ":" in (self.show.settings.subject or ""):
            raise SubjectError(refusal(self.show))  # before the module of that class is imported, which runs it
        self._wrapped = WrappedSubject(Path(path), self.show.settings, typed, allow_unlabelled=allow_unlabelled)
        self._system = RunningSystem(self.show, allow_unlabelled=allow_unlabelled, add_facts=self._wrapped.add_facts)
        self._predictions = PredictionWatch(self.show.chapters, self._system)
        poller = self._wrapped.add_poller(self._system.poller, self._system.wake)
        self._poller = WatchingPoller(poller, self._predictions)

    @property
    def name(self) -> str:
        return self.show.name

    @property
    def title(self) -> str:
        return self.show.title

    @property
    def description(self) -> str:
        return self.show.settings.description or self._wrapped.description

    @property
    def poller(self) -> HealthPollerProtocol | None:
        return self._poller

    @property
    def faults(self) -> Sequence[FaultDriver]:
        return (*self._wrapped.drivers, *self._system.drivers)

    @property
    def heal_sec(self) -> float:
        return HEAL_SEC + self._wrapped.heal_sec

    @property
    def stop_sec(self) -> float:
        return STOP_SEC + self._wrapped.stop_sec

    def options_to_make_it_again(self) -> Mapping[str, Any]:
        """Return the options that make this subject again in another process, whatever becomes of the file."""
        options: dict[str, Any] = {"source": store_show(self.show), "allow_run": self._may_run}
        typed = {name: list(texts) for name, texts in self._typed.items()}
        return options | ({"allow_unlabelled": True} if self._allows_unlabelled else {}) | typed

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        make_importable(self.show)
        made, expect = [], ""
        for chapter in self.show.chapters:
            if chapter.settings.hypothesis:
                expect = chapter.settings.expect or ""
            runner = ChapterSteps(stage, self._system, expect, self._wrapped.made)
            made.append(fill_chapter(_make_chapter(chapter, runner), self._wrapped.made))
        return tuple(made)

    def check(self) -> None:
        """Refuse a deck that would run something, unless that was allowed. Raises `SubjectError`."""
        self._check_file()
        self._wrapped.check()

    def _check_file(self) -> None:
        if not self._may_run and (why := refusal(self.show)):
            raise SubjectError(why)
        check_functions(self.show)
        self._system.check()

    async def examine(self) -> Sequence[Finding]:
        """Run the checks of `demo doctor`: those of the file, and of its subject."""
        self._check_file()
        return await self._wrapped.examine()

    def listen(self, tell: Callable[[str], None]) -> None:
        """Report the progress of the start to the presenter."""
        self._system.listen(tell)
        self._wrapped.listen(tell)

    def follow(self, show: FollowedShow) -> None:
        self._wrapped.follow(show)
        self._system.follow(show)
        self._predictions.follow(show)

    def unmet(self, number: int) -> str:
        """Return the message of the first requirement of a chapter that does not hold; what is not known does not."""
        for requirement in self.show.chapters[number - 1].settings.require:
            if parse(requirement.condition).truth(self._system.facts) is not True:
                return requirement.msg
        return ""

    async def start(self) -> None:
        await self._wrapped.start()
        await self._system.start()

    async def heal(self) -> None:
        """Heal the subject and what the file adds. Raises `SubjectError` with all that did not come back."""
        errors = []
        for heal in (self._wrapped.heal, self._system.heal):
            try:
                await heal()
            except SubjectError as error:
                errors.append(str(error))
        if errors:
            raise SubjectError("; ".join(errors))

    async def stop(self) -> None:
        """Stop what the file added, and then the subject that it leans on."""
        try:
            await self._system.stop()
        finally:
            await self._wrapped.stop()


def _make_chapter(chapter: ShowChapter, runner: ChapterSteps) -> Chapter:
    steps = chapter.settings.on_enter
    return Chapter(**chapter_fields(chapter), on_enter=partial(runner.run, steps) if steps else None)
