"""Follows the chapters of a show through edits of its deck: when each was entered, how long, and what came of it."""

from dataclasses import dataclass, field

from demo.evidence.facts import ChapterFacts, Failure, ShowTimeline, TimedVerdict
from demo.evidence.safe_text import sanitize_for_report
from demo.narration.code_steps import without_code_steps
from demo.show import ShowState
from demo.show import events as e
from demo.show.deck import map_chapter_numbers, titles_of
from demo.types import Chapter
from demo.views.printed import list_parts


@dataclass(slots=True, eq=False)
class Followed:
    """A chapter, whatever its number is now (0: it was removed)."""

    chapter: Chapter
    number: int
    entered_at: float | None = None
    visits: int = 0
    step: int = 0
    """The last one that was shown."""
    stays: list[tuple[float, float]] = field(default_factory=list)
    judged: list[TimedVerdict] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


class ChapterFold:
    """The chapters by their numbers now, and those that were removed after they had been shown."""

    def __init__(self, state: ShowState) -> None:
        self._now = [Followed(chapter, number) for number, chapter in enumerate(state.chapters, 1)]
        self._removed: list[Followed] = []
        self._current: Followed | None = None
        self._since = 0.0
        self._is_hidden = False

    def of(self, number: int | None) -> Followed | None:
        """Return the chapter that has this number now."""
        return self._now[number - 1] if number is not None and 0 < number <= len(self._now) else None

    def take_deck(self, before: ShowState, after: ShowState, event: e.DeckChanged, at: float) -> None:
        """Renumber the chapters as an edit of the deck did."""
        by_place = {number: place for number, place in enumerate(event.places, 1) if place}
        places = by_place if event.places else map_chapter_numbers(titles_of(before.chapters), event.chapters)
        moved = {place: self._now[number - 1] for number, place in places.items() if number <= len(self._now)}
        for known in self._now:
            known.number = 0
        kept = list(moved.values())
        self._removed += [known for known in self._now if known not in kept and known.visits]
        self._now = [moved.get(number) or Followed(one, number) for number, one in enumerate(after.chapters, 1)]
        for number, known in enumerate(self._now, 1):
            known.number, known.chapter = number, after.chapters[number - 1]
        self._move_to(self.of(after.number), at)

    def refresh(self, state: ShowState) -> None:
        """Take over the chapters of a deck that has the same numbers."""
        for known, chapter in zip(self._now, state.chapters, strict=False):
            known.chapter = chapter

    def enter(self, number: int, at: float, step: int) -> None:
        """Note that the show is on this chapter since `at`, on that step."""
        entered = self.of(number)
        self._move_to(entered, at)
        if entered is not None:
            entered.visits += 1
            entered.entered_at = at if entered.entered_at is None else entered.entered_at
            entered.step = max(step, entered.step)

    def show_step(self, number: int, step: int) -> None:
        """Note that the show is on that step of this chapter."""
        if (known := self.of(number)) is not None:
            known.step = max(step, known.step)

    def stand(self, at: float) -> None:
        """Note that the audience sees no chapter of this show since `at`: a recording is shown."""
        self._move_to(self._current, at)
        self._is_hidden = True

    def go_on(self, at: float) -> None:
        """Note that it sees the show again."""
        self._move_to(self._current, at)
        self._is_hidden = False

    def _move_to(self, chapter: Followed | None, at: float) -> None:
        if self._current is not None and not self._is_hidden:
            self._current.stays.append((self._since, at))
        self._current, self._since = chapter, at

    def facts(self, state: ShowState, timeline: ShowTimeline, *, with_notes: bool) -> tuple[ChapterFacts, ...]:
        """Return what is known of each chapter; those that were removed come last."""
        self._move_to(self._current, timeline.ended_at)
        return tuple(_make_facts(known, state, with_notes) for known in (*self._now, *self._removed))


def _make_facts(known: Followed, state: ShowState, with_notes: bool) -> ChapterFacts:
    chapter, judged = known.chapter, _find_judged(known, state)
    return ChapterFacts(
        number=known.number,
        title=chapter.title,
        hypothesis=chapter.hypothesis,
        expect=sanitize_for_report(chapter.expect),
        notes=chapter.notes if with_notes else "",
        entered_at=known.entered_at,
        visit_spans=tuple(known.stays),
        visits=known.visits,
        judged=judged,
        earlier=tuple(one for one in known.judged if one is not judged),
        failures=tuple(known.failures),
        pages=_shown_pages(known),
        text_format=chapter.format,
    )


def _shown_pages(known: Followed) -> tuple[str, ...]:
    """Return the text of a chapter up to the last step that was shown, in its parts where all of it was."""
    chapter = known.chapter
    if known.step < chapter.step_count:
        shown = chapter.text_at(max(1, known.step))
        return (shown if chapter.format == "markup" else without_code_steps(shown),) if shown.strip() else ()
    return tuple(filter(str.strip, list_parts(chapter)))


def _find_judged(known: Followed, state: ShowState) -> TimedVerdict | None:
    """Return the verdict that stands; None if the action that set it ran again without another one."""
    newest = known.judged[-1] if known.judged else None
    return newest if newest is None or not known.number or known.number in state.verdicts else None
