"""Words of a subject in the texts of its deck: `${rate}` becomes what the subject says, as its options have it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

from demo.types import Chapter

_WORD = re.compile(r"\$\{([A-Za-z_]\w*)\}")


@runtime_checkable
class HasWords(Protocol):
    """A subject with words for texts, because it can be run in several ways."""

    @property
    def words(self) -> Mapping[str, str]:
        """By the name in `${name}`, the text that takes its place."""


def fill_chapter(chapter: Chapter, subject: object) -> Chapter:
    """Return a chapter with the words of the subject in its texts. Any other `${name}` stays as it is written."""
    words = subject.words if isinstance(subject, HasWords) else {}
    if not words:
        return chapter
    return replace(
        chapter,
        title=fill(chapter.title, words),
        narration=fill(chapter.narration, words),
        steps=tuple(fill(step, words) for step in chapter.steps),
        notes=fill(chapter.notes, words),
        hypothesis=fill(chapter.hypothesis, words),
        expect=fill(chapter.expect, words),
        actions=tuple(fill(action, words) for action in chapter.actions),
    )


def fill(text: str, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: words.get(found[1], found[0]), text)
