"""What a file holds that is not carried out yet is told at its place."""

import pytest

from demo.showfile.source import parse_source
from demo.showfile.unsupported import OF_CHAPTERS, SHOWN_NOWHERE, find_unsupported
from tests.showfile.documentation import DOCUMENT

TEXT = "\n---\n\n# One\n"


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("theme: light", ("warning", 2, "presented without it")),
    ],
)
def test_a_key_of_the_front_matter_is_told_at_its_place(front: str, expected: tuple[str, int, str]) -> None:
    source, problems = parse_source(f"---\n{front}\n---\n{TEXT[5:]}", "a.md", None)
    assert not problems
    (found,) = find_unsupported(source)
    assert (found.severity, found.position.line) == expected[:2]
    assert expected[2] in found.message


def test_a_key_of_a_chapter_is_told() -> None:
    source, problems = parse_source("```yaml\nlayout: cover\n```\n# One\n", "a.md", None)
    assert not problems
    assert [str(found) for found in find_unsupported(source)] == [
        "a.md:2:1: warning: layout is not carried out yet: the chapter is shown without it"
    ]


def test_the_documentation_lists_all_of_it() -> None:
    section = DOCUMENT.read_text("utf-8").split("## What is not carried out yet\n")[1].split("\n## ")[0]
    for key in (*SHOWN_NOWHERE, *OF_CHAPTERS):
        assert f"`{key}`" in section


def test_a_file_that_needs_nothing_of_that_is_told_nothing() -> None:
    source, _ = parse_source("---\ntitle: A\nsystem: {attach: shop}\n---\n\n# One\n\nText.\n", "a.md", None)
    assert find_unsupported(source) == []
