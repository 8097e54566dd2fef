"""The subject that a show file describes: its system, probes, faults and chapters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from demo.ballots.vote import read_vote
from demo.conditions import parse
from demo.errors import SubjectError
from demo.findings import Finding
from demo.narration import DeckImage
from demo.narration.page_style import PageStyle
from demo.narration.threshold import read_thresholds
from demo.panels.picture import Panels
from demo.show import ShowState
from demo.show.following import EditedShow, FollowedShow
from demo.showfile.chapter_fields import chapter_fields
from demo.showfile.containers import HEAL_SEC as COMPOSE_HEAL_SEC
from demo.showfile.editing.taking_over import Edit, EditWatch
from demo.showfile.examination.examine import examine
from demo.showfile.page_style import page_style
from demo.showfile.predictions import PredictionWatch, WatchingPoller
from demo.showfile.presented_once import ShowLock
from demo.showfile.python_steps import check_functions, make_importable
from demo.showfile.running import RunningSystem
from demo.showfile.show import Show, ShowChapter, open_show, store_for_healer, stored_show
from demo.showfile.steps import ChapterSteps
from demo.showfile.trust import refusal
from demo.showfile.wrapped_subject import WrappedSubject
from demo.subjects.deck_words import fill_chapter
from demo.types import STOP_SEC, Chapter, FaultDriver, HealthPollerProtocol, Plan, Stage

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
        no_reload: bool = False,
        source: Mapping[str, Any] | None = None,
        **typed: tuple[str, ...],
    ) -> None:
        self._path, self._typed = Path(path), typed
        self._may_run = allow_run
        self._allows_unlabelled = allow_unlabelled
        self.show = open_show(Path(path)) if source is None else stored_show(source)
        if source is None and not allow_run and ":" in (self.show.settings.subject or ""):
            raise SubjectError(refusal(self.show))  # before the module of that class is imported, which runs it
        self._wrapped = WrappedSubject(self._path, self.show.settings, typed, allow_unlabelled=allow_unlabelled)
        self._system = RunningSystem(self.show, allow_unlabelled=allow_unlabelled, add_facts=self._wrapped.add_facts)
        self._predictions = PredictionWatch(self.show.chapters, self._system)
        poller = self._wrapped.add_poller(self._system.poller, self._system.wake)
        self._poller = WatchingPoller(poller, self._predictions)
        self._takes_edits = not no_reload and source is None
        self._stage: Stage | None = None
        self._edit: Edit | None = None
        self._lock = ShowLock(self.show.name)

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

    def driver_for(self, name: str, plan: Plan) -> FaultDriver | None:
        """Return a driver that heals what an earlier process has injected, by its plan: the file may have changed."""
        return self._system.driver_for(name, plan)

    @property
    def panels(self) -> Panels:
        return self._system.panels

    @property
    def images(self) -> Sequence[DeckImage]:
        return (*self.show.source.images.values(), *page_style(self.show.settings, self.show.source)[1])

    @property
    def heal_sec(self) -> float:
        of_compose = COMPOSE_HEAL_SEC if self._system.containers.compose is not None else 0.0
        return HEAL_SEC + of_compose + self._wrapped.heal_sec

    @property
    def stop_sec(self) -> float:
        return STOP_SEC + self._wrapped.stop_sec

    def options_to_make_it_again(self) -> Mapping[str, Any]:
        """Return the options that make this subject again in another process, whatever becomes of the file."""
        options: dict[str, Any] = {"source": store_for_healer(self.show), "allow_run": self._may_run}
        typed = {name: list(texts) for name, texts in self._typed.items()}
        return options | ({"allow_unlabelled": True} if self._allows_unlabelled else {}) | typed

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        self._stage = stage
        return self._deck(self.show, stage)

    def _deck(self, show: Show, stage: Stage) -> tuple[Chapter, ...]:
        make_importable(show)
        made, expect = [], ""
        style, _ = page_style(show.settings, show.source)
        for chapter in show.chapters:
            if chapter.settings.hypothesis:
                expect = chapter.settings.expect or ""
            runner = ChapterSteps(stage, self._system, expect, self._wrapped.made)
            made.append(fill_chapter(_make_chapter(chapter, runner, style), self._wrapped.made))
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
        return (*await examine(self.show, self._system), *await self._wrapped.examine())

    def claim(self) -> None:
        """Become the one process that presents this show. Raises `SubjectError` while there is another one."""
        self._lock.claim()

    def listen(self, tell: Callable[[str], None]) -> None:
        """Report the progress of the start to the presenter."""
        self._system.listen(tell)
        self._wrapped.listen(tell)

    def follow(self, show: FollowedShow) -> None:
        show.subscribe(self._moved)  # before the others: they shall see the edited chapters with the edited deck
        self._wrapped.follow(show)
        # Predictions before the loads: what is still to be judged is judged before those measure another fault.
        self._predictions.follow(show)
        self._system.follow(show)

    # Edits of the file.

    def take_edits(self, show: EditedShow) -> None:
        """Take over each edit of the file from now on, unless that was forbidden."""
        if self._takes_edits:
            watch = EditWatch(self._path, self, show, self._may_run)
            show.spawn(watch.run(), f"looking for edits of {self._path}")

    def prepare(self, show: Show, places: Sequence[int]) -> Edit:
        """Return what an edited show changes; changes nothing. Raises `DemoError`."""
        if self._stage is None:
            raise SubjectError("the show has no deck yet")
        self._wrapped.refuse_clash(show.settings.faults)
        check_functions(show)
        system = self._system.prepare(show)
        description = show.settings.description or self._wrapped.description
        drivers = (*self._wrapped.drivers, *system.drivers)
        return Edit(show, self._deck(show, self._stage), tuple(places), description, drivers, system)

    def present(self, edit: Edit) -> None:
        """Go on with this edit once the show has its deck, at the same moment."""
        self._edit = edit

    async def adopt_loads(self, edit: Edit) -> None:
        """Send the loads of an edit that is on the stage. Raises `SubjectError`."""
        await self._system.adopt_loads(edit.system)

    def _moved(self, state: ShowState) -> None:
        edit = self._edit
        if edit is not None and state.deck is edit.deck:
            self._edit, self.show = None, edit.show
            self._predictions.adopt(edit.show.chapters, edit.places)
            self._system.adopt(edit.system)

    # Its life.

    def unmet(self, number: int) -> str:
        """Return the message of the first requirement of a chapter that does not hold; what is not known does not."""
        for requirement in self.show.chapters[number - 1].settings.require:
            if parse(requirement.condition).truth(self._system.facts) is not True:
                return requirement.msg
        return ""

    async def start(self) -> None:
        await self._wrapped.start()
        await self._system.start()

    async def describe_system(self) -> Sequence[tuple[str, str]]:
        """Return what the subject that the file names runs on, and what the file adds."""
        return (*await self._wrapped.describe_system(), *await self._system.describe())

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


def _make_chapter(chapter: ShowChapter, runner: ChapterSteps, style: PageStyle) -> Chapter:
    steps = chapter.settings.on_enter
    fields = chapter_fields(chapter)
    fields["vote"] = read_vote(fields["vote"])
    fields["thresholds"] = read_thresholds(fields["thresholds"])
    of_chapter = replace(style, layout=chapter.settings.layout or "")
    return Chapter(**fields, style=of_chapter, on_enter=partial(runner.run, steps) if steps else None)
