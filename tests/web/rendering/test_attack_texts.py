"""A show whose every text is an attack, in a real browser: words stay words, and a stream's messages stay whole."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from demo.web.rendering.regions import region_names
from tests.browser.test_pages import connected
from tests.support.chromium import PHONE, PROJECTOR, Window, chromium
from tests.support.servers import Server, Stream, serving
from tests.support.xss_subject import ATTACKS, ELEMENT

ROOT = Path(__file__).parents[3]
VIEWS = {"stage": "/", "presenter": "/presenter", "remote": "/remote"}

STRANGE = """() => {
  const found = [];
  const tags = ['X-EVIL', 'IFRAME', 'BASE', 'OBJECT', 'EMBED', 'STYLE', 'IMG', 'FORM-X'];
  for (const one of document.querySelectorAll('*')) {
    if (tags.includes(one.tagName)) found.push(one.outerHTML.slice(0, 200));
    if (one.tagName === 'SCRIPT' && !one.src.startsWith(location.origin + '/static/')) found.push(one.outerHTML);
    for (const { name, value } of one.attributes) {
      if (name.startsWith('on') || name.startsWith('hx-on') || name === 'srcdoc') found.push(name);
      if (['href', 'src', 'action', 'xlink:href', 'hx-post', 'hx-get', 'sse-connect', 'hx-sse:connect'].includes(name)
          && !/^(#|data:image|mailto:)/.test(value)
          && (/^[\\\\/]{2}/.test(value) || !/^https?:$/.test(new URL(value, location.href).protocol)))
        found.push(name + '=' + value);
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def hostile() -> Iterator[Server]:
    with serving("tests.support.xss_subject:XssSubject", env={"PYTHONPATH": str(ROOT)}) as server:
        server.until(lambda state: state["seq"] > 0 and bool(state["health"]))
        yield server
        assert server.stop() == 0
        assert "Traceback" not in server.output


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def provoke(server: Server) -> Iterator[dict[str, Any]]:
    """Every chapter, every fault, every line, one after another."""
    for fault in server.state()["chaos"]:
        name = quote(fault["name"], safe="", errors="replace")
        assert server.client.post(f"/chaos/{name}").status_code in (202, 409)
        yield {}
    for number, text in enumerate(ATTACKS, 2):
        headers = {"x-demo-client": "<x-evil>", "user-agent": "<x-evil>"}
        line = text.encode(errors="replace").decode()[:280]
        assert server.client.post("/say", json={"text": line}, headers=headers).status_code == 200
        assert server.client.post(f"/goto/{number}").status_code == 200
        yield server.until(lambda state: state["chapter"]["status"] != "running")
    assert server.client.post("/goto/1").status_code == 200


@pytest.mark.browser
@pytest.mark.parametrize("view", VIEWS)
def test_no_text_of_a_show_is_more_than_words(hostile: Server, browser: Browser, view: str) -> None:
    window = Window(browser, "about:blank", PHONE if view == "remote" else PROJECTOR)
    asked, dialogs = set[str](), []

    def shown(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    window.page.on("dialog", shown)
    window.context.on("request", lambda request: asked.add(request.url))
    window.page.goto(f"{hostile.url}{VIEWS[view]}")
    page = connected(window.page)
    for _ in provoke(hostile):
        looked_at(page, hostile)
    page.reload()
    looked_at(connected(page), hostile)
    assert dialogs == []
    assert window.console_errors == []
    assert [url for url in asked if not url.startswith(f"{hostile.url}/")] == []
    assert "x-evil" in page.inner_text("body"), "the attacks are there, as words"
    window.close()


def looked_at(page: Page, server: Server) -> None:
    """The page has what is newest, and nothing strange in it."""
    seen = server.state()["seq"]
    page.wait_for_timeout(60)
    assert page.evaluate(STRANGE) == [], seen
    assert page.evaluate("window.length") == 0
    assert page.url.startswith(server.url)


LINE = re.compile(r"(id: [0-9a-f]+-\d+|event: beat|retry: \d+|data: [^\r\n]*|: ping[^\r\n]*|)")


class Partials(HTMLParser):
    """The outermost elements of a message, each with its target."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.targets: list[str | None] = []
        self.open = 0
        self.strange: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "hx-partial":
            self.open += 1
            self.targets.append(dict(attrs).get("hx-target"))
        if not self.open or self.open > 1 or tag == ELEMENT:
            self.strange.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.open -= tag == "hx-partial"

    def handle_data(self, data: str) -> None:
        if not self.open and data.strip():
            self.strange.append(data)


@pytest.mark.parametrize("view", VIEWS)
def test_a_stream_of_hostile_texts_is_whole_messages_of_known_regions(hostile: Server, view: str) -> None:
    known = {f"#r-{name}" for name in region_names(view)}
    with Stream(hostile, f"/stream/{view}", timeout=20) as stream:
        chunks = stream.response.iter_raw()
        text = b""
        for _ in provoke(hostile):
            text += next(chunks)
        last = hostile.client.post("/goto/4").json()["seq"]
        for _ in range(200):
            if any(int(seq) >= last for seq in re.findall(rb"\nid: [0-9a-f]+-(\d+)\r?\n", text)) and text.endswith(
                b"\n\n"
            ):
                break
            text += next(chunks)
        else:
            pytest.fail("the last change never came")
    whole = text[: text.rindex(b"\n\n")].decode()
    for line in whole.split("\n"):
        assert LINE.fullmatch(line), line[:200]
    messages = [message for message in whole.split("\n\n") if "data: <" in message]
    assert len(messages) > 10
    for message in messages:
        data = [line.removeprefix("data: ") for line in message.split("\n") if line.startswith("data: ")]
        assert len(data) == 1
        found = Partials(data[0])
        assert found.strange == []
        assert found.open == 0
        assert len(set(found.targets)) == len(found.targets)
        assert set(found.targets) <= known


def test_the_stage_of_a_hostile_show_tells_no_error(hostile: Server) -> None:
    """The action of this chapter fails with every attack in its message."""
    hostile.client.post("/goto/1")
    hostile.client.post("/goto/3")
    hostile.client.post("/rerun")
    state = hostile.until(lambda state: state["chapter"]["status"] == "failed")
    assert ELEMENT in state["chapter"]["error"]
    assert "RuntimeError" not in hostile.client.get("/").text
