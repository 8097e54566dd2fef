"""Whether the texts of a show file fit the stage: a warning at each chapter whose text does not."""

from collections.abc import Iterator

from demo.ballots.vote import read_vote
from demo.narration.page_style import PageStyle
from demo.showfile.chapter_fields import chapter_fields
from demo.showfile.problems import Position, Problem
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.show import Show, ShowChapter
from demo.text_fit.deck import find_overflows
from demo.types import Chapter


def text_problems(show: Show) -> Iterator[Problem]:
    """Yield a warning for each chapter whose text does not fit, at the line where the chapter begins."""
    deck = [_chapter(chapter) for chapter in show.chapters]
    for overflow in find_overflows(deck, has_system=_has_system(show.settings)):
        chapter = show.chapters[overflow.chapter - 1]
        text = f"chapter {overflow.chapter}, {chapter.title}: {overflow.text}"
        yield Problem(chapter.file, Position(chapter.line), text, "warning")


def _has_system(settings: FrontMatter) -> bool:
    watched = (settings.probes, settings.processes, settings.proxies, settings.faults, settings.load)
    return settings.subject is not None or settings.system is not None or any(watched)


def _chapter(chapter: ShowChapter) -> Chapter:
    """Return the chapter as the stage shows it; its action does nothing."""
    fields = chapter_fields(chapter) | {"thresholds": ()}
    fields["vote"] = read_vote(fields["vote"])
    style = PageStyle(layout=chapter.settings.layout or "")
    return Chapter(**fields, style=style, on_enter=_act if chapter.settings.on_enter else None)


async def _act() -> None:
    """Stand in for the action of a chapter."""
