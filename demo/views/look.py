"""How a page looks while a chapter is shown: the deck's style, and the layout of the chapter."""

from dataclasses import dataclass

from demo.narration.page_style import PageStyle
from demo.show import ShowState


@dataclass(frozen=True, slots=True)
class LookView:
    """`layout`: how the chapter divides the stage, "" for the usual way, and on other pages."""

    style: PageStyle
    layout: str = ""


def look(state: ShowState, *, has_layout: bool = False) -> LookView:
    """Return how the pages look now."""
    chapter = state.chapter
    return LookView(chapter.style, chapter.layout if has_layout else "")
