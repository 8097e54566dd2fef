"""Which chapters of a deck a recording shows: found by their titles, and said where it has not what the deck has."""

from collections.abc import Iterable, Mapping, Sequence

from demo.evidence.replay_plan import ReplayPlan
from demo.show.deck import number_duplicates, titles_of
from demo.types import Chapter

Key = tuple[str, int]
"""A chapter: its title, and how many chapters of the same title are before it."""

MAX_NAMED = 6


class RecordedChapters:
    """The chapters that a recording shows. `numbers`: of each its number there."""

    def __init__(self, plan: ReplayPlan) -> None:
        self.numbers: dict[Key, int] = {}
        self._chapters: dict[Key, Chapter] = {}
        self._has_texts = bool(plan.decks)
        for number, start in sorted(plan.chapter_starts.items()):
            chapters = start.state.chapters
            if number <= len(chapters):
                key = number_duplicates(titles_of(chapters))[number - 1]
                self.numbers.setdefault(key, number)
                self._chapters.setdefault(key, chapters[number - 1])

    def find(self, chapters: Sequence[Chapter], number: int) -> int | None:
        """Return the number in the recording of chapter `number` of a deck; None if the recording does not show it."""
        return self.numbers.get(number_duplicates(titles_of(chapters))[number - 1])

    def count(self, chapters: Sequence[Chapter]) -> int:
        """Return how many chapters of a deck the recording shows."""
        return sum(key in self.numbers for key in number_duplicates(titles_of(chapters)))

    def differences(self, chapters: Sequence[Chapter]) -> tuple[str, ...]:
        """Say which chapters of a deck it does not show, which it shows with other texts, and which the deck lacks."""
        deck: Mapping[Key, Chapter] = dict(zip(number_duplicates(titles_of(chapters)), chapters, strict=True))
        missing = [key for key in deck if key not in self.numbers]
        changed = [key for key in deck if key in self.numbers and self._is_changed(key, deck[key])]
        gone = [key for key in self.numbers if key not in deck]
        found = (
            ("the recording does not show", missing),
            ("recorded with other texts:", changed),
            ("only in the recording:", gone),
        )
        return tuple(f"{words} {_name(keys)}" for words, keys in found if keys)

    def _is_changed(self, key: Key, chapter: Chapter) -> bool:
        # Without its deck a recording has titles only, and the replay says so.
        return self._has_texts and _texts_of(self._chapters[key]) != _texts_of(chapter)


def _texts_of(chapter: Chapter) -> tuple[object, ...]:
    return chapter.narration, chapter.steps, chapter.hypothesis, chapter.expect


def _name(keys: Iterable[Key]) -> str:
    titles = [f"“{title}”" for title, _ in keys]
    more = f" and {len(titles) - MAX_NAMED} more" if len(titles) > MAX_NAMED else ""
    return ", ".join(titles[:MAX_NAMED]) + more
