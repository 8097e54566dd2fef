"""Which chapters of a deck have more text than the stage has room for, and by how much."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from demo.markup import to_plain
from demo.text_fit import stage
from demo.text_fit.covers import has_few_words
from demo.text_fit.markup import read_markup
from demo.text_fit.stage import MeasuredText, Texts
from demo.types import Chapter

TOO_WIDE = 2.0
"""Px of a table that nobody misses."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a chapter stands: its number, from 1, of how many, and whether there is a system beside its text.

    `hypothesis`: the prediction that is shown under its text though an earlier chapter makes it; `verdict`: its text.
    """

    number: int
    total: int
    has_system: bool
    hypothesis: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Overflow:
    """A chapter whose text does not fit. `step`: the first one of its `steps` on which it does not; both from 1.

    `page`: where it does not fit. `too_long`: by how many lines; `too_wide`: by how many px a table leaves its place.
    `words`: about how many have to go.
    """

    chapter: int
    step: int
    steps: int
    page: str
    too_long: int
    too_wide: int
    words: int

    @property
    def text(self) -> str:
        """Return what is wrong and what to do, in a sentence."""
        where = f"step {self.step} of {self.steps}" if self.steps > 1 else "its text"
        size = f"{stage.WIDTH}×{stage.HEIGHT}"
        if not self.too_long:
            return (
                f"{where} has a table that is {self.too_wide} px too wide for the stage at {size}: "
                "leave out a column, shorten its longest words, or give the text half of the stage with layout: split"
            )
        lines = f"{self.too_long} line{'' if self.too_long == 1 else 's'}"
        words = f"{self.words} word{'' if self.words == 1 else 's'}"
        return (
            f"{where} does not fit {self.page} at {size}: even in the smallest letters it is about {lines} too long; "
            f"leave out about {words}, or make two chapters of it"
        )


def find_overflows(
    deck: Sequence[Chapter],
    *,
    has_system: bool,
    verdicts: Mapping[int, str] | None = None,
    tested: Collection[int] = (),
) -> Iterator[Overflow]:
    """Yield the chapters whose text does not fit. `verdicts`: those that were found, by the number of the prediction.

    With them what came of a prediction counts, too: it is shown under the text of its chapter, and of those after it
    that test nothing. `tested`: chapters in which faults were injected, whether or not their settings name them.
    """
    found = verdicts or {}
    standing = 0
    for number, chapter in enumerate(deck, 1):
        if chapter.hypothesis or chapter.shows_evidence:
            standing = number if chapter.hypothesis else 0
        is_spoken_of = standing == number or (standing in found and not chapter.injects and number not in tested)
        hypothesis = deck[standing - 1].hypothesis if standing and is_spoken_of else ""
        setting = Setting(number, len(deck), has_system, hypothesis, found.get(standing, "") if hypothesis else "")
        overflow = find_overflow(chapter, setting)
        if overflow is not None:
            yield overflow


def find_overflow(chapter: Chapter, setting: Setting) -> Overflow | None:
    """Return how a chapter's text does not fit, on the first of its steps on which it does not; None if all fit."""
    if chapter.shows_evidence:
        return None
    whole = to_plain(chapter.narration, chapter.format)
    for step in range(1, chapter.step_count + 1):
        shown = read_markup(chapter.text_at(step), chapter.format)
        texts = Texts(chapter.title, shown, whole, setting.hypothesis, setting.verdict)
        for page, measured in _pages(chapter, setting, texts):
            if measured.too_high > 0 or measured.too_wide > TOO_WIDE:
                return _overflow(chapter, setting, step, page, measured)
    return None


def _overflow(chapter: Chapter, setting: Setting, step: int, page: str, measured: MeasuredText) -> Overflow:
    words = len(to_plain(chapter.text_at(step), chapter.format).split())
    long = math.ceil(measured.too_high / measured.line) if measured.too_high > 0 else 0
    return Overflow(
        setting.number,
        step,
        chapter.step_count,
        page,
        long,
        math.ceil(max(0.0, measured.too_wide)),
        max(1, math.ceil(long * words / max(1, measured.lines))),
    )


def _pages(chapter: Chapter, setting: Setting, texts: Texts) -> Iterator[tuple[str, MeasuredText]]:
    """Yield each page on which this text is shown in the course of its chapter, with its measures."""
    layout = chapter.style.layout
    if layout == "cover" or (not layout and _is_cover(chapter, setting)):
        yield "the cover", stage.cover(texts)
        return
    if chapter.hypothesis and not chapter.panels:
        place = stage.prediction_place(layout, has_vote=chapter.vote is not None)
        yield "the page of its prediction", stage.prediction(texts, place)
    for is_quiet in (True, False) if setting.has_system and chapter.injects else (True,):
        place = stage.story_place(
            layout,
            texts=texts,
            has_system=setting.has_system,
            panels=len(chapter.panels),
            has_large_panels=chapter.has_large_panels,
            has_vote=chapter.vote is not None,
            is_quiet=is_quiet,
        )
        where = "the stage" if place.width > stage.BESIDE else "its place beside the system"
        yield where, stage.story(texts, place)


def _is_cover(chapter: Chapter, setting: Setting) -> bool:
    is_first = setting.number == 1 and setting.total > 1
    return is_first and chapter.on_enter is None and not chapter.hypothesis and has_few_words(chapter)
