"""docs/tutorial.md, followed to the letter: its files are written, its commands run, PostgreSQL and the shop break."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.processes.ports import free_ports
from tests.scripts.test_docs import ROOT
from tests.scripts.tutorials import blocks, path_with_postgres, readers_folder, run_as_reader
from tests.support import fetch
from tests.support.demo_command import run_demo
from tests.support.servers import Server, serving, wait_for
from tests.support.stage_html import verdicts

TEXT = (ROOT / "docs" / "tutorial.md").read_text()
SHOW_ADDRESS = "http://127.0.0.1:8000"
LIMIT_SEC = 60


class Reader:
    """Somebody who follows the page in a folder of their own, on free ports, with the Python that runs this."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shop, self.db = free_ports(2)
        self.path = path_with_postgres()
        (folder / "shop.py").write_text(self.adapted(blocks(TEXT, "python")[0]))
        show = self.adapted(blocks(TEXT, "markdown")[0])
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            show = show.replace("  db: {run:", "  db: {user: nobody, run:", 1)
        (folder / "shop.md").write_text(show.replace("[python3, ", f"[{sys.executable}, ", 1))
        run_as_reader(self.command("initdb "), folder, self.path)

    def adapted(self, text: str) -> str:
        return text.replace("8080", str(self.shop)).replace("55432", str(self.db))

    def command(self, beginning: str) -> str:
        """Return the first line of a `sh` block of the page that begins so."""
        lines = [line for block in blocks(TEXT, "sh") for line in block.splitlines()]
        return self.adapted(next(line for line in lines if line.startswith(beginning)))

    def serve(self, state_home: Path) -> Any:
        words = self.command("demo serve ").split()[2:]
        environ = {"PATH": self.path, "PYTHONPATH": str(ROOT)}
        return serving(*words, env=environ, cwd=self.folder, state_home=state_home)

    def curl(self, server: Server, beginning: str) -> None:
        command = self.command(beginning)
        assert SHOW_ADDRESS in command
        command = command.replace(SHOW_ADDRESS, server.url).replace("curl", "curl --silent --fail")
        subprocess.run(["bash", "-ec", command], check=True, timeout=LIMIT_SEC, stdout=subprocess.DEVNULL)


@pytest.fixture
def reader() -> Iterator[Reader]:
    with readers_folder() as folder:
        yield Reader(folder)


def test_the_show_has_at_most_40_lines_and_its_commands_are_those_that_are_tried_here() -> None:
    assert blocks(TEXT, "markdown")[0].count("\n") <= 40
    assert (len(blocks(TEXT, "python")), len(blocks(TEXT, "markdown"))) == (1, 1)
    commands = {line.split()[0] for block in blocks(TEXT, "sh") for line in block.splitlines()}
    assert commands == {"sudo", "export", "mkdir", "initdb", "demo", "curl", "pkill", "cd"}


def test_the_tutorial_of_a_show_file_is_followed_to_its_end(reader: Reader, state_home: Path) -> None:
    checked = run_demo(*reader.command("demo check ").split()[1:], cwd=reader.folder)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.startswith("shop.md: ok, 3 chapters\n")
    with reader.serve(state_home) as server:
        server.until(_is_all_up, LIMIT_SEC)
        assert fetch.get(f"http://127.0.0.1:{reader.shop}/").status_code == 200
        assert _play_next(server, "pause-db") == ["Refuted"]
        assert fetch.get(f"http://127.0.0.1:{reader.shop}/").status_code == 200
        assert _play_next(server, "kill-shop") == ["Refuted", "Confirmed"]
        reader.curl(server, "curl -X POST http://127.0.0.1:8000/chaos/pause-db")
        server.until(lambda state: _health(state) == {"shop": "degraded", "db": "down"}, LIMIT_SEC)
        assert reader.command("pkill -9 -f ").split('"')[1] in "demo serve shop.md -x"
        server.kill()
        wait_for(lambda: _status(reader) == 200, LIMIT_SEC)
        with reader.serve(state_home) as after:
            state = after.until(_is_all_up, LIMIT_SEC)
            assert state["chapter"]["number"] == 3
            after.until(lambda state: any("still running" in line["text"] for line in state["log"]), LIMIT_SEC)
    for port in (reader.shop, reader.db):
        assert not _is_listening(port)


def _play_next(server: Server, fault: str) -> list[str]:
    """Go to the next chapter, wait for its end, the recovery and the verdict; return the verdicts on the stage."""
    told = server.state()["log"]
    assert server.client.post("/advance").status_code == 200

    def is_over(state: dict[str, Any]) -> bool:
        judged = any(line["who"] == "prediction" for line in state["log"][len(told) :])
        return (
            judged and state["chapter"]["status"] == "done" and _fault(state, fault)["recovered_after_sec"] is not None
        )

    assert _fault(server.until(is_over, LIMIT_SEC), fault)["detected_after_sec"] is not None
    return wait_for(lambda: verdicts(server.client.get("/").text) or None)


def _fault(state: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(fault for fault in state["chaos"] if fault["name"] == name)
    return found


def _health(state: dict[str, Any]) -> dict[str, str]:
    return {node["id"]: node["health"] for node in (state["health"] or {}).get("nodes", [])}


def _is_all_up(state: dict[str, Any]) -> bool:
    return _health(state) == {"shop": "up", "db": "up"} and state["health"]["freshness"] == "live"


def _status(reader: Reader) -> int:
    return fetch.get(f"http://127.0.0.1:{reader.shop}/", timeout=10).status_code


def _is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_the_show_of_the_readme_is_checked_played_and_judged(tmp_path: Path, state_home: Path) -> None:
    (show,) = blocks((ROOT / "README.md").read_text(), "markdown")
    assert show.count("\n") <= 15
    own = show.replace("18080", str(free_ports(1)[0])).replace("python3", sys.executable)
    (tmp_path / "my-show.md").write_text(own)
    with serving("my-show.md", "-x", cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, state_home=state_home) as server:
        server.until(lambda state: _health(state) == {"web": "up"}, LIMIT_SEC)
        assert _play_next(server, "kill-web") == ["Refuted"]
