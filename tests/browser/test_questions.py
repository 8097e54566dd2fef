"""A question from a phone to the wall in real browsers: asked, listed without a movement, and shown."""

import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support import fetch
from tests.support.axe import findings
from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, windows
from tests.support.page_geometry import cut_texts, shifts, small_controls, watch_shifts
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser

LATE_MS = 60_000
SMALL_LAPTOP = (1024, 768)
QUESTION = "Why <b>three</b> nodes? 🙂"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def server() -> Iterator[Server]:
    with serving("none", "--questions") as server:
        yield server


@pytest.fixture
def opened() -> Iterator[list[Window]]:
    with windows() as found:
        yield found


def ask(server: Server, text: str) -> None:
    answer = fetch.post(f"{server.url}/ask", json={"text": text, "device": secrets.token_hex(16)})
    assert answer.status_code == 200, answer.text


def open_form(page: Page) -> None:
    page.locator(".ask summary").click(timeout=LATE_MS)


def test_a_question_goes_from_a_phone_by_the_presenter_to_the_wall(
    browser: Browser, server: Server, opened: list[Window]
) -> None:
    sizes = (("/", PHONE), ("/presenter", LAPTOP), ("/", PROJECTOR))
    opened += [Window(browser, f"{server.url}{path}", size) for path, size in sizes]
    phone, desk, wall = opened
    for one in opened:
        expect(one.page.locator("body")).to_have_attribute("data-link", "up", timeout=LATE_MS)
    expect(wall.page.locator(".ask")).to_be_hidden()
    open_form(phone.page)
    phone.page.locator("#ask-text").fill(QUESTION)
    phone.page.get_by_role("button", name="Send").click()
    expect(phone.page.locator(".answer-line")).to_have_text("Sent to the presenter.", timeout=LATE_MS)
    expect(phone.page.locator("#ask-text")).to_have_value("")
    expect(desk.page.locator("#r-question_count")).to_have_text("Questions 1", timeout=LATE_MS)
    assert "three" not in wall.page.content()
    on_cover = wall.page.screenshot()
    # By keys alone: the tab, the list, the button.
    desk.page.locator("[data-tab=questions]").focus()
    desk.page.keyboard.press("Enter")
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.press("Tab")
    expect(desk.page.locator("#question-1-show")).to_be_focused()
    desk.page.keyboard.press("Enter")
    expect(wall.page.locator(".said")).to_have_text(f"Question from the room{QUESTION}", timeout=LATE_MS)
    assert wall.page.screenshot() != on_cover, "the cover does not hide it"
    expect(phone.page.locator(".said")).to_contain_text("three")
    expect(desk.page.locator("#r-questions")).to_have_text("No questions yet.", timeout=LATE_MS)
    assert server.state()["chapter"]["number"] == 1, "Enter on the button moved nothing"
    assert phone.console_errors == desk.console_errors == wall.console_errors == []


def test_a_refusal_is_said_and_the_text_stays(browser: Browser, server: Server, opened: list[Window]) -> None:
    opened.append(Window(browser, f"{server.url}/", PHONE))
    page = opened[0].page
    open_form(page)
    for text in ("First?", "Second?"):
        page.locator("#ask-text").fill(text)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("button", name="Send")).to_be_enabled(timeout=LATE_MS)
    expect(page.locator(".answer-line")).to_contain_text("One question every 10 s", timeout=LATE_MS)
    expect(page.locator("#ask-text")).to_have_value("Second?")


def test_a_question_whose_answer_is_lost_can_be_sent_again_and_is_one(
    browser: Browser, server: Server, opened: list[Window]
) -> None:
    opened.append(Window(browser, f"{server.url}/", PHONE))
    page = opened[0].page
    lost = 0

    def lose(route: Route) -> None:
        nonlocal lost
        lost += 1
        if lost > 1:
            route.continue_()
            return
        route.fetch()  # it arrives, and its answer does not
        route.abort()

    page.route("**/ask", lose)
    open_form(page)
    page.locator("#ask-text").fill("Once?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer-line")).to_contain_text("Not sent", timeout=LATE_MS)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer-line")).to_have_text("Sent to the presenter.", timeout=LATE_MS)
    assert server.client.get("/presenter").text.count("Once?") == 1


@pytest.mark.parametrize("size", [PROJECTOR, LAPTOP, SMALL_LAPTOP])
def test_nothing_moves_while_questions_are_read_and_no_control_is_cut(
    browser: Browser, server: Server, opened: list[Window], size: tuple[int, int]
) -> None:
    ask(server, "The first one, which is being read?")
    opened.append(Window(browser, f"{server.url}/presenter", size))
    page = opened[0].page
    page.locator("[data-tab=questions]").click()
    expect(page.locator("#r-question_count")).to_have_text("Questions 1", timeout=LATE_MS)
    watch_shifts(page)
    for number in range(2, 13):
        ask(server, f"Number {number}? {'A long one. ' * (number % 4) * 5}")
    expect(page.locator("#r-question_count")).to_have_text("Questions 12", timeout=LATE_MS)
    assert shifts(page) == []
    assert cut_texts(page, ".tabs button, .questions p, .questions .plain") == []
    assert small_controls(page) == []
    assert findings(page) == []


def test_the_form_of_a_phone_is_large_enough_and_accessible(
    browser: Browser, server: Server, opened: list[Window]
) -> None:
    opened.append(Window(browser, f"{server.url}/", PHONE))
    page = opened[0].page
    open_form(page)
    page.locator(".answer-line").scroll_into_view_if_needed()
    assert small_controls(page) == []
    assert cut_texts(page, ".ask summary, .ask label, .ask .send") == []
    # axe cannot tell what is behind the text of a field that scrolls.
    page.evaluate("() => { document.getElementById('ask-text').style.overflow = 'hidden'; }")
    assert findings(page) == []


def test_a_page_without_a_script_asks_too(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/")
    open_form(page)
    page.locator("#ask-text").fill("No script?")
    page.locator(".ask .send").click(timeout=LATE_MS)
    page.wait_for_url(f"{server.url}/")
    assert "No script?" in server.client.get("/presenter").text
    context.close()
