"""The subject that a show file describes: its system, probes, faults and chapters."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from demo.conditions import parse
from demo.errors import SubjectError
from demo.panels.picture import Panels
from demo.show import ShowState
from demo.show.following import EditedShow, FollowedShow
from demo.showfile.containers import HEAL_SEC as COMPOSE_HEAL_SEC
from demo.showfile.editing.taking_over import Edit, EditWatch
from demo.showfile.markdown.columns import split_columns
from demo.showfile.predictions import PredictionWatch, WatchingPoller
from demo.showfile.presented_once import ShowLock
from demo.showfile.running import RunningSystem
from demo.showfile.show import Show, ShowChapter, open_show, store_for_healer, stored_show
from demo.showfile.steps import ChapterSteps, needed_sec
from demo.showfile.trust import refusal
from demo.types import ACTION_LIMIT_SEC, Chapter, FaultDriver, HealthPollerProtocol, Stage

HEAL_SEC = 90.0
"""Timeout of healing the whole system: its processes are started one after the other."""


class ShowFile:
    """A show from a Markdown file.

    `source`: the file's text and that of its includes, as `options_to_make_it_again` has it. Then nothing is read from
    the disk, so that a healer works from the deck that the fault was injected with. Raises `ShowFileError`, which lists
    every problem.
    """

    def __init__(
        self,
        path: str,
        allow_run: bool = False,
        allow_unlabelled: bool = False,
        no_reload: bool = False,
        source: Mapping[str, Any] | None = None,
    ) -> None:
        self._path = path
        self._may_run = allow_run
        self._allows_unlabelled = allow_unlabelled
        self.show = open_show(Path(path)) if source is None else stored_show(source)
        self._system = RunningSystem(self.show, allow_unlabelled=allow_unlabelled)
        self._predictions = PredictionWatch(self.show.chapters, self._system)
        self._poller = WatchingPoller(self._system.poller, self._predictions)
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
        return self.show.settings.description

    @property
    def poller(self) -> HealthPollerProtocol | None:
        return self._poller

    @property
    def faults(self) -> Sequence[FaultDriver]:
        return self._system.drivers

    @property
    def panels(self) -> Panels:
        return self._system.panels

    @property
    def heal_sec(self) -> float:
        return HEAL_SEC + (COMPOSE_HEAL_SEC if self._system.containers.compose is not None else 0.0)

    def options_to_make_it_again(self) -> Mapping[str, Any]:
        """Return the options that make this subject again in another process, whatever becomes of the file."""
        options: dict[str, Any] = {"source": store_for_healer(self.show), "allow_run": self._may_run}
        return options | ({"allow_unlabelled": True} if self._allows_unlabelled else {})

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        self._stage = stage
        return self._deck(self.show, stage)

    def _deck(self, show: Show, stage: Stage) -> tuple[Chapter, ...]:
        runner = ChapterSteps(stage, self._system)
        return tuple(_make_chapter(chapter, runner) for chapter in show.chapters)

    def check(self) -> None:
        """Refuse a deck that would run something, unless that was allowed. Raises `SubjectError`."""
        if not self._may_run and (why := refusal(self.show)):
            raise SubjectError(why)
        self._system.check()

    def claim(self) -> None:
        """Become the one process that presents this show. Raises `SubjectError` while there is another one."""
        self._lock.claim()

    def listen(self, tell: Callable[[str], None]) -> None:
        """Report the progress of the start to the presenter."""
        self._system.listen(tell)

    def follow(self, show: FollowedShow) -> None:
        show.subscribe(self._moved)  # before the others: they shall see the edited chapters with the edited deck
        # Predictions before the loads: what is still to be judged is judged before those measure another fault.
        self._predictions.follow(show)
        self._system.follow(show)

    # Edits of the file.

    def take_edits(self, show: EditedShow) -> None:
        """Take over each edit of the file from now on, unless that was forbidden."""
        if self._takes_edits:
            watch = EditWatch(Path(self._path), self, show, self._may_run)
            show.spawn(watch.run(), f"looking for edits of {self._path}")

    def prepare(self, show: Show, places: Sequence[int]) -> Edit:
        """Return what an edited show changes; changes nothing. Raises `DemoError`."""
        if self._stage is None:
            raise SubjectError("the show has no deck yet")
        return Edit(show, self._deck(show, self._stage), tuple(places), self._system.prepare(show))

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
        await self._system.start()

    async def heal(self) -> None:
        await self._system.heal()

    async def stop(self) -> None:
        await self._system.stop()


def _make_chapter(chapter: ShowChapter, runner: ChapterSteps) -> Chapter:
    settings = chapter.settings
    pages = tuple(map(_without_columns, chapter.pages))
    return Chapter(
        chapter.title,
        "\n\n".join(pages),
        steps=pages if len(pages) > 1 else (),
        on_enter=partial(runner.run, settings.on_enter) if settings.on_enter else None,
        auto_advance=settings.auto_advance,
        blocks_advance=settings.blocks_advance,
        notes=chapter.notes,
        budget_sec=settings.budget,
        limit_sec=max(ACTION_LIMIT_SEC, math.ceil(needed_sec(settings.on_enter))),
        hypothesis=settings.hypothesis or "",
        shows_evidence=settings.evidence,
        format="markdown",
        panels=settings.panels,
        has_large_panels=settings.layout == "panel",
    )


def _without_columns(page: str) -> str:
    """Return a page with the texts of its columns one below the other, without the comments about them."""
    return "\n\n".join(text for block in split_columns(page) for text in block.texts if text.strip())
