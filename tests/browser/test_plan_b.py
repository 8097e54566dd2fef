"""Plan B from end to end: the process behind a show is killed, the presenter goes on from the recording, and back."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from demo.processes import procfs
from tests.support.axe import findings
from tests.support.chromium import PHONE, PROJECTOR, Window, chromium, windows
from tests.support.proxies import free_ports
from tests.support.servers import Server

pytestmark = pytest.mark.browser

SHOW = """---
title: A web server
processes: {{web: {{run: [python3, -m, http.server, "{port}", --bind, 127.0.0.1], port: {port}}}}}
probes: {{web: {{http: "http://127.0.0.1:{port}/"}}}}
faults: {{kill-web: {{title: Kill it, process: {{name: web, do: kill}}, duration: 1s}}}}
---
# A web server

---

# It is killed

---

# The end
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def is_up(server: Server) -> None:
    server.until(lambda state: bool(state["health"]) and [one["health"] for one in state["health"]["nodes"]] == ["up"])


def record(show: Path, path: Path) -> None:
    """Play the show, and its fault, where all is well."""
    server = Server(str(show), "-x", "--journal", str(path))
    try:
        is_up(server)
        server.client.post("/advance")
        assert server.client.post("/say", data={"text": "Watch it"}).status_code == 200
        assert server.client.post("/chaos/kill-web").status_code == 202
        server.until(lambda state: state["chaos"][0]["recovered_after_sec"] is not None)
        server.client.post("/advance")
    finally:
        assert server.stop() == 0
        server.remove_state()


def kill_listener(port: int) -> None:
    pid = procfs.listener(port)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_the_presenter_goes_on_from_the_recording_when_the_system_is_gone_and_back_to_live(
    browser: Browser, tmp_path: Path
) -> None:
    [port] = free_ports(1)
    show, recorded = tmp_path / "show.md", tmp_path / "recorded.journal"
    show.write_text(SHOW.format(port=port))
    record(show, recorded)
    server = Server(str(show), "-x", "--journal", str(tmp_path / "live.journal"), "--plan-b", str(recorded))
    try:
        is_up(server)
        server.client.post("/advance")
        with windows() as opened:
            places = (("/", PROJECTOR), ("/presenter", PROJECTOR), ("/remote", PHONE))
            opened += [Window(browser, f"{server.url}{path}", size) for path, size in places]
            pages = [window.page for window in opened]
            go_through(server, pages, port)
            assert [window.console_errors for window in opened] == [[], [], []]
        assert server.client.post("/heal").status_code == 202
        is_up(server)
    finally:
        assert server.stop() == 0
        server.remove_state()


def go_through(server: Server, pages: list[Page], port: int) -> None:
    stage, presenter, remote = pages
    offer = presenter.locator("#r-audience #plan-b")
    for page in pages:
        expect(page.locator("body")).to_have_attribute("data-link", "up")
        expect(page.locator(".replay-mark")).to_have_count(0)
    expect(offer).to_have_count(0)
    # Always at hand where the presenter looks for it.
    expect(presenter.locator("#r-overview #plan-b")).to_have_count(1)
    kill_listener(port)
    expect(offer).to_be_visible()
    expect(presenter.locator("#r-audience")).to_contain_text("The system does not answer.")
    expect(remote.locator("#r-notes #plan-b")).to_be_visible()
    assert [findings(page) for page in (presenter, remote)] == [[], []]
    # One press asks, and changes nothing.
    offer.click()
    expect(offer).to_have_attribute("data-live-armed", "")
    assert server.state()["replay"] is None
    offer.click()
    for page in pages:
        expect(page.locator(".replay-mark").last).to_contain_text("recorded ")
    expect(stage.locator(".replay-mark")).to_be_visible()
    # What is on the stage is not live, though the page is connected; a line of then cannot be cleared.
    expect(presenter.locator("#conn")).to_be_hidden()
    expect(presenter.locator("#r-message")).to_contain_text("Watch it")
    expect(presenter.locator("#unsay")).to_be_hidden()
    expect(presenter.locator("#r-audience")).to_contain_text("Live: 0 of 1 part up")
    assert findings(presenter) == []
    # The recorded fault, fired as ever; the system of now stays as it is.
    presenter.keyboard.press("c")
    presenter.keyboard.press("1")
    presenter.keyboard.press("Enter")
    expect(stage.locator("#r-record")).to_contain_text("web")
    server.until(lambda state: state["chaos"][0]["recovered_after_sec"] is not None)
    assert procfs.listener(port) is None
    presenter.keyboard.press("PageDown")
    expect(stage.locator("#r-spoken")).to_contain_text("The end")
    presenter.keyboard.press("m")
    for page in pages:
        expect(page.locator(".replay-mark")).to_have_count(0)
    expect(presenter.locator("#conn")).to_be_visible()
    expect(stage.locator("#r-spoken")).to_contain_text("Chapter 3 of 3: The end")
    state = server.state()
    assert (state["replay"], state["chapter"]["number"], state["chaos"][0]["injected_at"]) == (None, 3, None)
    expect(presenter.locator("#r-system")).to_contain_text("down")
