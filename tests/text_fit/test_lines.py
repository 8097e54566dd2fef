"""Lines of text: widths of letters, and where a line ends."""

import hashlib
from importlib import resources

import pytest

from demo.text_fit import font_widths
from demo.text_fit.font import Letters, letter_width
from demo.text_fit.lines import Piece, break_lines, most_width

PLAIN = Letters(20)


def lines(text: str, width: float, letters: Letters = PLAIN) -> int:
    return break_lines([Piece(text, letters)], width).count


def test_the_table_of_widths_was_made_of_the_shipped_font() -> None:
    font = (resources.files("demo") / "static" / "vendor" / "inter-5.3.0.woff2").read_bytes()
    assert hashlib.sha256(font).hexdigest() == font_widths.FONT_SHA256, "run scripts/font-widths"


def test_every_row_of_the_table_has_every_letter() -> None:
    rows = (font_widths.SMALL_LIGHT, font_widths.LARGE_LIGHT, font_widths.SMALL_BOLD, font_widths.LARGE_BOLD)
    assert {len(row.split()) for row in rows} == {len(font_widths.LETTERS.split())}


def test_bold_letters_are_wider_and_spacing_counts_for_each() -> None:
    assert letter_width("m", Letters(20, 720)) > letter_width("m", PLAIN)
    assert letter_width("m", Letters(20, spacing=-1)) == letter_width("m", PLAIN) - 1


def test_a_letter_that_the_font_does_not_have_is_estimated() -> None:
    assert letter_width("ж", PLAIN) > 0.5 * 20
    assert letter_width("漢", PLAIN) > 20
    assert letter_width("\u0301", PLAIN) == 0.0


@pytest.mark.parametrize(("text", "count"), [("", 0), ("   ", 0), ("one", 1), ("one two", 2), ("one  \n two", 2)])
def test_a_line_ends_at_spaces(text: str, count: int) -> None:
    assert lines(text, most_width([Piece("three", PLAIN)])) == count


def test_a_line_may_end_behind_a_hyphen_but_not_before_a_number() -> None:
    width = most_width([Piece("well-known", PLAIN)]) - 1
    assert lines("well-known", width) == 2
    assert break_lines([Piece("a -1000000", PLAIN)], most_width([Piece("-1000000", PLAIN)])).count == 2


def test_a_word_that_is_wider_than_a_line_is_broken_anywhere() -> None:
    assert lines("m" * 30, most_width([Piece("m" * 10, PLAIN)])) == 3


def test_chinese_is_broken_between_any_two_letters() -> None:
    assert lines("漢字" * 5, most_width([Piece("漢字" * 2, PLAIN)])) == 3


def test_a_word_in_two_kinds_of_letters_is_one_word() -> None:
    bold = Letters(20, 720)
    pieces = [Piece("one tw", PLAIN), Piece("o", bold)]
    assert break_lines(pieces, most_width([Piece("one tw", PLAIN)]) + 1).count == 2
    assert break_lines([Piece("one", PLAIN), Piece(None, PLAIN), Piece("two", PLAIN)], 1000).count == 2
