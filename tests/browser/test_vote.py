"""A phone votes in a real browser: one tap, said back, changeable, through a bad network, and without a script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.support.chromium import PHONE, PROJECTOR, Window, chromium, until_true
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser

SHOW = str(Path(__file__).parents[1] / "support" / "voting_show.md")
LATE_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(SHOW) as server:
        yield server


def press(window: Window, place: int) -> None:
    window.page.evaluate("place => document.querySelectorAll('.choice')[place].click()", place)


def test_one_tap_votes_another_changes_it_and_the_stage_shows_both(browser: Browser, server: Server) -> None:
    phone, wall = Window(browser, f"{server.url}/", PHONE), Window(browser, f"{server.url}/", PROJECTOR)
    server.client.post("/goto/2")
    buttons = phone.page.locator(".choice")
    expect(buttons).to_have_count(3, timeout=LATE_MS)
    assert all(box["height"] >= 44 for box in (button.bounding_box() or {"height": 0} for button in buttons.all()))
    press(phone, 0)
    expect(phone.page.locator(".mine")).to_contain_text("You said Ja.", timeout=LATE_MS)
    expect(buttons.nth(0)).to_have_attribute("aria-pressed", "true")
    press(phone, 1)
    expect(phone.page.locator(".mine")).to_contain_text("You said Нет & <i>нет</i>.", timeout=LATE_MS)
    expect(wall.page.locator(".tally .num").nth(1)).to_have_text("100%", timeout=LATE_MS)
    expect(wall.page.locator(".so-far")).to_contain_text("1 vote")
    expect(wall.page.locator(".ballot")).to_have_css("opacity", "0")
    phone.page.reload()
    expect(phone.page.locator(".mine")).to_contain_text("You said Нет", timeout=LATE_MS)
    server.client.post("/vote/close")
    expect(phone.page.locator(".choice")).to_have_count(0, timeout=LATE_MS)
    expect(phone.page.locator(".tally")).to_be_visible()
    assert phone.console_errors == wall.console_errors == []


def test_a_vote_whose_answer_is_lost_is_sent_again_and_counts_once(browser: Browser, server: Server) -> None:
    server.client.post("/goto/2")
    phone = Window(browser, f"{server.url}/", PHONE)
    lost = 0

    def lose(route: Route) -> None:
        nonlocal lost
        lost += 1
        if lost > 2:
            route.continue_()
            return
        route.fetch()  # it arrives, and its answer does not
        route.abort()

    phone.page.route("**/vote", lose)
    press(phone, 2)
    expect(phone.page.locator(".mine")).to_contain_text("You said لا.", timeout=LATE_MS)
    assert lost == 3
    server.until(lambda state: state["ballots"][0]["votes"] == 1)


def test_a_guess_is_not_disturbed_by_the_votes_of_others(browser: Browser, server: Server) -> None:
    server.client.post("/goto/3")
    phone = Window(browser, f"{server.url}/", PHONE)
    field = phone.page.locator("input[name=number]")
    expect(field).to_be_visible(timeout=LATE_MS)
    field.evaluate("field => field.focus()")
    phone.page.keyboard.type("2,")
    server.client.post("/vote", json={"number": 7})
    until_true(phone.page, "() => document.querySelector('.so-far').textContent.includes('1 vote')")
    assert phone.page.evaluate("document.activeElement.name") == "number"
    phone.page.keyboard.type("5")
    phone.page.keyboard.press("Enter")
    expect(phone.page.locator(".mine")).to_contain_text("You said 2.5 s.", timeout=LATE_MS)


def test_a_page_without_a_script_votes_too(browser: Browser, server: Server) -> None:
    server.client.post("/goto/2")
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/")
    page.locator(".choice").nth(1).click(timeout=LATE_MS)
    server.until(lambda state: state["ballots"][0]["tally"][1]["votes"] == 1, 30)
    assert page.url == f"{server.url}/"
    context.close()
