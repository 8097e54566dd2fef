"""A real WebKit: its GTK browser on a display of its own, by WebDriver over HTTP."""

import base64
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.support import fetch
from tests.support.relays import free_port
from tests.support.servers import wait_for
from tests.support.webdriver_browsers import Actions, require

ANSWER_SEC = 30.0
DISPLAY = "2200x1400x24"
WANTED = {"webkitgtk:browserOptions": {"args": ["--automation"]}}

LISTEN = """
window.console_errors = [];
for (const level of ["error", "warn"]) {
  const say = console[level].bind(console);
  console[level] = (...words) => { window.console_errors.push(words.join(" ")); say(...words); };
}
addEventListener("error", (event) => window.console_errors.push(event.message));
addEventListener("unhandledrejection", (event) => window.console_errors.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => window.console_errors.push(event.violatedDirective));
"""
"""Its driver tells nothing of the console: the page itself has to, from when it is loaded."""

TOUCH = """(kind, x) => {
  const at = [{ clientX: x, clientY: 300 }];
  const event = new Event(kind, { bubbles: true, cancelable: true });
  document.body.dispatchEvent(Object.assign(event, { touches: kind === "touchend" ? [] : at, changedTouches: at }));
}"""


class WebKit:
    def __init__(self) -> None:
        driver = require("WebKitWebDriver", package="webkit2gtk-driver")
        display = require("Xvfb", package="xvfb")
        self._place = Path(tempfile.mkdtemp(prefix="cs-webkit-"))
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            number = self._display(display)
            port = free_port()
            self._start([driver, f"--port={port}"], {"DISPLAY": f":{number}", "GDK_BACKEND": "x11"})
            self._client = fetch.client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_SEC)
            wait_for(self._answers, ANSWER_SEC)
            session = self._send("POST", "/session", {"capabilities": {"alwaysMatch": WANTED}})
            self._session = f"/session/{session['sessionId']}"
            self._first = self._shown = self.command("GET", "/window")
            self.command("POST", "/timeouts", script=1000 * ANSWER_SEC, pageLoad=1000 * ANSWER_SEC)
        except BaseException:
            self._end()
            raise

    def _start(self, command: list[str], environ: dict[str, str], **more: Any) -> None:
        home = {name: str(self._place) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        self._processes.append(
            subprocess.Popen(command, env=os.environ | home | environ, start_new_session=True, **more)
        )

    def _display(self, program: str) -> int:
        """It finds a free number by itself, and says which."""
        reads, writes = os.pipe()
        with os.fdopen(reads) as said:
            try:
                command = [program, "-displayfd", str(writes), "-screen", "0", DISPLAY, "-nolisten", "tcp"]
                self._start(command, {}, pass_fds=[writes])
            finally:
                os.close(writes)
            return int(said.readline())

    def _answers(self) -> bool:
        try:
            return bool(self._client.get("/status").json()["value"]["ready"])
        except httpx.TransportError:
            return False

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._client.request(method, path, json=body)
        value = answer.json()["value"]
        assert answer.status_code == 200, f"{method} {path}: {value}"
        return value

    def command(self, method: str, path: str, **body: Any) -> Any:
        return self._send(method, f"{self._session}{path}", body if method == "POST" else None)

    def show(self, handle: str = "") -> None:
        """Commands are for the window of this handle, or the first one, which stays."""
        handle = handle or self._first
        if handle != self._shown:
            self.command("POST", "/window", handle=handle)
            self._shown = handle

    def screen(self, size: tuple[int, int]) -> "WebKitScreen":
        return WebKitScreen(self, size)

    def close(self) -> None:
        self._send("DELETE", self._session)
        self._client.close()
        self._end()

    def _end(self) -> None:
        for process in reversed(self._processes):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self._place, ignore_errors=True)


class WebKitScreen:
    def __init__(self, webkit: WebKit, size: tuple[int, int]) -> None:
        self._webkit = webkit
        webkit.show()
        self._handle: str = webkit.command("POST", "/window/new", type="window")["handle"]
        width, height = size
        self._command("POST", "/window/rect", x=0, y=0, width=width, height=height)
        seen = wait_for(lambda: self.run("return [innerWidth, innerHeight]"))
        self._command("POST", "/window/rect", width=2 * width - seen[0], height=2 * height - seen[1])

    def _command(self, method: str, path: str, **body: Any) -> Any:
        self._webkit.show(self._handle)
        return self._webkit.command(method, path, **body)

    def open(self, url: str) -> None:
        self._command("POST", "/url", url=url)
        self.run(LISTEN)

    def run(self, body: str) -> Any:
        return self._command("POST", "/execute/sync", script=f"return (async () => {{ {body} }})()", args=[])

    def perform(self, actions: Actions) -> None:
        self._command("POST", "/actions", actions=actions)

    def swipe(self, start: int, end: int) -> None:
        """The driver has no fingers: what one would send is made in the page."""
        places = ("touchstart", start), ("touchmove", (start + end) // 2), ("touchend", end)
        self.run("".join(f"({TOUCH})({kind!r}, {x});" for kind, x in places))

    def hide(self) -> None:
        self._command("POST", "/window/minimize")

    def unhide(self) -> None:
        self._command("POST", "/window/rect", x=0, y=0)

    def picture(self) -> bytes:
        return base64.b64decode(self._command("GET", "/screenshot"))

    def console_errors(self) -> list[str]:
        found: list[str] = self.run("return window.console_errors")
        return found

    def close(self) -> None:
        self._command("DELETE", "/window")
        self._webkit.show()
