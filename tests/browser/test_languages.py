"""Shows in German and Spanish in a real browser: what scripts say, an edit of the language, room for every word."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.chromium import PHONE, PROJECTOR, Window, chromium, windows
from tests.support.page_geometry import cut_texts
from tests.support.proxies import free_ports
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser

LATE_MS = 60_000
SMALL_LAPTOP = (1024, 768)
BUTTONS = ".tools button, .drive button, .halt-place button, .tabs button, .thumb button, .drawer button, .fault em"

SHOW = """---
title: Titulus
language: {language}
processes: {{web: {{run: [python3, -m, http.server, "{port}", --bind, 127.0.0.1], port: {port}}}}}
probes: {{web: {{http: "http://127.0.0.1:{port}/"}}}}
faults: {{nex: {{title: Nex, process: {{name: web, do: kill}}, duration: 60s}}}}
---
# Primum

---

```yaml
hypothesis: Nihil cadit
vote: true
budget: 1min
```
# Secundum

---

# Tertium
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def write(folder: Path, language: str, port: int) -> Path:
    path = folder / "show.md"
    path.write_text(SHOW.format(language=language, port=port))
    return path


def play(server: Server) -> None:
    """Make a fault, after a vote was opened, so that all controls have something to say."""
    server.until(lambda state: [node["health"] for node in (state["health"] or {}).get("nodes", ())] == ["up"])
    server.client.post("/advance")
    assert server.client.post("/chaos/nex").status_code == 202


def test_what_the_scripts_say_is_in_the_language_of_the_page(browser: Browser, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with serving(str(write(tmp_path, "de", port)), "-x") as server, windows() as opened:
        phone, desk = Window(browser, f"{server.url}/", PHONE), Window(browser, f"{server.url}/presenter", SMALL_LAPTOP)
        opened += [phone, desk]
        server.client.post("/advance")
        expect(phone.page.locator(".choice")).to_have_text(["Ja", "Nein"], timeout=LATE_MS)
        phone.page.locator(".choice").first.click()
        expect(phone.page.locator(".mine")).to_contain_text("Ihre Antwort: Ja.", timeout=LATE_MS)
        assert phone.page.evaluate("demo.age(0.3)") == "0,3 s"
        expect(desk.page.locator("#conn")).to_have_text("live", timeout=LATE_MS)
        desk.page.keyboard.press("x")
        expect(desk.page.locator(".notice")).to_have_text("Nochmals X: Stop")
        server.client.post("/advance")
        expect(desk.page.locator("#r-bar")).to_contain_text("3 / 3", timeout=LATE_MS)
        desk.page.keyboard.press("n")
        expect(desk.page.locator(".notice").last).to_have_text("Das ist das letzte Kapitel", timeout=LATE_MS)
        server.stop()
        expect(phone.page.locator("#link-text")).to_contain_text("Verbindung verloren · vor", timeout=LATE_MS)


@pytest.mark.parametrize("language", ["de", "es"])
def test_every_button_has_room_for_its_words(browser: Browser, tmp_path: Path, language: str) -> None:
    (port,) = free_ports(1)
    with serving(str(write(tmp_path, language, port)), "-x") as server, windows() as opened:
        desk = Window(browser, f"{server.url}/presenter", SMALL_LAPTOP)
        remote = Window(browser, f"{server.url}/remote", PHONE)
        opened += [desk, remote]
        play(server)
        for window in (desk, remote):
            expect(window.page.locator("body")).to_have_attribute("data-link", "up", timeout=LATE_MS)
            expect(window.page.locator(".fault.active").first).to_be_attached(timeout=LATE_MS)
        remote.page.locator("#faults").click()
        assert cut_texts(desk.page, BUTTONS) == []
        assert cut_texts(remote.page, BUTTONS) == []
        server.client.post("/halt")
        for window in (desk, remote):
            expect(window.page.locator("#resume")).to_be_attached(timeout=LATE_MS)
            assert cut_texts(window.page, BUTTONS) == []
        assert desk.console_errors == remote.console_errors == []


def test_an_edit_of_the_language_is_on_every_page_at_once(browser: Browser, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    path = write(tmp_path, "en", port)
    with serving(str(path), "-x") as server, windows() as opened:
        server.client.post("/advance")
        wall, desk = (
            Window(browser, f"{server.url}/", PROJECTOR),
            Window(browser, f"{server.url}/presenter", SMALL_LAPTOP),
        )
        opened += [wall, desk]
        for word, language in (("Prediction", ""), ("Vorhersage", "de"), ("Predicción", "es"), ("Prediction", "fr")):
            if language:
                write(tmp_path, language, port)
            expect(wall.page.locator(".kicker")).to_have_text(word, timeout=LATE_MS)
            expect(wall.page.locator("html")).to_have_attribute("lang", language or "en")
        expect(desk.page.locator("#help-title")).to_have_text("Keys", timeout=LATE_MS)
        write(tmp_path, "de", port)
        expect(desk.page.locator("#help-title")).to_have_text("Tasten", timeout=LATE_MS)
