"""An open server for the tests of access, and the devices that are paired with it."""

import re
from pathlib import Path
from typing import Any

import httpx

from tests.support import fetch
from tests.support.servers import Server, wait_for

PHONE_AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)
OPEN = ("--public-name", "demo.test")
"""Open to others by a name, and all the same only on loopback: what tests may do on any machine."""


class OpenServer:
    """What a started open server has told its terminal."""

    def __init__(self, server: Server) -> None:
        self.server = server
        wait_for(lambda: "end        Ctrl-C" in server.read_output(), say=lambda: server.output)
        # The printed address may hold a name that only this server knows.
        server.url = self.here
        server.client.close()
        server.client = fetch.client(base_url=self.here, timeout=10)
        self.token_path = Path(self._said(r"token\s+(\S+)"))
        self.token = self.token_path.read_text().strip()
        self.bearer = {"Authorization": f"Bearer {self.token}"}

    def _said(self, pattern: str) -> str:
        found = re.search(pattern, self.server.output)
        assert found, self.server.output
        return found.group(1)

    @property
    def here(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def own_secret(self) -> str:
        return self._said(r"presenter\s+\S+/pair#(\S+)")

    def codes(self) -> dict[str, Any]:
        found: dict[str, Any] = fetch.get(f"{self.here}/pairing", headers=self.bearer).json()
        return found

    def secret(self) -> str:
        return str(self.codes()["link"]).partition("#")[2]

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = fetch.get(f"{self.here}/state", headers=self.bearer).json()
        return found


class Device:
    """A browser without a screen: it names its page on each POST, and keeps its cookie."""

    def __init__(self, base: str, agent: str = PHONE_AGENT, **more: Any) -> None:
        self.base = base
        self.client = fetch.client(base_url=base, headers={"User-Agent": agent}, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        headers = {"Origin": self.base} | more.pop("headers", {})
        return self.client.post(path, headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def pair(self, secret: str) -> "Device":
        answer = self.post("/pair", json={"secret": secret})
        assert answer.status_code == 200, answer.text
        return self

    def close(self) -> None:
        self.client.close()
