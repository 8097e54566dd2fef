"""The theme and the language of a show file: what is wrong with them, and the stylesheet that they become."""

import re
from pathlib import Path

import pytest

import demo
from demo.showfile.accent import GROUNDS, MIN_CONTRAST, contrast, nearest_readable, text_on
from demo.showfile.page_style import page_style
from demo.showfile.show import check_show
from tests.support.pictures import png

STATIC = Path(demo.__file__).parent / "static"
FONT = b"wOF2" + bytes(60)
SHOW = "---\ntitle: Looks\n{front}\n---\n\n# One\n\nText.\n"


def said(folder: Path, front: str) -> list[str]:
    path = folder / "looks.md"
    path.write_text(SHOW.format(front=front))
    _, problems, _ = check_show(path)
    return [str(problem).removeprefix(f"{folder}/") for problem in problems]


def test_the_grounds_are_those_of_the_stylesheets() -> None:
    base, theme = (STATIC / "base.css").read_text(), (STATIC / "theme.css").read_text()
    found = re.findall(r"--ground: (#\w+)", base)
    assert (found[0], found[1]) == (GROUNDS["dark"], GROUNDS["light"])
    assert re.findall(r"--ground: (#\w+)", theme) == ["#000"]
    assert GROUNDS["contrast"] == "#000000"


@pytest.mark.parametrize("ground", list(GROUNDS.values()))
@pytest.mark.parametrize("colour", ["#e85d04", "#000", "#fff", "#00f", "#777777", "#123456"])
def test_the_nearest_colour_reads_and_one_that_reads_is_its_own(colour: str, ground: str) -> None:
    better = nearest_readable(colour, ground)
    assert contrast(better, ground) >= MIN_CONTRAST
    if contrast(colour, ground) >= MIN_CONTRAST:
        assert contrast(better, ground) == pytest.approx(contrast(colour, ground), rel=0.02)


def test_known_contrasts() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert (text_on("#ffe14d"), text_on("#1555ac")) == ("#000000", "#ffffff")


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("language: 'nope!'", 'looks.md:3:11: "nope!" is not a valid language tag: write en, de, pt-BR or ar'),
        (
            "language: pt-BR",
            "looks.md:3:11: warning: the pages' own words stay English, for there are none in pt-BR: "
            "there are en, de, es",
        ),
        (
            "theme: {accent: orange}",
            'looks.md:3:17: "orange" is not a valid colour: write it in quotes, like "#e85d04"',
        ),
        (
            "theme: {base: light, accent: '#ffdd00'}",
            "looks.md:3:30: warning: #ffdd00 has a contrast of 1.3:1 on the light ground, which the last rows cannot "
            "read: 4.5:1 is needed, the nearest is ",
        ),
        ("theme: {font: 'a\"; } body { }'}", "is not a font: name a file that ends in .woff2"),
        ("theme: {font: missing.woff2}", "theme.font: missing.woff2: there is no such file"),
        ("theme: {font: fake.woff2}", "theme.font: fake.woff2: this is not a font"),
        ("theme: {font: ../up.woff2}", "leads out of the show's folder"),
        ("theme: {logo: 'data:image/png;base64,aaaa'}", "is an address: copy the file into the show's folder"),
        ("theme: {logo: logo.txt}", "theme.logo: logo.txt is not an image that can be shown"),
        ("theme: {font: big.woff2}", "warning: big.woff2 has 400 kB, which every screen fetches"),
    ],
)
def test_what_is_wrong_is_said_once_with_its_place(tmp_path: Path, front: str, expected: str) -> None:
    (tmp_path / "fake.woff2").write_bytes(b"no font")
    (tmp_path / "big.woff2").write_bytes(b"wOF2" + bytes(400_000))
    (tmp_path / "logo.txt").write_text("text")
    (problem,) = said(tmp_path, front)
    assert expected in problem
    assert problem.startswith("looks.md:3:")


def test_a_theme_becomes_a_stylesheet_that_names_its_files_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png(8, 4))
    (tmp_path / "own.woff2").write_bytes(FONT)
    front = "language: ar\ntheme: {base: light, accent: '#1555ac', logo: logo.png, font: own.woff2}"
    (warning,) = said(tmp_path, front)
    assert "there are none in ar" in warning
    show, _, _ = check_show(tmp_path / "looks.md")
    assert show is not None
    style, (sheet,) = page_style(show.settings, show.source)
    assert (style.base, style.language, style.direction) == ("light", "ar", "rtl")
    assert style.stylesheet == sheet.address
    names = {image.name for image in show.source.images.values()}
    assert {address.removeprefix("images/") for address in style.files} == names
    text = sheet.body.decode()
    assert ':root[data-theme="light"] { --accent: #1555ac; --on-accent: #ffffff;' in text
    assert all(f'url("{name}")' in text for name in names)
    assert set(show.source.named) == {"logo.png", "own.woff2"}, "an edit of these is seen"


def test_a_theme_of_one_word_needs_no_stylesheet_and_no_theme_leaves_the_screen_as_it_is(tmp_path: Path) -> None:
    for front, base in (
        ("theme: contrast", "contrast"),
        ("language: de", ""),
        ("language: es-MX", ""),
        ("theme: {base: dark}", "dark"),
    ):
        assert said(tmp_path, front) == []
        show, _, _ = check_show(tmp_path / "looks.md")
        assert show is not None
        style, files = page_style(show.settings, show.source)
        assert (style.base, style.stylesheet, files) == (base, "", ())
