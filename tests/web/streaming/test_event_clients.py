"""Programs of others on `/events`: each sees every event once and in order, through restarts of the server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import CLIENTS, node_version, require_node
from tests.support.servers import Server, script, serving, wait_for

PYTHON = ("httpx-sse", "sseclient", "aiosseclient")
NODE = ("@microsoft/fetch-event-source", "eventsource", "eventsource-client", "undici")

UNDICI_NODE = 20

QUICK_PINGS = """
import sys
from demo.web.streaming import view_stream
view_stream.HEARTBEAT_SEC = 0.1
from demo.cli.main import app
app(["serve", "none", "--no-open", "--port", sys.argv[1]])
"""

MAX_HEARD_SEC = 60


class Client:
    """One program in a process of its own, and what it was told until now."""

    def __init__(self, command: list[str], output: Path) -> None:
        self._output = output
        with output.open("w") as stdout:
            self._process = subprocess.Popen(command, stdout=stdout, cwd=CLIENTS.parent.parent)

    def heard(self) -> list[dict[str, Any]]:
        lines = self._output.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def has(self, seq: int) -> bool:
        """Whether it has heard of this event; one that has ended never will."""
        assert self._process.poll() is None, self._output.read_text()
        return any(str(event["id"]).endswith(f"-{seq}") for event in self.heard())

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@contextmanager
def reading(names: tuple[str, ...], url: str, place: Path) -> Iterator[dict[str, Client]]:
    """Every client on one stream."""
    found: dict[str, Client] = {}
    try:
        for number, name in enumerate(names):
            reader = [sys.executable, "-m", "tests.support.clients.read_events"]
            if name in NODE:
                reader = [require_node(), str(CLIENTS / "read_events.mjs")]
            found[name] = Client([*reader, name, f"{url}/events"], place / f"{number}.json")
        yield found
    finally:
        for client in found.values():
            client.close()


def told(server: Server, words: str) -> int:
    """Say some lines, one event each; returns the number of the last."""
    answer = {"seq": 0}
    for number in range(5):
        answer = server.client.post("/say", json={"text": f"{words} {number}"}).json()
    return answer["seq"]


def until_all_have(clients: dict[str, Client], seq: int) -> None:
    for name, client in clients.items():
        wait_for(partial(client.has, seq), MAX_HEARD_SEC, partial("{} waits for {}".format, name, seq))


@pytest.mark.parametrize("names", [PYTHON, NODE], ids=["python", "node"])
def test_other_programs_see_every_event_once_and_in_order_through_restarts(
    names: tuple[str, ...], tmp_path: Path, state_home: Path
) -> None:
    """One in order, and one after a `kill -9`."""
    if "undici" in names and node_version() < UNDICI_NODE:
        print(f"NODE {node_version()}: undici 7, the first that tries again when nobody listens, needs {UNDICI_NODE}")
        names = tuple(name for name in names if name != "undici")
    program = script(tmp_path / "serve.py", QUICK_PINGS)
    with serving(program=[*program, "0"], state_home=state_home) as server:
        again = [*program, str(server.port)]
        with reading(names, server.url, tmp_path) as clients:
            first = server.until(lambda state: state["seq"] > 0)["seq"]
            until_all_have(clients, first)
            until_all_have(clients, told(server, "before"))
            assert server.stop() == 0
            with serving(program=again, state_home=state_home) as back:
                until_all_have(clients, told(back, "between"))
                back.kill()
            with serving(program=again, state_home=state_home) as last:
                newest = told(last, "after")
                until_all_have(clients, newest)
                epoch, told_to = last.state()["epoch"], {name: client.heard() for name, client in clients.items()}
    for name, heard in told_to.items():
        assert [event["event"] for event in heard] == ["snapshot"] + ["entry"] * (len(heard) - 1), name
        assert [json.loads(event["data"])["seq"] for event in heard] == list(range(first, newest + 1)), name
        assert [event["id"] for event in heard] == [f"{epoch}-{seq}" for seq in range(first, newest + 1)], name
