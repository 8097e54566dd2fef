"""Shows that are kept without being asked to, with real servers: going on, starting anew, and `demo shows`."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from demo.journal import Journal
from demo.show import events as e
from tests.support.demo_command import run_demo
from tests.support.marker import SUBJECT, marker
from tests.support.servers import Server, script, serving

Serve = Callable[..., Server]


@pytest.fixture
def serve(state_home: Path) -> Iterator[Serve]:
    """Servers that share one shelf, as those of one user do."""
    with ExitStack() as stack:

        def begin(*args: str, **more: Any) -> Server:
            server = stack.enter_context(serving(*args, state_home=state_home, **more))
            server.until(lambda state: state["seq"] > 0)
            return server

        yield begin


def demo(*args: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return run_demo(*args, env=dict(os.environ) | env, limit=30)


def shows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(demo("shows", "--json").stdout)
    return found


def test_a_killed_show_goes_on_by_itself_and_says_where(serve: Serve) -> None:
    server = serve("none")
    assert server.client.post("/goto/3").status_code == 200
    epoch = server.state()["epoch"]
    server.kill_with_watchdog()
    again = serve("none")
    state = again.state()
    assert (state["progress"], state["epoch"]) == ("[3/5]", epoch)
    assert again.stop() == 0
    line = next(line for line in again.output.splitlines() if line.startswith("continued"))
    assert line.startswith("continued  chapter 3 of 5, begun ")
    assert line.endswith(" s ago (for a new show: --fresh)")


SLOW_TO_READ = """
import asyncio
from demo.cli.main import main
from demo.journal import Journal
read = Journal.read
async def slowly(self, *where):
    await asyncio.sleep(1)
    return await read(self, *where)
