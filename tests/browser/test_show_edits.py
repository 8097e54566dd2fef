"""A show file is edited while its pages are open: only the presenter is told what is wrong with an edit."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.chromium import LAPTOP, PROJECTOR, Window, chromium, windows
from tests.support.servers import serving

pytestmark = pytest.mark.browser

DECK = "# First\n\nOne.\n\n---\n\n# Second\n\nTwo.\n\n<!-- pause -->\n\nAnd more.\n\n---\n\n# Third\n\nThree.\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def test_edits_reach_the_stage_and_what_is_wrong_with_them_the_presenter_alone(
    browser: Browser, tmp_path: Path
) -> None:
    deck = tmp_path / "live.md"
    deck.write_text(DECK)
    with serving(str(deck)) as server, windows() as opened:
        server.client.post("/advance")
        server.client.post("/advance")
        opened += [Window(browser, f"{server.url}/", PROJECTOR), Window(browser, f"{server.url}/presenter", LAPTOP)]
        stage, presenter = (window.page for window in opened)
        for page in (stage, presenter):
            expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=20_000)
        expect(stage.locator("#r-narration")).to_contain_text("And more.")

        deck.write_text(DECK.replace("And more.", "And something else."))
        expect(stage.locator("#r-narration")).to_contain_text("And something else.", timeout=20_000)

        edited = "# Zeroth\n\nNew.\n\n---\n\n" + DECK
        deck.write_text(edited)
        expect(presenter.locator("#r-bar")).to_contain_text(re.compile(r"3\s*/\s*4"), timeout=20_000)
        expect(stage.locator("h1")).to_have_text("Second")

        before = stage.locator("#r-narration").inner_html()
        deck.write_text(f"---\ntitel: Misspelt\n---\n\n{edited}")
        expect(presenter.locator(".problem")).to_contain_text("live.md:2:1: there is no key", timeout=20_000)
        expect(presenter.locator("h1, .heading").first).to_be_visible()
        assert stage.locator("#r-narration").inner_html() == before
        assert "titel" not in stage.content()

        deck.write_text(edited)
        expect(presenter.locator(".problem")).to_have_count(0, timeout=20_000)
        expect(stage.locator("h1")).to_have_text("Second")
        for window in opened:
            assert window.console_errors == []
