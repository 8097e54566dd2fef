"""What is computed of the stage's texts, compared with what Chromium makes of them at 1280×720."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from demo.markup import to_html, to_plain
from demo.text_fit import font_widths, stage
from demo.text_fit.markup import read_markup
from demo.text_fit.stage import MeasuredText, TextPlace, Texts
from demo.text_fit.text_sizes import heading_size, narration_size
from tests.support.chromium import Window, chromium, until_true, windows
from tests.support.servers import serving

pytestmark = pytest.mark.browser

SIZE = (stage.WIDTH, stage.HEIGHT)

FRONT = """\
---
title: Fit
{system}
---
# First

{text}
"""
SYSTEM = "probes:\n  here: {run: ['true']}"
LAYOUTS = ("", "focus", "system", "split", "center", "end")
HYPOTHESIS = "After the leader is killed, the cluster elects another one within two seconds, and no write is lost"

LATE_LINES = 2
LATE_SHARES = {"words": 0.04, "bullets": 0.04, "columns": 0.08, "table": 0.12, "code": 0.12}
"""So many lines, and such a share of its height, a text may be taken for longer than it is in Chromium: letters are
taken for wider than they are, and so each row of a table or of code may get another line."""

WIDE = 20
"""Px of a table beyond its place that have to be told."""

TALK = """
the broker answers late while a partition keeps two thirds of every cluster apart and nobody sees it until it is healed
Therefore we measure Öffnung größer déjà 99.9 % of all requests, p99 (in ms) and well-known side-effects; WAL
Availability Millisekunden-Bereich Konsistenzgarantien
"""

MEASURE = """([html, heading, size, head]) => {
  const text = document.querySelector('.chapter-text');
  const page = text.querySelector('.story, .prediction');
  page.className = page.className.replace(/size-\\d/, `size-${size}`);
  page.querySelector('.words').innerHTML = html;
  const title = page.querySelector('h1');
  if (heading) { title.textContent = heading; title.className = `head-${head}`; }
  demo.refit();
  const fit = text.style.getPropertyValue('--fit');
  const cut = text.scrollHeight > text.clientHeight + 1;
  text.style.setProperty('--fit', '0.42');
  const box = text.getBoundingClientRect();
  const high = page.getBoundingClientRect().height;
  text.style.setProperty('--fit', fit);
  return { cut, fit, high, width: box.width, height: box.height, wide: text.scrollWidth - text.clientWidth };
}"""

COVER = """([title, size, words]) => {
  const cover = document.querySelector('.cover');
  const heading = cover.querySelector('h1');
  heading.textContent = title;
  heading.className = `head-${size}`;
  cover.querySelector('.words').innerHTML = words;
  demo.refit();
  const place = cover.parentElement;
  const scale = place.style.getPropertyValue('--fit');
  place.style.setProperty('--fit', '0.42');
  const box = (name) => cover.querySelector(name).getBoundingClientRect();
  const cut = box('h1').top < box('.who').bottom - 1 || box('h1').bottom > box('.foot').top + 1;
  place.style.setProperty('--fit', scale);
  return cut;
}"""

LETTERS = """([letters, size, weight]) => {
  const span = document.createElement('span');
  span.style.cssText = 'position: absolute; white-space: pre; font: 2048px Stage; font-kerning: none;'
    + `font-optical-sizing: none; font-variation-settings: "opsz" ${size}, "wght" ${weight}`;
  document.body.append(span);
  const found = letters.map((letter) => { span.textContent = letter; return span.getBoundingClientRect().width; });
  span.remove();
  return found;
}"""


def words(count: int, seed: int) -> str:
    chosen, known = random.Random(seed), TALK.split()
    return " ".join(chosen.choice(known) for _ in range(count))


def table(rows: int, seed: int) -> str:
    lines = [f"| {words(2, seed + row)} | {row} | {words(7, seed - row)} |" for row in range(rows)]
    return "\n".join(["| name | n | what is said of it |", "|---|--:|---|", *lines])


def code(lines: int, seed: int) -> str:
    return "\n".join(
        ["```python", *(f"  value = read({words(1 + line % 9, seed + line)!r})" for line in range(lines)), "```"]
    )


def bullets(count: int, seed: int) -> str:
    lists = "\n".join(f"- **{words(2, seed + item)}** {words(5 + item % 7, seed + item)}" for item in range(count))
    return f"{words(12, seed)} with `some code` in it\n\n{lists}\n  1. {words(9, seed)}"


def columns(count: int, seed: int) -> str:
    parts = [f"<!-- column: {place} -->\n{words(count, seed + place)}" for place in range(2)]
    return "\n".join(["<!-- column_layout: [3, 2] -->", *parts, "<!-- reset_layout -->", "", f"> {words(9, seed)}"])


KINDS: dict[str, tuple[Callable[[int, int], str], range]] = {
    "words": (words, range(10, 330, 20)),
    "bullets": (bullets, range(1, 24, 3)),
    "table": (table, range(1, 16, 2)),
    "code": (code, range(2, 34, 4)),
    "columns": (columns, range(5, 160, 20)),
}
TITLES = (
    "Short",
    "A heading of some length",
    "A heading that takes more than one whole line",
    "A heading " + "of many words " * 5,
)


@dataclass
class Chapter:
    """One chapter of the deck: where it is shown, and its page."""

    number: int
    layout: str
    hypothesis: str = ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def chapters() -> list[Chapter]:
    stories = [Chapter(number, layout) for number, layout in enumerate(LAYOUTS, 2)]
    predictions = [Chapter(number, layout, HYPOTHESIS) for number, layout in enumerate(("", "split"), 2 + len(LAYOUTS))]
    return [*stories, *predictions]


def write(path: Path, *, has_system: bool) -> Path:
    parts = [FRONT.format(system=SYSTEM if has_system else "language: en", text=words(60, 1))]
    for chapter in chapters():
        settings = [f"layout: {chapter.layout}"] if chapter.layout else []
        settings += [f"hypothesis: {chapter.hypothesis}"] if chapter.hypothesis else []
        block = "\n".join(["```yaml", *settings, "```", ""]) if settings else ""
        parts.append(f"{block}\n# Title\n\nA few words.\n")
    path.write_text("\n---\n\n".join(parts), encoding="utf-8")
    return path


def measure(chapter: Chapter, heading: str, text: str, *, has_system: bool) -> tuple[TextPlace, MeasuredText, Texts]:
    shown = read_markup(text, "markdown")
    texts = Texts(heading, shown, to_plain(text, "markdown"), chapter.hypothesis)
    if chapter.hypothesis:
        place = stage.prediction_place(chapter.layout, has_vote=False)
        return place, stage.prediction(texts, place), texts
    place = stage.story_place(chapter.layout, texts=texts, has_system=has_system)
    return place, stage.story(texts, place), texts


def seen(page: Page, heading: str, text: str, texts: Texts) -> dict[str, Any]:
    size = narration_size(texts.whole, texts.hypothesis)
    own = "" if texts.hypothesis else heading
    found: dict[str, Any] = page.evaluate(MEASURE, [to_html(text, "markdown"), own, size, heading_size(heading)])
    return found


def until_seen(page: Page, selector: str) -> None:
    until_true(page, "(selector) => !!document.querySelector(selector)", selector)


def compare(page: Page, chapter: Chapter, kind: str, *, has_system: bool) -> list[bool]:
    """Compare texts of growing length; return of each whether Chromium cuts it off."""
    make, counts = KINDS[kind]
    cut = []
    for count in counts:
        heading, text = TITLES[count % len(TITLES)], make(count, count + chapter.number)
        place, measured, texts = measure(chapter, heading, text, has_system=has_system)
        found = seen(page, heading, text, texts)
        about = f"{kind} of {count}, chapter {chapter.number} {chapter.layout!r}: {measured} {found}"
        assert abs(found["height"] - place.height) < 1, about
        assert abs(found["width"] - place.width) < 1 or place.width == stage.ALONE, about
        assert measured.height >= found["high"] - 1, f"taken for less than it is: {about}"
        late = LATE_LINES * measured.line + found["high"] * LATE_SHARES[kind]
        if found["high"] < 2 * place.height:
            assert measured.height <= found["high"] + late, f"taken for more: {about}"
        if found["wide"] > WIDE:
            assert measured.too_wide > 0, f"said to be narrow enough: {about}"
        if measured.too_wide > WIDE:
            assert found["wide"] > 0, f"said to be too wide: {about}"
        if found["cut"]:
            assert measured.too_high > 0, f"said to fit, but it is cut off: {about}"
        else:
            assert measured.too_high <= late, f"said not to fit, but it does: {about}"
        cut.append(bool(found["cut"]))
    return cut


def test_the_table_of_widths_is_that_of_the_font_on_the_page(browser: Browser, tmp_path: Path) -> None:
    letters = [chr(int(letter, 16)) for letter in font_widths.LETTERS.split()]
    rows = {
        (0, 0): font_widths.SMALL_LIGHT,
        (1, 0): font_widths.LARGE_LIGHT,
        (0, 1): font_widths.SMALL_BOLD,
        (1, 1): font_widths.LARGE_BOLD,
    }
    with serving(str(write(tmp_path / "fit.md", has_system=False)), "-x") as server, windows() as opened:
        opened.append(Window(browser, f"{server.url}/", SIZE))
        page = opened[0].page
        page.evaluate("document.fonts.load('400 20px Stage')")
        for (size, weight), row in rows.items():
            ends = [letters, font_widths.SIZES[size], font_widths.WEIGHTS[weight]]
            found = page.evaluate(LETTERS, ends)
            wrong = [
                (letter, seen_as, width)
                for letter, seen_as, width in zip(letters, found, map(int, row.split()), strict=True)
                if abs(seen_as - width) > 1
            ]
            assert not wrong


@pytest.mark.parametrize("has_system", [True, False], ids=["beside a system", "alone"])
def test_chromium_cuts_off_what_is_said_not_to_fit_and_nothing_else(
    browser: Browser, tmp_path: Path, has_system: bool
) -> None:
    path = write(tmp_path / "fit.md", has_system=has_system)
    cut: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    with serving(str(path), "-x") as server, windows() as opened:
        opened.append(Window(browser, f"{server.url}/", SIZE))
        page = opened[0].page
        if has_system:
            until_seen(page, ".pulse.live")
        for chapter in chapters():
            server.client.post(f"/goto/{chapter.number}").raise_for_status()
            until_seen(page, f"#story-{chapter.number}, #prediction-{chapter.number}")
            if has_system and not chapter.hypothesis:
                until_seen(page, ".figure")
            for kind in KINDS:
                cut[kind] += compare(page, chapter, kind, has_system=has_system)
    for kind, found in cut.items():
        assert {True, False} == set(found), f"{kind}: the texts have to lie on both sides of the edge"


def test_a_cover_is_said_not_to_fit_when_its_parts_lie_over_one_another(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "cover.md"
    path.write_text(f"---\ntitle: Cover\n---\n# The cover\n\nFew words.\n\n---\n\n# Next\n\n{words(60, 1)}\n")
    cut, late = [], []
    with serving(str(path), "-x") as server, windows() as opened:
        opened.append(Window(browser, f"{server.url}/", SIZE))
        page = opened[0].page
        for count in range(40, 200, 4):
            title, text = words(count, count), words(1 + count % 30, count)
            texts = Texts(title, read_markup(text, "markdown"), text)
            is_cut = page.evaluate(COVER, [title, heading_size(title), to_html(text, "markdown")])
            is_said = stage.cover(texts).too_high > 0
            assert is_said or not is_cut, f"said to fit, but it is cut off: {count} words"
            cut.append(bool(is_cut))
            late.append(is_said and not is_cut)
    assert set(cut) == {True, False}, "the titles have to lie on both sides of the edge"
    assert sum(late) <= 10, "said not to fit, but they do: the address for phones is taken to be there"
