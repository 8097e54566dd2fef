"""What a file holds that is not carried out yet is told at its place."""

from demo.showfile.source import parse_source
from demo.showfile.unsupported import OF_CHAPTERS, find_unsupported
from tests.showfile.documentation import DOCUMENT

TEXT = "\n---\n\n# One\n"


def test_a_key_of_a_chapter_is_told() -> None:
    source, problems = parse_source("```yaml\nvote: true\n```\n# One\n", "a.md", None)
    assert not problems
    assert [str(found) for found in find_unsupported(source)] == [
        "a.md:2:1: warning: vote is not carried out yet: the chapter is shown without it"
    ]


def test_the_documentation_lists_all_of_it() -> None:
    section = DOCUMENT.read_text("utf-8").split("## What is not carried out yet\n")[1].split("\n## ")[0]
    for key in OF_CHAPTERS:
        assert f"`{key}`" in section


def test_a_file_that_needs_nothing_of_that_is_told_nothing() -> None:
    source, _ = parse_source("---\ntitle: A\nsystem: {attach: shop}\n---\n\n# One\n\nText.\n", "a.md", None)
    assert find_unsupported(source) == []
