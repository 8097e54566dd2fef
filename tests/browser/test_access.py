"""Pairing and being shown out, in a real browser: the phone that scans, the console that shows, the page that ends."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from demo.invitation import symbol
from tests.browser.test_pages import connected
from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium
from tests.support.paired_devices import OpenServer
from tests.support.qr_reader import read, without_quiet
from tests.support.servers import serving

pytestmark = pytest.mark.browser

Open = Callable[..., Window]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    with serving("none", "--public-name", "localhost", "--public-name", "other.test") as server:
        server.until(lambda state: state["seq"] > 0)
        yield OpenServer(server)


@pytest.fixture
def window(browser: Browser) -> Iterator[Open]:
    shown: list[Window] = []

    def make(url: str, size: tuple[int, int] = PHONE, scheme: str = "dark") -> Window:
        shown.append(Window(browser, url, size, scheme))
        return shown[-1]

    yield make
    for one in shown:
        one.close()


def paired(opened: OpenServer, window: Open, to: str, size: tuple[int, int] = PHONE, scheme: str = "dark") -> Window:
    one = window(opened.codes()["link"], size, scheme)
    one.page.get_by_role("link", name=to).click()
    connected(one.page)
    return one


def test_a_scanned_link_pairs_the_phone_and_leaves_no_secret_behind(opened: OpenServer, window: Open) -> None:
    link = opened.codes()["link"]
    phone = window(link)
    expect(phone.page.get_by_text("This device is paired")).to_be_visible()
    assert phone.page.url == link.partition("#")[0]
    assert phone.page.evaluate("document.cookie") == "", "no script can read it"
    phone.page.get_by_role("link", name="Phone page").tap()
    connected(phone.page).get_by_role("button", name="Next").tap()
    opened.server.until(lambda state: state["chapter"]["number"] == 2)
    assert opened.state()["log"][-1]["who"].startswith("remote · ")
    phone.page.go_back()
    assert "#" not in phone.page.url
    assert phone.console_errors == []


def test_a_used_link_says_what_to_do(opened: OpenServer, window: Open) -> None:
    link = opened.codes()["link"]
    expect(window(link).page.get_by_text("This device is paired")).to_be_visible()
    late = window(link).page
    expect(late.get_by_role("alert")).to_contain_text("used already: scan the new one")
    assert "#" not in late.url
    late.get_by_label("type the code").fill(opened.codes()["code"].lower().replace("-", " "))
    late.get_by_role("button", name="Pair").tap()
    expect(late.get_by_text("This device is paired")).to_be_visible()


def test_a_wrong_code_and_a_dead_server_are_said_in_words(opened: OpenServer, window: Open) -> None:
    one = window(f"{opened.here}/pair").page
    one.get_by_label("type the code").fill("2222-2222")
    one.get_by_role("button", name="Pair").tap()
    expect(one.get_by_role("alert")).to_contain_text("not the code that is shown now")
    one.route("**/pair", lambda route: route.abort())
    one.get_by_role("button", name="Pair").tap()
    expect(one.get_by_role("alert")).to_contain_text("does not answer")


def test_a_secret_that_could_not_be_sent_is_kept_for_another_try(opened: OpenServer, window: Open) -> None:
    blank = window("about:blank")
    link = opened.codes()["link"]
    blank.page.route("**/pair", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    blank.page.goto(link)
    again = blank.page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    blank.page.unroute("**/pair")
    again.tap()
    expect(blank.page.get_by_text("This device is paired")).to_be_visible()


def test_without_scripts_the_form_pairs(opened: OpenServer, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{opened.here}/pair")
    page.fill("#code", "2222-2222")
    page.click("button")
    expect(page.get_by_text("This is not the code")).to_be_visible()
    page.fill("#code", opened.codes()["code"])
    page.click("button")
    expect(page.get_by_text("This device is paired")).to_be_visible()
    page.goto(f"{opened.here}/presenter")
    assert page.url.endswith("/presenter")
    context.close()


def test_an_unpaired_browser_lands_on_the_pairing(opened: OpenServer, window: Open) -> None:
    for path in ("/presenter", "/remote"):
        one = window(f"{opened.here}{path}")
        assert one.page.url == f"{opened.here}/pair"
        expect(one.page.get_by_role("heading", name="Pair this device")).to_be_visible()
        assert one.console_errors == []


MODULES = """async (svg) => {
  const size = svg.viewBox.baseVal.width;
  const image = new Image();
  image.src = 'data:image/svg+xml,' + encodeURIComponent(
    new XMLSerializer().serializeToString(svg).replace('<svg ', `<svg width="${size * 4}" height="${size * 4}" `));
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size * 4;
  const paint = canvas.getContext('2d', { willReadFrequently: true });
  paint.drawImage(image, 0, 0);
  const rows = [];
  for (let y = 0; y < size; y += 1) {
    rows.push([]);
    for (let x = 0; x < size; x += 1) rows[y].push(paint.getImageData(x * 4 + 2, y * 4 + 2, 1, 1).data[0] < 128);
  }
  return rows;
}"""


def test_our_reader_reads_what_is_written() -> None:
    for text in ("http://192.168.1.5:8000/pair#abcdefghijklmnopqrstuv", "x" * 20, "x" * 60, "x" * 90):
        assert read(without_quiet(symbol(text).rows, 4)) == text


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_symbol_on_the_page_holds_the_link_and_is_renewed(opened: OpenServer, window: Open, scheme: str) -> None:
    desk = paired(opened, window, "Presenter page", PROJECTOR, scheme)
    desk.page.get_by_role("button", name="Pair a phone").click()
    svg = desk.page.locator("svg.qr")
    expect(svg).to_be_visible()
    codes = opened.codes()
    assert read(without_quiet(svg.evaluate(MODULES), 4)) == codes["link"]
    expect(desk.page.locator(".typed")).to_have_text(codes["code"])
    box = svg.bounding_box()
    assert box is not None
    assert box["width"] >= 350
    assert abs(box["width"] - box["height"]) < 2
    desk.save_screenshot(f"pairing-{scheme}")
    expect(window(codes["link"]).page.get_by_text("This device is paired")).to_be_visible()
    expect(desk.page.locator(".typed")).to_have_text(opened.codes()["code"], timeout=8000)
    assert read(without_quiet(svg.evaluate(MODULES), 4)) == opened.codes()["link"]
    desk.page.keyboard.press("Escape")
    expect(svg).to_have_count(0)
    assert desk.console_errors == []


def test_a_phone_that_does_not_get_there_is_shown_another_address(opened: OpenServer, window: Open) -> None:
    desk = paired(opened, window, "Presenter page", LAPTOP).page
    desk.get_by_role("button", name="Pair a phone").click()
    expect(desk.locator(".place")).to_have_text(f"http://localhost:{opened.server.port}/pair")
    before = desk.locator("svg.qr path[stroke]").get_attribute("d")
    desk.get_by_role("button", name="other.test").click()
    expect(desk.locator(".place")).to_have_text(f"http://other.test:{opened.server.port}/pair", timeout=8000)
    assert desk.locator("svg.qr path[stroke]").get_attribute("d") != before
    expect(desk.get_by_role("button", name="http://localhost")).to_be_visible()


def test_revoking_a_phone_ends_its_page_and_spares_this_one(opened: OpenServer, window: Open) -> None:
    desk = paired(opened, window, "Presenter page", LAPTOP).page
    phone = paired(opened, window, "Phone page").page
    desk.get_by_role("button", name="Pair a phone").click()
    rows = desk.locator(".devices li")
    expect(rows.filter(has_text="this one")).to_have_count(1)
    ident = next(s["id"] for s in phone.evaluate(LISTED)["sessions"] if s["this_one"])
    desk.locator(f"#revoke-{ident}").click()
    expect(phone).to_have_url(re.compile("/pair$"), timeout=8000)
    expect(phone.get_by_text("no longer paired")).to_be_visible()
    expect(desk.locator(f"#device-{ident}")).to_have_count(0)
    expect(desk.locator("body")).to_have_attribute("data-link", "up")
    desk.locator("#pairing [data-close]").click()
    opened.server.until(lambda state: state["seq"] > 0)
    desk.keyboard.press("b")
    expect(desk.locator("#blackout")).to_have_attribute("aria-pressed", "true")
    desk.keyboard.press("b")
    expect(desk.locator("#blackout")).to_have_attribute("aria-pressed", "false")


LISTED = "fetch('/sessions').then((answer) => answer.json())"


def test_a_full_house_is_said_on_the_page_which_tries_again(opened: OpenServer, window: Open) -> None:
    blank = window("about:blank", PROJECTOR).page
    body = '{"code": "full"}'
    stream = re.compile(r"/stream/stage\?")
    blank.route(
        stream,
        lambda route: route.fulfill(status=503, body=body, headers={"content-type": "application/problem+json"}),
    )
    blank.goto(f"{opened.here}/")
    expect(blank.locator("#link")).to_contain_text("all connections are taken", timeout=8000)
    blank.unroute(stream)
    expect(blank.locator("#link")).to_be_hidden(timeout=20_000)
    connected(blank)


@pytest.mark.parametrize("size", [PROJECTOR, LAPTOP, (1024, 768), PHONE], ids=str)
def test_the_console_with_its_new_button_and_the_list_fit(
    opened: OpenServer, window: Open, size: tuple[int, int]
) -> None:
    desk = paired(opened, window, "Presenter page", size)
    page: Page = desk.page
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    button, halt = page.locator("#pair").bounding_box(), page.locator("#halt").bounding_box()
    assert button is not None
    assert halt is not None
    beside = button["x"] + button["width"] <= halt["x"] or halt["x"] + halt["width"] <= button["x"]
    above_or_below = button["y"] + button["height"] <= halt["y"] or halt["y"] + halt["height"] <= button["y"]
    assert beside or above_or_below
    page.locator("#pair").click()
    expect(page.locator("svg.qr")).to_be_visible()
    box = page.locator("svg.qr").bounding_box()
    assert box is not None
    assert box["width"] >= 280
    assert box["y"] + box["height"] <= size[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