Journal.read = slowly
main()
"""


def test_no_page_shows_another_chapter_while_a_long_journal_is_read(serve: Serve, tmp_path: Path) -> None:
    args = ["--no-open", "--port", "0", "--journal", str(tmp_path / "show")]
    server = serve("none", *args)
    server.client.post("/goto/3")
    server.kill_with_watchdog()
    with serving(program=[*script(tmp_path / "slow.py", SLOW_TO_READ), "serve", "none", *args]) as again:
        assert again.state()["progress"] == "[3/5]", "the first answer of all"
        assert "Many hands" in again.client.get("/").text


def test_a_journal_that_cannot_be_loaded_is_told_before_anything_is_served(tmp_path: Path) -> None:
    entries = [e.JournalEntry(1, 1.0, "show", e.ShowOpened("none", ("another", "deck")))]

    async def keep() -> None:
        journal = Journal(tmp_path / "show")
        await journal.append(entries)
        await journal.close()

    asyncio.run(keep())
    done = demo("serve", "none", "--no-open", "--port", "0", "--journal", str(tmp_path / "show"))
    assert done.returncode == 1
    assert "belongs to another deck" in done.stderr
    assert done.stdout == "", "no welcome to a show that there is not"


def test_a_show_that_came_to_its_end_is_over(serve: Serve) -> None:
    server = serve("none")
    for _ in range(4):
        server.client.post("/advance")
    assert server.stop(signal.SIGINT) == 0
    assert [show["state"] for show in shows()] == ["ended"]
    again = serve("none")
    assert again.state()["progress"] == "[1/5]"
    again.stop()
    assert "continued" not in again.output


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_lost_terminal_on_the_last_chapter_is_no_end(serve: Serve, number: signal.Signals) -> None:
    server = serve("none")
    server.client.post("/goto/5")
    assert server.stop(number) == 0
    assert serve("none").state()["progress"] == "[5/5]"


def test_who_went_back_from_the_last_chapter_is_still_presenting(serve: Serve) -> None:
    server = serve("none")
    for step in ("/goto/5", "/goto/2"):
        assert server.client.post(step).status_code == 200
    assert server.stop(signal.SIGINT) == 0
    assert serve("none").state()["progress"] == "[2/5]"


def test_a_crash_on_the_last_chapter_is_no_end(serve: Serve) -> None:
    server = serve("none")
    server.client.post("/goto/5")
    server.kill_with_watchdog()
    assert serve("none").state()["progress"] == "[5/5]"


def test_a_second_server_has_a_show_of_its_own(serve: Serve) -> None:
    first, second = serve("none"), serve("none")
    first.client.post("/advance")
    assert second.state()["progress"] == "[1/5]"
    assert first.state()["epoch"] != second.state()["epoch"]
    assert [show["state"] for show in shows()] == ["in use", "in use"]


def test_fresh_begins_anew(serve: Serve) -> None:
    server = serve("none")
    server.client.post("/advance")
    server.kill_with_watchdog()
    assert serve("none", "--fresh").state()["progress"] == "[1/5]"
    assert sorted(show["state"] for show in shows()) == ["ended", "in use"]


def test_a_show_in_a_terminal_is_kept_and_goes_on_too(state_home: Path) -> None:
    command = [sys.executable, "-m", "demo", "run", "none"]
    for keys, says in (("next\nq\n", "[2/5]"), ("q\n", "continued  chapter 2 of 5, begun ")):
        done = subprocess.run(command, input=keys, capture_output=True, text=True, check=True, timeout=30)
        assert says in done.stdout
    assert [show["chapter"] for show in shows()] == [2]


@pytest.mark.parametrize(("keys", "state"), [("end\nq\n", "ended"), ("end\n", "continues next")])
def test_in_a_terminal_q_ends_a_show_on_its_last_chapter_and_the_end_of_the_input_does_not(
    state_home: Path, keys: str, state: str
) -> None:
    command = [sys.executable, "-m", "demo", "run", "none"]
    done = subprocess.run(command, input=keys, capture_output=True, text=True, check=True, timeout=30)
    assert "[5/5]" in done.stdout
    assert [show["state"] for show in shows()] == [state]


def test_a_state_directory_that_cannot_be_written_is_said_and_the_show_goes_on(serve: Serve, tmp_path: Path) -> None:
    server = serve("none", env={"XDG_STATE_HOME": "/dev/null"})
    state = server.until(lambda state: any("a crash would lose it" in line["text"] for line in state["log"]))
    assert not state["durable"]
    assert server.client.post("/advance").json()["progress"] == "[2/5]"
    assert server.stop() == 0
    assert sum(line.startswith("journal ") for line in server.output.splitlines()) == 1
    assert "Traceback" not in server.output


# Nothing stays broken.


@pytest.mark.parametrize("named", [False, True])
def test_what_a_killed_server_broke_is_healed_by_the_fresh_show_before_its_first_command(
    serve: Serve, tmp_path: Path, named: bool
) -> None:
    place = tmp_path / "place"
    env = marker(place)
    args = [SUBJECT, *(["--journal", str(tmp_path / "show")] if named else [])]
    server = serve(*args, env=env)
    assert server.client.post("/chaos/break").status_code == 202
    server.until(lambda state: state["chaos"][0]["state"] == "active")
    server.kill_with_watchdog()
    assert (place / "broken").exists()
    again = serve(*args, "--fresh", env=env)
    assert again.client.post("/advance").json()["progress"] == "[2/10]"
    assert not (place / "broken").exists(), "healed before the first command was carried out"
    assert (place / "heals").read_text() == "heal\n"
    assert again.stop() == 0
    assert "it is healed before this show begins" in again.output
    third = serve(*args, env=env)
    third.client.post("/advance")
    assert (place / "heals").read_text() == "heal\n", "what was taken over and healed is not healed again"


KILLED_BETWEEN = """
import os, signal
import demo.journal.library.undo_transfer as handover
handover.mark_moved = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from demo.cli.main import main
main()
"""


def test_a_kill_between_the_two_ledgers_forgets_no_undo_and_heals_once(serve: Serve, tmp_path: Path) -> None:
    place = tmp_path / "place"
    env = marker(place)
    server = serve(SUBJECT, env=env)
    server.client.post("/chaos/break")
    server.until(lambda state: state["chaos"][0]["state"] == "active")
    server.kill_with_watchdog()
    command = [*script(tmp_path / "killed.py", KILLED_BETWEEN), "serve", SUBJECT, "--no-open", "--port", "0", "--fresh"]
    assert subprocess.run(command, env=dict(os.environ) | env, check=False, timeout=30).returncode == -9
    assert (place / "broken").exists()
    assert [show["undos"] for show in shows()] == [1, 1], "in both, in none is what must not be"
    again = serve(SUBJECT, env=env)
    assert again.client.post("/advance").json()["progress"] == "[2/10]"
    assert (place / "heals").read_text() == "heal\n"
    assert [show["undos"] for show in shows()] == [0, 0]


@pytest.mark.system
def test_a_node_killed_in_a_show_that_was_killed_too_is_accounted_for(serve: Serve) -> None:
    server = serve("ratelimiter")
    server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
    assert server.client.post("/chaos/kill-node").status_code == 202
    server.until(lambda state: state["chaos"][0]["state"] == "active")
    server.kill_with_watchdog()
    assert [show["undos"] for show in shows()] == [1]
    again = serve("ratelimiter", "--fresh")
    again.until(lambda state: any("was healed" in line["text"] for line in state["log"]), 30)
    again.stop()
    assert [show["undos"] for show in shows()] == [0, 0]


# `demo shows`.


def test_no_shows_are_said() -> None:
    done = demo("shows")
    assert done.returncode == 0
    assert done.stdout.startswith("no shows in ")
    assert demo("shows", "--json").stdout.strip() == "[]"


def test_shows_lists_what_there_is(serve: Serve, tmp_path: Path) -> None:
    server = serve("none")
    server.client.post("/goto/4")
    lines = demo("shows").stdout.splitlines()
    assert lines[0].split() == ["NAME", "SUBJECT", "BEGUN", "LAST", "ACTIVITY", "CHAPTER", "EVENTS", "SIZE", "STATE"]
    assert "4 of 5" in lines[1]
    assert lines[1].endswith("in use")
    server.kill_with_watchdog()
    env = marker(tmp_path / "place")
    broken = serve(SUBJECT, env=env)
    broken.client.post("/chaos/break")
    broken.until(lambda state: state["chaos"][0]["state"] == "active")
    broken.kill_with_watchdog()
    listed = {show["subject"]: show for show in shows()}
    assert listed["none"]["state"] == "continues next"
    assert listed["marker"]["state"] == "continues next, undo pending"
    assert (listed["none"]["chapter"], listed["none"]["chapters"]) == (4, 5)


def test_removing_names_what_it_removes_and_refuses_what_it_must(serve: Serve, tmp_path: Path) -> None:
    used = serve("none")
    in_use = shows()[0]["name"]
    done = demo("shows", "--remove", in_use)
    assert (done.returncode, done.stderr) == (1, f"demo: {in_use} is in use: end that show first\n")
    used.client.post("/goto/5")
    assert used.stop(signal.SIGINT) == 0
    broken = serve(SUBJECT, env=marker(tmp_path / "place"))
    broken.client.post("/chaos/break")
    broken.until(lambda state: state["chaos"][0]["state"] == "active")
    broken.kill_with_watchdog()
    pending = next(show["name"] for show in shows() if show["undos"])
    done = demo("shows", "--remove", pending, "--remove-ended")
    assert done.returncode == 1
    assert "still has an undo" in done.stderr
    assert done.stderr.endswith(f"removed: {in_use}\n")
    assert demo("shows", "--remove", pending, "--force").stdout == f"removed: {pending}\n"
    assert shows() == []
    place = Path(os.environ["XDG_STATE_HOME"]) / "chaos-stage" / "shows"
    assert list(place.iterdir()) == [], "what lay beside them is gone too"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "nothing", ""])
def test_a_name_that_is_none_removes_nothing(name: str) -> None:
    done = demo("shows", "--remove", name)
    assert done.returncode == 1
    assert f"there is no show {name!r}" in done.stderr
    assert "Traceback" not in done.stderr
