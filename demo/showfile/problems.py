"""What is wrong with a show file: each problem with its place, all of them at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from demo.errors import UsageError


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; `line` and `column` begin at 1, and columns count characters."""

    line: int
    column: int = 1


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem: `message` says in a sentence what is wrong and what to write instead.

    `file` is the path as people here would type it. A show with an error cannot be presented, one with a warning can.
    """

    file: str
    position: Position
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        kind = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.position.line}:{self.position.column}: {kind}{self.message}"


def shorten(text: str, limit: int = 80) -> str:
    """Return a text of the file as a message repeats it: in one line, and without what is not printed."""
    shown = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return "".join(character if character.isprintable() else "\ufffd" for character in shown)


class ShowFileError(UsageError):
    """A show file that cannot be presented; the text lists every problem, one on each line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))
