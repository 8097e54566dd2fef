"""Images, columns and code in steps in a real browser: loaded and bounded, side by side or stacked, moved on."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, until_true, windows
from tests.support.content_deck import ADDRESSES, write_deck
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser

Open = Callable[..., Window]

SLOW_MS = 30_000
"""Other tests run on this machine too."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser) -> Iterator[Open]:
    with windows() as opened:

        def make(server: Server, path: str, size: tuple[int, int] = PROJECTOR) -> Window:
            opened.append(Window(browser, f"{server.url}{path}", size))
            expect(opened[-1].page.locator("body")).to_have_attribute("data-link", "up", timeout=SLOW_MS)
            return opened[-1]

        yield make


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(str(write_deck(tmp_path_factory.mktemp("deck")))) as found:
        yield found


def loaded(page: Page, number: int) -> None:
    until_true(
        page,
        "([n, url]) => { const i = document.querySelectorAll('img.picture')[n];"
        " return i && i.complete && i.naturalWidth > 0 && i.currentSrc.endsWith(url); }",
        [number, ADDRESSES[number]],
    )


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    found: list[dict[str, float]] = page.evaluate(
        "s => [...document.querySelectorAll(s)].map(e => e.getBoundingClientRect().toJSON())", selector
    )
    return found


def test_images_are_loaded_on_every_page_fit_into_it_and_keep_their_place_before(shown: Server, window: Open) -> None:
    shown.client.post("/goto/1")
    opened = [window(shown, "/"), window(shown, "/", PHONE), window(shown, "/presenter", LAPTOP)]
    for one in opened:
        loaded(one.page, 0)
        before = boxes(one.page, "img.picture")[0]
        # Where only the empty image of the same size is, as before it is loaded, the place is the same.
        one.page.evaluate("document.querySelector('img.picture').srcset = ''")
        assert boxes(one.page, "img.picture")[0] == before
        one.page.evaluate("document.querySelector('img.picture').srcset = document.querySelector('img').dataset.image")
    shown.client.post("/advance")
    for one in opened:
        loaded(one.page, 1)
        loaded(one.page, 0)
        width, height = one.page.viewport_size["width"], one.page.viewport_size["height"]  # type: ignore[index]
        for box in boxes(one.page, "#r-narration img.picture, #r-now img.picture"):
            assert 0 < box["width"] <= width
            assert box["height"] <= height
        assert one.page.get_by_alt_text("A large one").count() == 1
        assert one.page.title() != "hacked"
        assert one.console_errors == []
    chapter_text = opened[0].page.locator("#r-narration")
    assert chapter_text.evaluate("e => e.scrollHeight <= e.clientHeight + 1"), (
        "the text and both images fit the projector"
    )


def test_an_svg_that_is_opened_as_a_page_runs_nothing(shown: Server, window: Open) -> None:
    page = window(shown, "/").page
    page.goto(f"{shown.url}/{ADDRESSES[0]}")
    assert page.evaluate("document.documentElement.tagName") == "svg"
    assert page.title() == ""


def test_columns_are_side_by_side_on_a_projector_and_stacked_on_a_phone(shown: Server, window: Open) -> None:
    shown.client.post("/goto/2")
    stage, phone = window(shown, "/"), window(shown, "/", PHONE)
    for one in (stage, phone):
        expect(one.page.locator(".column")).to_have_count(2, timeout=SLOW_MS)
        expect(one.page.get_by_text("Right.")).to_have_count(0)
    shown.client.post("/advance")
    for one in (stage, phone):
        expect(one.page.locator(".column").nth(1)).to_have_text("Right.", timeout=SLOW_MS)
        expect(one.page.locator(".column").nth(0)).to_contain_text("Left second.")
    left, right = boxes(stage.page, ".column")
    assert left["top"] == right["top"]
    assert left["right"] < right["left"]
    assert left["width"] == pytest.approx(2 * right["width"], rel=0.02)
    left, right = boxes(phone.page, ".column")
    assert left["bottom"] < right["top"]
    assert left["left"] == right["left"]
    assert right["right"] <= PHONE[0]
    assert stage.console_errors + phone.console_errors == []


def test_each_press_moves_on_to_the_next_lines_of_code_and_back(shown: Server, window: Open) -> None:
    shown.client.post("/goto/3")
    stage, presenter = window(shown, "/"), window(shown, "/presenter", LAPTOP)
    lit = stage.page.locator("#r-narration .line.lit")
    dim = stage.page.locator("#r-narration .line.dim")
    expect(lit).to_have_text(["def heal(node: str) -> bool:"], timeout=SLOW_MS)
    expect(presenter.page.locator("#r-next .line")).to_have_text(["started = node.start()", "return started"])
    assert shown.state()["chapter"]["steps"] == 4
    colours = stage.page.evaluate(
        "() => ['.lit .c-keyword', '.dim .c-keyword', '.lit']"
        ".map(s => getComputedStyle(document.querySelector(s)).color)"
    )
    assert len(set(colours)) == 3
    shown.client.post("/advance", json={"from": "3.1"})
    expect(lit).to_have_count(2, timeout=SLOW_MS)
    expect(dim).to_have_count(1)
    assert shown.client.post("/advance", json={"from": "3.1"}).status_code == 409
    shown.client.post("/back")
    expect(lit).to_have_count(1, timeout=SLOW_MS)
    shown.client.post("/advance")
    shown.client.post("/advance", json={"from": "3.2"})
    expect(stage.page.locator("#r-narration .line")).to_have_count(3, timeout=SLOW_MS)
    expect(dim).to_have_count(0, timeout=SLOW_MS)
    expect(stage.page.get_by_text("Done.")).to_have_count(0)
    shown.client.post("/advance")
    expect(stage.page.get_by_text("Done.")).to_be_visible(timeout=SLOW_MS)
    assert shown.state()["chapter"]["step"] == 4
    assert stage.console_errors + presenter.console_errors == []
