"""The subject that a show file describes: its system, probes, faults and chapters."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from demo.conditions import parse
from demo.errors import SubjectError
from demo.narration import DeckImage
from demo.show.following import FollowedShow
from demo.showfile.predictions import PredictionWatch, WatchingPoller
from demo.showfile.running import RunningSystem
from demo.showfile.show import ShowChapter, open_show, store_show, stored_show
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
        source: Mapping[str, Any] | None = None,
    ) -> None:
        self._path = path
        self._may_run = allow_run
        self._allows_unlabelled = allow_unlabelled
        self.show = open_show(Path(path)) if source is None else stored_show(source)
        self._system = RunningSystem(self.show, allow_unlabelled=allow_unlabelled)
        self._predictions = PredictionWatch(self.show.chapters, self._system)
        self._poller = WatchingPoller(self._system.poller, self._predictions)

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
    def images(self) -> Sequence[DeckImage]:
        return tuple(self.show.source.images.values())

    @property
    def heal_sec(self) -> float:
        return HEAL_SEC

    def options_to_make_it_again(self) -> Mapping[str, Any]:
        """Return the options that make this subject again in another process, whatever becomes of the file."""
        options: dict[str, Any] = {"source": store_show(self.show), "allow_run": self._may_run}
        return options | ({"allow_unlabelled": True} if self._allows_unlabelled else {})

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        runner = ChapterSteps(stage, self._system)
        return tuple(_make_chapter(chapter, runner) for chapter in self.show.chapters)

    def check(self) -> None:
        """Refuse a deck that would run something, unless that was allowed. Raises `SubjectError`."""
        if not self._may_run and (why := refusal(self.show)):
            raise SubjectError(why)
        self._system.check()

    def listen(self, tell: Callable[[str], None]) -> None:
        """Report the progress of the start to the presenter."""
        self._system.listen(tell)

    def follow(self, show: FollowedShow) -> None:
        self._system.follow(show)
        self._predictions.follow(show)

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
    pages = chapter.pages
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
    )
