"""Columns, code and images of a text: as HTML and in the terminal."""

import io
import re

import pytest
from rich.console import Console

from demo.markup import to_html, to_plain, to_rich
from demo.markup.code import colour_code, is_language
from demo.narration import make_image
from tests.support.pictures import SVG

ADDRESS = make_image(SVG).address
COLUMNS = (
    "above\n\n<!-- column_layout: [4, 2] -->\nfirst\n\n<!-- column: 0 -->\n\nleft\n\n<!-- column: 1 -->\n\nright\n\n"
    "<!-- column: 0 -->\n\nleft again\n\n<!-- reset_layout -->\n\nbelow"
)


def in_terminal(text: str, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    console.print(to_rich(text))
    return [line.rstrip() for line in console.file.getvalue().split("\n")]  # type: ignore[attr-defined]


def test_columns_have_their_weights_and_go_on_where_they_ended() -> None:
    html = re.sub(r' dir="auto"|\n', "", to_html(COLUMNS))
    assert html == (
        '<p>above</p><p>first</p><div class="columns"><div class="column weight-2"><p>left</p><p>left again</p></div>'
        '<div class="column weight-1"><p>right</p></div></div><p>below</p>'
    )


@pytest.mark.parametrize(
    ("widths", "classes"),
    [
        ("[1]", ["1"]),
        ("[33, 67]", ["8", "16"]),
        ("[60,40]", ["3", "2"]),
        ("[99, 1]", ["24", "1"]),
        ("[0, 2]", ["1", "1"]),
    ],
)
def test_any_widths_get_a_class_that_the_style_sheet_has(widths: str, classes: list[str]) -> None:
    html = to_html(f"<!-- column_layout: {widths} -->\n<!-- column: 0 -->\na")
    assert re.findall(r"weight-(\d+)", html) == classes


@pytest.mark.parametrize(
    "text",
    [
        "<!-- column: 0 -->",
        "<!-- column_layout: [1, 1] -->\n\na\n\n<!-- column: 7 -->\n\nb",
        "<!-- column_layout: [1, 1] -->",
        "<!-- reset_layout -->",
    ],
)
def test_marks_without_columns_show_nothing(text: str) -> None:
    assert "<div" not in to_html(text)
    assert "column" not in to_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        "- <!-- column: 0 -->",
        "> <!-- column: 0 -->",
        "`<!-- column: 0 -->`",
        "    <!-- column: 0 -->",
        "<!-- column -->",
    ],
)
def test_elsewhere_they_are_the_text_that_they_are(text: str) -> None:
    assert "column" in to_plain(text)


def test_the_terminal_shows_columns_side_by_side_or_one_below_the_other() -> None:
    wide = in_terminal(COLUMNS, 90)
    assert [line.split() for line in wide if "left" in line or "right" in line] == [
        ["left", "right"],
        ["left", "again"],
    ]
    narrow = [line for line in in_terminal(COLUMNS, 40) if line]
    assert narrow == ["above", "first", "left", "left again", "right", "below"]


def test_the_terminal_marks_the_lines_that_stand_out() -> None:
    lines = in_terminal("```sql {2}\nSELECT 1\nFROM t\n```", 60)
    assert [line for line in lines if line] == ["    SELECT 1", "  ▌ FROM t"]
    assert [line for line in in_terminal("```sql {1|2}\na\nb\n```", 60) if line] == ["  a", "  b"]


def test_the_terminal_shows_the_words_of_an_image() -> None:
    assert in_terminal(f"a ![Two **parts**]({ADDRESS}) b ![]({ADDRESS})", 80)[0] == "a [image: Two parts] b [image]"


def test_lines_of_code_are_told_apart_and_nothing_in_them_is_markup() -> None:
    html = to_html('```python {1}\nx = "<b>"\n\ny = 2\n```')
    assert html.count('class="line lit"') == 1
    assert html.count('class="line dim"') == 2
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert '<span class="c-string">' in html
    assert "style=" not in html


@pytest.mark.parametrize("language", ["", "sql", "PYTHON", "yml", "text", "kt", "c++"])
def test_known_languages_are_known(language: str) -> None:
    assert is_language(language)


@pytest.mark.parametrize(
    "code", ["", "\n", "\n\nx\n\n", "a\r b\n", "\tx  \n", "x" * 60_000, "'", '"""', "/* \n", "\x0b\n"]
)
@pytest.mark.parametrize("language", ["python", "sql", "yaml", "c", "no-language", "", "console", "diff"])
def test_coloured_code_is_the_code_line_by_line(code: str, language: str) -> None:
    lines = ["".join(text for text, _ in line) for line in colour_code(code, language)]
    assert lines == code.removesuffix("\n").split("\n")


def test_only_images_of_the_deck_are_images_and_everything_about_them_is_escaped() -> None:
    html = to_html(f"![\"<b>]({ADDRESS} '\"onclick=x') ![x](../a.png) ![y](https://x.example/a.png)")
    assert html.count("<img") == 1
    assert 'width="640" height="320"' in html
    assert 'alt="&quot;&lt;b&gt;"' in html
    assert 'title="&quot;onclick=x"' in html
    assert "![x](../a.png)" in html
