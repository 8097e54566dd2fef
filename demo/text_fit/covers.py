"""Which chapters have so few words that the stage shows them as a cover."""

from functools import lru_cache

from demo.markup import to_plain
from demo.types import Chapter

MAX_COVER_TEXT = 260
"""Characters of a first chapter that is a cover; with more it is a story like the others."""

_BLOCKS = ("```", "![", "\n- ", "\n* ", "\n1. ", "\n|")


def has_few_words(chapter: Chapter) -> bool:
    """Return whether nothing of a chapter's text would be lost on a cover."""
    return not chapter.vote and chapter.step_count == 1 and _fits(chapter.narration, chapter.format)


@lru_cache(maxsize=8)
def _fits(narration: str, text_format: str) -> bool:
    """Return whether a narration is short and without blocks. Remembered, for reading Markdown takes 0.3 ms."""
    has_blocks = any(mark in narration for mark in _BLOCKS)
    return not has_blocks and len(to_plain(narration, text_format)) <= MAX_COVER_TEXT
