"""A report in a real browser, without a network: nothing is fetched, nothing is wrong for WCAG, and it prints on A4."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from demo.evidence.reports import make_report
from tests.evidence.test_recorded_panels import record
from tests.evidence.test_report_limits import ABOVE, BELOW, write
from tests.evidence.test_report_narration import PICTURE, talk
from tests.support import axe
from tests.support.chromium import chromium
from tests.support.recorded_shows import killed, recorded, sample, show, story

pytestmark = pytest.mark.browser

LAPTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A show with one of everything, and samples in which a node is down."""
    folder = tmp_path_factory.mktemp("reported")
    told = [*story()]
    told[6:6] = [sample(sec, 60.0 + sec, health="down" if 12 < sec < 14 else "up") for sec in range(15, 20)]
    told += [moment for run in range(4, 20) for moment in killed(70.0 + 8 * run, run)]
    told += [sample(230.0 + sec, 50.0, health="down" if sec == 3 else "up") for sec in range(9)]
    page = folder / "report.html"
    page.write_text(make_report([recorded(folder / "talk.journal", told, show())], "html").text)
    return page


def opened_offline(browser: Browser, path: Path, size: dict[str, int], scheme: str) -> tuple[Page, list[str]]:
    # The policy is part of what is tested; only axe has to get past it.
    context = browser.new_context(viewport=size, color_scheme=scheme, offline=True)  # type: ignore[arg-type]
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    page.evaluate("document.fonts.ready.then(() => 0)")
    return page, complaints


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_it_opens_without_a_network_in_its_own_look(browser: Browser, report: Path, size: dict[str, int]) -> None:
    grounds = {}
    for scheme in ("dark", "light"):
        page, complaints = opened_offline(browser, report, size, scheme)
        grounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert page.evaluate("[...document.fonts].map((font) => font.status)") == ["loaded"]
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        assert page.locator("svg.curve path.line").first.bounding_box()
        assert complaints == []
        page.context.close()
    assert grounds == {"dark": "rgb(10, 13, 19)", "light": "rgb(253, 252, 250)"}


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A show with panels; two with limits of predictions, compared; and one whose texts have an image and code."""
    folder = tmp_path_factory.mktemp("others")
    with ThreadPoolExecutor(1) as pool:  # the browser has this thread's event loop
        pool.submit(lambda: asyncio.run(record(folder / "panels.journal"))).result()
    one, two = write(folder / "one.journal", BELOW, ABOVE), write(folder / "two.journal", BELOW, load=85.0)
    pages = {"panels": [folder / "panels.journal"], "limits": [one, two], "texts": [talk(folder)]}
    for name, journals in pages.items():
        (folder / f"{name}.html").write_text(make_report(journals, "html").text)
    return [folder / f"{name}.html" for name in pages]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_in_output_of_panels_limits_of_predictions_and_texts_of_the_deck(
    browser: Browser, others: list[Path], scheme: str
) -> None:
    for path in others:
        context = browser.new_context(viewport=LAPTOP, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        assert page.locator("details pre, path.predicted, #deck .narration").first.bounding_box()
        assert axe.findings(page) == []
        context.close()


def test_output_of_panels_is_folded_up_on_a_screen_and_unfolded_on_paper(browser: Browser, others: list[Path]) -> None:
    page, complaints = opened_offline(browser, others[0], PHONE, "light")
    output = page.locator("details pre").first
    assert not output.is_visible()
    page.emulate_media(media="print")
    assert output.is_visible()
    assert complaints == []
    page.context.close()


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_the_texts_of_the_deck_have_their_images_and_fit(
    browser: Browser, others: list[Path], size: dict[str, int]
) -> None:
    page, complaints = opened_offline(browser, others[2], size, "light")
    width = page.evaluate(
        "document.querySelector('#deck img').decode().then(() => document.querySelector('#deck img').naturalWidth)"
    )
    assert f"-{width}x" in PICTURE.name
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    assert page.locator("#deck pre.code").last.bounding_box()
    assert [one for one in complaints if not one.startswith("data:image/")] == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing(browser: Browser, report: Path, scheme: str) -> None:
    context = browser.new_context(viewport=LAPTOP, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(report.as_uri())
    assert axe.findings(page) == []
    context.close()


def test_on_paper_it_is_light_and_no_curve_and_no_heading_is_cut(browser: Browser, report: Path) -> None:
    page, _ = opened_offline(browser, report, LAPTOP, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(14, 18, 24)"
    for selector in ("figure", "tr", "h2"):
        assert page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).breakInside") == "avoid"
    printed = page.pdf(prefer_css_page_size=True)
    boxes = set(re.findall(rb"/MediaBox \[([^\]]*)\]", printed))
    assert [[round(float(size)) for size in box.split()] for box in boxes] == [[0, 0, 595, 842]]
    page.context.close()


def test_no_mark_covers_another(browser: Browser, report: Path) -> None:
    page, _ = opened_offline(browser, report, LAPTOP, "light")
    boxes = page.evaluate(
        """() => [...document.querySelector('svg.curve').querySelectorAll('text.name')].map((text) => {
          const box = text.getBoundingClientRect();
          return [box.left, box.right, box.top, box.bottom];
        })"""
    )
    assert len(boxes) >= 5
    for place, (left, right, top, bottom) in enumerate(boxes):
        for other_left, other_right, other_top, other_bottom in boxes[place + 1 :]:
            beside = right <= other_left or other_right <= left
            assert beside or (top + bottom) / 2 <= other_top or (other_top + other_bottom) / 2 <= top
    page.context.close()
