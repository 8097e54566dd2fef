"""The show goes on: parts that die unasked, a poller that falls over, a full disk, a damaged journal. Real servers."""

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import descendants
from tests.support.marker import SUBJECT, marker
from tests.support.servers import Server, serving, wait_for


def node_of(state: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(node for node in state["health"]["nodes"] if node["id"] == name)
    return found


def advances(server: Server) -> str:
    """One step on, answered with 200; returns where the show stands."""
    answer = server.client.post("/advance")
    assert answer.status_code == 200, answer.text
    progress: str = answer.json()["progress"]
    return progress


# Parts that die unasked.


def pid_of(server: Server, word: str) -> int:
    """The process below the server whose command line, or name, has this word."""
    for pid in descendants(server.process.pid):
        try:
            said = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/comm").read_bytes()
        except OSError:
            continue
        if word.encode() in said:
            return pid
    raise AssertionError(f"no process of {word}")


@pytest.mark.system
@pytest.mark.parametrize(("part", "word"), [("redis", "redis-server"), ("node-", "ratelimiter.node")])
def test_a_part_killed_from_outside_is_shown_and_costs_no_move(part: str, word: str) -> None:
    with serving("ratelimiter") as server:
        server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
        os.kill(pid_of(server, word), signal.SIGKILL)
        assert advances(server) == "[2/10]"
        state = server.until(
            lambda state: any(n["id"].startswith(part) and n["health"] == "down" for n in state["health"]["nodes"])
        )
        assert state["health"]["has_issues"]
        dead = next(n for n in state["health"]["nodes"] if n["id"].startswith(part) and n["health"] == "down")
        assert dead["name"] in server.client.get("/").text
        assert advances(server) == "[3/10]"
        state = server.state()
        assert node_of(state, dead["id"])["health"] == "down", "nobody started it again unasked"
        assert server.client.post("/heal").status_code == 202
        server.until(lambda state: not state["health"]["has_issues"], 30)


def test_a_poller_that_falls_over_is_shown_and_costs_no_move(tmp_path: Path) -> None:
    with serving(SUBJECT, env=marker(tmp_path / "place")) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        (tmp_path / "place" / "poller-dies").touch()
        state = server.until(lambda state: state["health"]["freshness"] == "unknown")
        ended = next(line["text"] for line in state["log"] if line["text"].startswith("the poller ended: "))
        assert re.search(r"marker\.py:\d+ in run: RuntimeError: the poller fell over$", ended), ended
        assert advances(server) == "[2/10]"
        assert "unknown" in server.client.get("/").text
        (tmp_path / "place" / "poller-dies").unlink()
        assert server.client.post("/heal").status_code == 202
        server.until(lambda state: state["health"]["freshness"] == "live")


# A full disk.


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        said = f"a small file system cannot be mounted here: {done.stderr.decode().strip()}"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(f"THE FULL DISK WAS NOT TRIED: {said}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take the last byte of it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return ballast


def test_a_full_disk_stops_no_move_and_no_heal_and_loses_nothing(tmp_path: Path) -> None:
    env = marker(tmp_path / "place")
    with small_disk(tmp_path / "disk") as disk:
        with serving(SUBJECT, "--journal", str(disk / "show"), env=env) as server:
            server.until(lambda state: state["seq"] > 0)
            assert server.client.post("/chaos/break").status_code == 202
            server.until(lambda state: state["chaos"][0]["state"] == "active")
            # Without that mark the next server would take the injection for one that was interrupted, and its watchdog
            # would look after it for half a minute.
            wait_for(lambda: rows(disk / "show", "SELECT state FROM undos") == [("applied",)])
            ballast = fill(disk)
            answers = [server.client.post("/say", json={"text": f"line {n} {'x' * 250}"}) for n in range(100)]
            assert {answer.status_code for answer in answers} == {200}
            assert not answers[-1].json()["durable"]
            lost = [answer.json()["durable"] for answer in answers].index(False)
            assert not any(answer.json()["durable"] for answer in answers[lost:]), "said from the first one on"
            assert advances(server) == "[2/10]"
            for page in ("/", "/presenter"):
                assert "The journal cannot be written" in server.client.get(page).text
            assert server.client.post("/heal").status_code == 202
            server.until(lambda state: state["chaos"][0]["state"] == "idle")
            refused = server.client.post("/chaos/break")
            assert (refused.status_code, refused.json()["code"]) == (503, "no_ledger")
            assert server.client.post("/halt").json()["halted"]
            assert not (tmp_path / "place" / "broken").exists()
            ballast.unlink()
            server.until(lambda state: state["durable"])
            assert "The journal cannot be written" not in server.client.get("/presenter").text
            assert advances(server) == "[3/10]"
            server.kill()
        told = [
            json.loads(row[0]).get("text", "") for row in rows(disk / "show", "SELECT data FROM entries ORDER BY seq")
        ]
        said = [text.split()[1] for text in told if text.startswith("line ")]
        assert said == [str(n) for n in range(100)], "none lost, in order"
        seqs = [row[0] for row in rows(disk / "show", "SELECT seq FROM entries ORDER BY seq")]
        assert seqs == list(range(1, len(seqs) + 1))
        with serving(SUBJECT, "--journal", str(disk / "show"), env=env) as again:
            state = again.until(lambda state: state["seq"] > len(seqs))
            assert (state["progress"], state["halted"], state["durable"]) == ("[3/10]", True, True)


def test_a_server_that_starts_on_a_full_disk_says_so_and_plays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        fill(disk)
        with serving("none", state_home=disk / "state") as server:
            state = server.until(lambda state: any("a crash would lose it" in line["text"] for line in state["log"]))
            assert state["progress"] == "[1/5]"
            assert advances(server) == "[2/5]"
            assert server.stop() == 0
            assert "Traceback" not in server.output


def rows(path: Path, query: str) -> list[Any]:
    with sqlite3.connect(path) as db:
        found = db.execute(query).fetchall()
    db.close()
    return found


# A damaged journal.


def torn_log(path: Path) -> None:
    """Half a frame at the end of the log, as a power cut leaves it."""
    with Path(f"{path}-wal").open("ab") as log:
        log.write(random.Random(1).randbytes(2100))


def cut_off(path: Path) -> None:
    os.truncate(path, 5000)


def cut_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def half_a_header(path: Path) -> None:
    os.truncate(path, 50)


def noise(path: Path) -> None:
    """Random bytes in the middle, log and file."""
    for name in (path, Path(f"{path}-wal")):
        size = name.stat().st_size
        with name.open("r+b") as file:
            file.seek(size // 2)
            file.write(random.Random(2).randbytes(min(3000, size // 4)))


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as db:
        db.execute(statement)
    db.close()


def an_entry_of_noise(path: Path) -> None:
    change(path, 'UPDATE entries SET data = \'{"type": "Said", "te\' WHERE seq = 3')


def an_entry_that_fits_no_show(path: Path) -> None:
    entered = "WHERE instr(data, 'ChapterEntered')"
    change(path, f"UPDATE entries SET data = replace(data, '\"number\": 2', '\"number\": 99') {entered}")


def no_table(path: Path) -> None:
    change(path, "DROP TABLE entries")


DAMAGES = [
    torn_log,
    cut_off,
    cut_to_nothing,
    half_a_header,
    noise,
    an_entry_of_noise,
    an_entry_that_fits_no_show,
    no_table,
]


def left(path: Path) -> None:
    """A killed server's journal of some moves."""
    with serving("none", "--journal", str(path)) as server:
        server.until(lambda state: state["seq"] > 0)
        advances(server)
        for number in range(30):
            server.client.post("/say", json={"text": f"{number} {'x' * 200}"})
        server.kill()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_continued_or_refused_in_a_sentence(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = tmp_path / "show"
    left(path)
    damage(path)
    command = [sys.executable, "-m", "demo", "run", "none", "--journal", str(path)]
    done = subprocess.run(command, input="q\n", capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr + done.stdout
    if done.returncode == 0:
        assert "[2/5]" in done.stdout, done.stdout
        assert damage in (torn_log, cut_off, noise), "the log held all of it"
        return
    assert done.returncode == 1
    assert done.stderr.startswith("demo: ")
    assert done.stderr.count("\n") == 1
    assert "--fresh" in done.stderr, "what to do"
    done = subprocess.run([*command, "--fresh"], input="q\n", capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1/5]" in done.stdout
    assert Path(f"{path}.1").exists(), "the damaged one is kept"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_on_the_shelf_does_not_keep_a_show_from_beginning(
    tmp_path: Path, state_home: Path, damage: Callable[[Path], None]
) -> None:
    shelf = state_home / "chaos-stage" / "shows"
    shelf.mkdir(parents=True)
    path = shelf / "none-20260101-000000.journal"
    left(path)
    damage(path)
    with serving("none", state_home=state_home) as server:
        state = server.until(lambda state: state["seq"] > 0)
        assert state["progress"] in ("[1/5]", "[2/5]")
        assert advances(server)
        assert server.stop() == 0
        assert "Traceback" not in server.output
        if state["progress"] == "[1/5]":
            assert sum(line.startswith("journal ") for line in server.output.splitlines()) == 1, server.output
    listed = subprocess.run([sys.executable, "-m", "demo", "shows"], capture_output=True, text=True, check=True)
    assert listed.stdout.count("none-") >= 1
    assert listed.stderr == ""
