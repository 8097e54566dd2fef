"""Images of a deck: told by their content, named by it and by their size; what is none is refused."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.errors import InvalidValue
from demo.narration import DeckImage, find_image_names, is_image_name, make_image
from demo.narration.image import is_image_address, is_image_place, read_name_size
from demo.narration.svg_size import read_svg_size
from tests.support.pictures import SVG, avif, gif, jpeg, png, webp


@pytest.mark.parametrize(
    ("body", "media_type", "ending"),
    [
        (png(30, 20), "image/png", "-30x20.png"),
        (jpeg(300, 200), "image/jpeg", "-300x200.jpg"),
        (jpeg(300, 200, orientation=6), "image/jpeg", "-200x300.jpg"),
        (gif(30, 20), "image/gif", "-30x20.gif"),
        (webp(1200, 800), "image/webp", "-1200x800.webp"),
        (avif(640, 480), "image/avif", "-640x480.avif"),
        (SVG, "image/svg+xml", "-640x320.svg"),
    ],
)
def test_an_image_has_the_type_and_size_of_its_content(body: bytes, media_type: str, ending: str) -> None:
    image = make_image(body)
    assert image.media_type == media_type
    assert image.name.endswith(ending)
    assert is_image_name(image.name)
    assert is_image_address(image.address)
    assert image == make_image(body)
    assert image.name != make_image(body + b"\n").name


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not an image"),
        (b"<html></html>", "not an image"),
        (random.Random(1).randbytes(5000), "not an image"),
        (b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(5), "damaged"),
        (b"\xff\xd8\xff" + b"\xe1\xff" * 20, "damaged"),
        (b"RIFF\0\0\0\0WEBPVP8X", "damaged"),
        (b"\0\0\0\x08ftypavif\0\0\0\x08meta", "damaged"),
        (gif(0, 0), "damaged"),
        (b"<svg/>", "how large"),
        (b'<svg width="0" height="0"/>', "how large"),
        (b"<?xml version='1.0'?><html/>", "not an SVG"),
        (png(1, 1).replace(b"\0\0\0\x01\0\0\0\x01", b"\0\0\xff\xff\0\0\xff\xff", 1), "50 million are allowed"),
        (b'<svg width="9999999" height="1"/>', "million are allowed"),
    ],
)
def test_what_is_no_image_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        make_image(body)


STARTS = [png(3, 2), jpeg(3, 2), gif(3, 2), webp(3, 2), avif(3, 2), SVG]


@settings(max_examples=300)
@given(st.sampled_from(STARTS), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=20), st.binary())
def test_whatever_the_bytes_they_are_an_image_or_refused(
    body: bytes, changes: list[tuple[int, int]], more: bytes
) -> None:
    changed = bytearray(body + more)
    for place, value in changes:
        changed[place % len(changed)] = value
    try:
        found = make_image(bytes(changed))
    except InvalidValue:
        return
    assert is_image_name(found.name)


@pytest.mark.parametrize(
    ("head", "size"),
    [
        ('<svg width="300" height="200">', (300, 200)),
        ("<svg\n width='3in'\n height='1in'\n>", (288, 96)),
        ('<svg width="100%" height="100%" viewBox="0 0 30 20"/>', (30, 20)),
        ('<svg viewBox="-5, -5, 30.4, 20" width="60.8"/>', (61, 40)),
        ('<svg height="40" viewBox="0 0 30 20"/>', (60, 40)),
        ('\ufeff<?xml version="1.0"?>\n<!-- a > b <svg width="1" height="1"> -->\n<svg viewBox="0 0 3 2"/>', (3, 2)),
        ('<!DOCTYPE svg PUBLIC "x" "y" [<!ENTITY a "b">]>\n<svg viewBox="0 0 3 2"/>', (3, 2)),
        ('<svg data-width="9" viewBox="0 0 3 2"><rect width="8" height="8"/></svg>', (3, 2)),
        ('<svg aria-label="1 > 0" viewBox="0 0 3 2"/>', (3, 2)),
    ],
)
def test_an_svg_is_as_large_as_its_first_element_says(head: str, size: tuple[int, int]) -> None:
    assert read_svg_size(head.encode()) == size


@pytest.mark.parametrize("piece", ["<!---->", "<!-- --> --> ", "<!DOCTYPE [", '<svg "', "<svg '\"", " ", "<?xml "])
def test_reading_the_size_of_an_svg_takes_no_time_whatever_is_repeated(piece: str) -> None:
    """A search that tries all ways to read it would not end within the limit of a test."""
    with pytest.raises(InvalidValue):
        read_svg_size(("<!-- -->" + piece * 5000).encode())


def test_names_and_addresses_are_found_where_they_stand_and_nothing_else_is_one() -> None:
    image = make_image(png(30, 20))
    assert read_name_size(image.address) == (30, 20)
    assert find_image_names(f'<img data-image="{image.address}"> images/x.png') == {image.name}
    assert is_image_place(f"![a]({image.address})", 4)
    assert is_image_place(f"![a](<{image.address}> 'b')", 4)
    for wrong in (
        f"(../{image.address})",
        f"({image.address}?x)",
        f"(/{image.address})",
        f"(https://x/{image.address})",
    ):
        assert not is_image_place(wrong, 0)
    for name in ("", "x.png", f"{image.name}/", f"../{image.name}", image.name.upper(), f"{image.name}\n"):
        assert not is_image_name(name)
    assert DeckImage("a", "b", b"secret-bytes").__repr__().count("secret") == 0
