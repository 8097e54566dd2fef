"""Which chapters have so few words that the stage shows them as a cover."""

from demo.markup import to_plain
from demo.types import Chapter

MAX_COVER_TEXT = 260
"""Characters of a first chapter that is a cover; with more it is a story like the others."""

_BLOCKS = ("```", "![", "\n- ", "\n* ", "\n1. ", "\n|")


def has_few_words(chapter: Chapter) -> bool:
    """Return whether nothing of a chapter's text would be lost on a cover."""
    if chapter.vote or chapter.step_count > 1 or any(mark in chapter.narration for mark in _BLOCKS):
        return False
    return len(to_plain(chapter.narration, chapter.format)) <= MAX_COVER_TEXT
