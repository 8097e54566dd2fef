"""Pages and clocks that are set: the server's, the browser's, and that of a browser whose machine slept."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.test_one_sample import METER
from tests.support.chromium import LAPTOP, PROJECTOR, Window, chromium
from tests.support.servers import Server, serving, wait_for

pytestmark = pytest.mark.browser

STEPS = [-3600, -3, 3, 3600]

SETTABLE = """
const date = Date.now, ticks = performance.now.bind(performance);
window.setBy = 0;
Date.now = () => date() + window.setBy;
"""


def faketime() -> str:
    """The library that shows a process another date. Absent: skipped on a user's machine, a failure in CI."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        if os.environ.get("CI"):
            pytest.fail("there is no libfaketime: the tests of the clock must run in CI")
        pytest.skip("NO LIBFAKETIME FOUND: install Debian's libfaketime")
    return str(found[0])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def settable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server, and the file that sets its date."""
    home = tmp_path_factory.mktemp("meter")
    (home / "meter.py").write_text(METER)
    (home / "set").write_text("+0s")
    env = {
        "LD_PRELOAD": faketime(),
        "FAKETIME_TIMESTAMP_FILE": str(home / "set"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with serving("meter:Meter", cwd=home, env=env) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        yield server, home / "set"


WORST_AGE = r"""() => new Promise((done) => {
  const ends = performance.now() + 1500, units = { s: 1, min: 60, h: 3600 };
  let worst = 0, seen = 0;
  const look = () => {
    for (const element of document.querySelectorAll('[data-age]')) {
      const found = element.textContent.match(/^([\d.]+) (s|min|h)$/);
      if (found) worst = Math.max(worst, found[1] * units[found[2]]);
      if (found || element.textContent === '') seen += 1; // An age below two seconds is not said.
    }
    if (performance.now() < ends) requestAnimationFrame(look);
    else done([worst, seen]);
  };
  look();
})"""
"""Seconds: the oldest that any frame shows."""


def looks_right(page: Page) -> None:
    """In each frame of a second and a half ages are young, and the stream is live."""
    worst, seen = page.evaluate(WORST_AGE)
    assert seen
    assert worst < 3
    assert page.evaluate("document.body.dataset.link") == "up"


@pytest.mark.parametrize("by", STEPS)
def test_a_server_whose_date_is_set_shows_the_same_ages_and_the_talk_s_own_time(
    browser: Browser, settable: tuple[Server, Path], by: int
) -> None:
    server, date = settable
    date.write_text("+0s")
    assert server.client.post("/timer/reset").status_code == 200
    assert server.client.post("/timer/start").status_code == 200
    stage, desk = Window(browser, f"{server.url}/", PROJECTOR), Window(browser, f"{server.url}/presenter", LAPTOP)
    expect(stage.page.locator("body")).to_have_attribute("data-link", "up")
    date.write_text(f"{by:+d}s")
    looks_right(stage.page)
    assert 0 <= server.state()["timer"]["elapsed_sec"] < 60
    expect(desk.page.locator("[data-talk]").first).to_have_text(re.compile(r"^0:\d\d$"))
    assert stage.console_errors == desk.console_errors == []
    for window in (stage, desk):
        window.close()
    date.write_text("+0s")


@pytest.mark.parametrize("by", STEPS)
def test_a_browser_whose_date_is_set_counts_on(browser: Browser, settable: tuple[Server, Path], by: int) -> None:
    server, _ = settable
    stage = Window(browser, "about:blank", PROJECTOR)
    stage.page.add_init_script(SETTABLE)
    stage.page.goto(f"{server.url}/")
    expect(stage.page.locator("body")).to_have_attribute("data-link", "up")
    before = stage.page.evaluate("demo.now()")
    stage.page.evaluate(f"window.setBy = {by * 1000}")
    looks_right(stage.page)
    assert 0 < stage.page.evaluate("demo.now()") - before < 60
    assert stage.console_errors == []
    stage.close()


def test_a_browser_that_slept_counts_nothing_until_the_server_has_said_what_time_it_is(
    browser: Browser, settable: tuple[Server, Path]
) -> None:
    server, _ = settable
    stage = Window(browser, "about:blank", PROJECTOR)
    stage.page.add_init_script(SETTABLE)
    stage.page.goto(f"{server.url}/")
    page = stage.page
    expect(page.locator("body")).to_have_attribute("data-link", "up")
    # Its ticks stood still, its date has gone on; nothing comes from the server any more.
    page.evaluate("""() => {
      for (const type of ['htmx:sse:before:message', 'beat'])
        document.addEventListener(type, (event) => { event.stopImmediatePropagation(); event.preventDefault(); }, true);
      window.setBy = 3600000;
    }""")
    wait_for(lambda: page.evaluate("document.body.dataset.link") == "lost" or None, 5.0)
    counted = page.locator("[data-age]").first.inner_text()
    page.wait_for_timeout(400)
    assert page.locator("[data-age]").first.inner_text() == counted, "nobody knows how old it is"
    stage.close()
