"""Reads the show file of a built-in subject into what `demo.subjects.packaged_deck` stores."""

from pathlib import Path
from typing import Any

from demo.errors import InvalidValue
from demo.showfile.chapter_fields import chapter_fields
from demo.showfile.schema.chapters import Step
from demo.showfile.show import ShowChapter, open_show

VERBS = ("say", "python")
"""The steps of packaged decks: with others, every start would have to import what carries these out."""


def read_packaged(file: Path) -> list[dict[str, Any]]:
    """Return each chapter with its actions, as plain JSON. Raises `ShowFileError`, and `InvalidValue` for a step."""
    return [
        {"chapter": chapter_fields(chapter), "actions": [_action(chapter, step) for step in chapter.settings.on_enter]}
        for chapter in open_show(file).chapters
    ]


def _action(chapter: ShowChapter, step: Step | str) -> dict[str, Any]:
    if isinstance(step, str) or step.verb not in VERBS or step.if_ is not None or step.continue_on_error:
        what = step if isinstance(step, str) else step.verb
        raise InvalidValue(f"{chapter.file}:{chapter.line}: a packaged deck has steps by say and python, not by {what}")
    return {"say": step.say, "python": step.python, "timeout": step.timeout}
