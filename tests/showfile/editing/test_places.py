"""Which chapter of the edited deck is which of the deck before."""

import pytest

from demo.showfile.editing.places import find_places
from demo.showfile.show import Show, load_show
from demo.showfile.source import parse_source


def show(*chapters: str) -> Show:
    """`id=Title: text` for each chapter; `id=` and `: text` may be left out."""
    blocks = []
    for written in chapters:
        head, _, text = written.partition(": ")
        ident, separator, title = head.rpartition("=")
        settings = f"```yaml\nid: {ident}\n```\n\n" if separator else ""
        blocks.append(f"{settings}# {title}\n\n{text or f'About {title}.'}\n")
    loaded, problems = load_show(*parse_source("\n---\n\n".join(blocks), "show.md", None))
    assert loaded is not None, problems
    return loaded


@pytest.mark.parametrize(
    ("before", "now", "places"),
    [
        (["A", "B"], ["A", "B"], (1, 2)),
        (["A", "B"], ["New", "A", "B"], (2, 3)),
        (["A", "B", "C"], ["C", "A"], (2, 0, 1)),
        (["a=A", "b=B"], ["b=X", "a=B"], (2, 1)),  # an id counts more than a title
        (["a=A", "B"], ["x=A", "B"], (1, 2)),  # its title, when the id is gone
        (["A", "A", "B"], ["A", "B", "A"], (1, 3, 2)),  # the first with the first
        (["A", "B: text", "C"], ["A", "N", "M: text", "C"], (1, 3, 4)),  # another title, the same text
        (["A", "B", "C"], ["A", "Other", "C"], (1, 2, 3)),  # behind the same chapter
        (["A", "B", "C"], ["X", "Y", "Z"], (1, 2, 3)),
        (["A", "B"], ["X"], (1, 0)),
        (["A", "B", "C"], ["A", "C"], (1, 0, 2)),
    ],
)
def test_a_chapter_is_found_by_id_then_title_then_text_then_place(
    before: list[str], now: list[str], places: tuple[int, ...]
) -> None:
    assert find_places(show(*before).chapters, show(*now).chapters) == places


def test_no_two_chapters_become_one() -> None:
    titles = ["A", "B", "x=A", "C: text", "D: text", "y=E"]
    for shift in range(len(titles)):
        now = show(*titles[shift:], *(f"New {number}" for number in range(shift))).chapters
        found = [place for place in find_places(show(*titles).chapters, now) if place]
        assert len(found) == len(set(found))
