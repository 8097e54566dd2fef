"""A real Firefox, headless, by WebDriver BiDi: a web socket of its own, no driver between."""

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

from tests.support.servers import wait_for
from tests.support.webdriver_browsers import Actions, require

ANSWER_SEC = 30.0

PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.w3c_touch_events.enabled": 1,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "data:,",
}
"""It speaks to nobody but us, and has a touch screen."""


class Firefox:
    def __init__(self) -> None:
        program = require("firefox-esr", "firefox", package="firefox-esr")
        self._profile = Path(tempfile.mkdtemp(prefix="cs-firefox-"))
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (self._profile / "user.js").write_text("\n".join(lines))
        self._process = self._started([program, "--headless", "--no-remote", "--remote-debugging-port", "0"])
        self._loop = asyncio.new_event_loop()
        self._numbers = itertools.count(1)
        self._entries: list[dict[str, Any]] = []
        try:
            port = wait_for(self._port, ANSWER_SEC, self._said)
            self._client, self._socket = self._loop.run_until_complete(_dial(port))
            self.command("session.new", capabilities={})
            self.command("session.subscribe", events=["log.entryAdded"])
        except BaseException:
            self._end()
            raise

    def _started(self, command: list[str]) -> subprocess.Popen[bytes]:
        place = str(self._profile)
        with (self._profile / "log").open("wb") as log:
            return subprocess.Popen(
                [*command, "--profile", place],
                env=os.environ | {"HOME": place},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _port(self) -> int | None:
        """The file appears before its text does."""
        try:
            return int(json.loads((self._profile / "WebDriverBiDiServer.json").read_text())["ws_port"])
        except (FileNotFoundError, ValueError):
            return None

    def _said(self) -> str:
        return (self._profile / "log").read_text()

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._loop.run_until_complete(self._socket.send_json({"id": number, "method": method, "params": params}))
        while True:
            message = self._loop.run_until_complete(self._socket.receive_json(timeout=ANSWER_SEC))
            if message.get("id") == number:
                assert message["type"] == "success", f"{method}: {message}"
                result: dict[str, Any] = message["result"]
                return result
            self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("method") == "log.entryAdded" and message["params"]["level"] in ("error", "warn"):
            self._entries.append(message["params"])

    def console_errors(self, context: str) -> list[str]:
        self.command("session.status")
        found = [entry for entry in self._entries if entry["source"].get("context") == context]
        return [f"{entry['text']} {entry.get('stackTrace', '')}" for entry in found]

    def screen(self, size: tuple[int, int]) -> "FirefoxScreen":
        return FirefoxScreen(self, size)

    def close(self) -> None:
        self.command("session.end")
        self._loop.run_until_complete(self._client.close())
        self._end()

    def _end(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._loop.close()
        shutil.rmtree(self._profile, ignore_errors=True)


async def _dial(port: int) -> tuple[ClientSession, ClientWebSocketResponse]:
    client = ClientSession()
    return client, await client.ws_connect(f"ws://127.0.0.1:{port}/session", max_msg_size=0)


class FirefoxScreen:
    def __init__(self, firefox: Firefox, size: tuple[int, int]) -> None:
        self._firefox = firefox
        self._context: str = firefox.command("browsingContext.create", type="window")["context"]
        width, height = size
        self._command("browsingContext.setViewport", viewport={"width": width, "height": height})

    def _command(self, method: str, **params: Any) -> dict[str, Any]:
        return self._firefox.command(method, context=self._context, **params)

    def open(self, url: str) -> None:
        self._command("browsingContext.navigate", url=url, wait="complete")

    def run(self, body: str) -> Any:
        answer = self._firefox.command(
            "script.evaluate",
            expression=f"(async () => {{ {body} }})().then((it) => JSON.stringify(it ?? null))",
            target={"context": self._context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def perform(self, actions: Actions) -> None:
        self._command("input.performActions", actions=actions)

    def swipe(self, start: int, end: int) -> None:
        steps: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": start, "y": 300},
            {"type": "pointerDown", "button": 0},
        ]
        steps += [{"type": "pointerMove", "x": x, "y": 300, "duration": 30} for x in ((start + end) // 2, end)]
        steps += [{"type": "pointerUp", "button": 0}]
        self.perform([{"type": "pointer", "id": "finger", "parameters": {"pointerType": "touch"}, "actions": steps}])

    def hide(self) -> None:
        """Another tab of its window comes to the front."""
        answer = self._firefox.command("browsingContext.create", type="tab", referenceContext=self._context)
        self._before: str = answer["context"]

    def unhide(self) -> None:
        self._firefox.command("browsingContext.close", context=self._before)

    def picture(self) -> bytes:
        return base64.b64decode(self._command("browsingContext.captureScreenshot")["data"])

    def console_errors(self) -> list[str]:
        return self._firefox.console_errors(self._context)

    def close(self) -> None:
        self._command("browsingContext.close")
