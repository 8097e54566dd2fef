"""The questions from the room, for the presenter's page alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuestionView:
    """An open question."""

    id: int
    text: str


Questions = tuple[QuestionView, ...] | None
"""The open questions, oldest first; None where the show takes none."""
