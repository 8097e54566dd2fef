"""The style of a deck's pages: files by their content, and the direction of a language."""

import pytest

from demo.errors import InvalidValue
from demo.narration.page_style import PageStyle, find_deck_files, make_font, make_stylesheet, read_deck_file
from tests.support.pictures import png


@pytest.mark.parametrize(
    ("language", "direction"),
    [("", "ltr"), ("en", "ltr"), ("ar", "rtl"), ("he-IL", "rtl"), ("AR", "rtl"), ("az", "ltr"), ("ur-Latn", "ltr")],
)
def test_a_language_has_its_direction(language: str, direction: str) -> None:
    assert PageStyle(language=language).direction == direction


def test_a_stylesheet_and_a_font_are_known_by_their_content_and_found_where_a_page_names_them() -> None:
    sheet, font = make_stylesheet(":root {}"), make_font(b"wOF2" + bytes(40))
    assert (sheet.media_type, font.media_type) == ("text/css; charset=utf-8", "font/woff2")
    assert make_stylesheet(":root { }").name != sheet.name
    html = f'<link href="{sheet.address}"><i data-files="{font.address} images/../x.css"></i>'
    assert find_deck_files(html) == {sheet.name, font.name}
    assert read_deck_file(font.name, font.body) == font


@pytest.mark.parametrize("body", [b"", b"<svg>", b"PK\x03\x04", png(2, 2)])
def test_what_is_no_font_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidValue, match="this is not a font"):
        make_font(body)


def test_what_a_store_has_under_a_name_must_be_what_the_name_says() -> None:
    sheet = make_stylesheet(":root {}")
    for name, body in ((sheet.name, b":root{}"), (sheet.name.replace(".css", ".exe"), sheet.body)):
        with pytest.raises(InvalidValue, match="is another one"):
            read_deck_file(name, body)
