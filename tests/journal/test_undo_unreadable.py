"""One row of the undo ledger that cannot be read: put aside, said, started, and never copied on."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from demo.journal import Journal
from demo.journal.library.inspect import summarize
from demo.types import Plan
from tests.support.demo_command import run_demo
from tests.support.lamp import LAMP, inject
from tests.support.servers import serving

pytestmark = pytest.mark.anyio

BROKEN = {
    "half of it": ("undo", "'{'"),
    "a list": ("undo", "'[1]'"),
    "null": ("undo", "'null'"),
    "a number": ("undo", "7"),
    "bytes": ("undo", "x'ff00'"),
    "bytes as text": ("undo", "CAST(x'7b7dff' AS TEXT)"),
    "a target of bytes": ("target", "CAST(x'ff' AS TEXT)"),
    "no time": ("late", "'soon'"),
    "endless": ("late", "9e999"),
    "no run": ("run", "'first'"),
    "no moment": ("at", "'once'"),
}


async def ledger(path: Path, column: str, value: str) -> None:
    """Two undos that wait, the second one damaged."""
    journal = Journal(path)
    for fault in ("whole", "torn"):
        await journal.record_undo(fault, 1, Plan("dark", f"the {fault} lamp", {"file": "f"}, manual=f"rm {fault}"))
    await journal.close()
    alter(path, f"UPDATE undos SET {column} = {value} WHERE fault = 'torn'")


def alter(path: Path, change: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(change)


@pytest.mark.parametrize("damage", BROKEN)
async def test_the_other_undos_are_read_and_the_damaged_one_is_put_aside_and_kept(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "show"
    await ledger(path, *BROKEN[damage])
    journal = Journal(path)
    assert [undo.fault for undo in await journal.pending()] == ["whole"]
    assert set(await journal.newest()) == {"whole"}
    (torn,) = await journal.unreadable()
    assert (torn.fault, torn.manual, torn.is_new) == ("torn", "rm torn", True)
    await journal.set_aside([torn])
    (kept,) = await journal.unreadable()
    assert not kept.is_new
    await journal.close()
    found = summarize(path)
    assert (found.trouble, found.undos, found.unreadable) == ("", 1, 1)


def demo(home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the shelf of this place."""
    return run_demo(*args, env=dict(os.environ) | {"XDG_STATE_HOME": str(home)}, cwd=home)


def left_broken(home: Path) -> Path:
    """A show on the shelf whose server was killed with a fault in place, and whose undo was damaged; its journal."""
    (home / "lamp.py").write_text(LAMP)
    with serving("lamp:Lamp", cwd=home, state_home=home) as server:
        inject(server, home)
        server.kill_with_watchdog()
    (journal,) = home.rglob("*.journal")
    alter(journal, "UPDATE undos SET undo = '{'")
    return journal


def shows(home: Path) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(demo(home, "shows", "--json").stdout)}


def test_a_show_with_an_undo_that_cannot_be_read_starts_and_says_what_to_do_by_hand(tmp_path: Path) -> None:
    left_broken(tmp_path)
    for _ in range(2):
        with serving("lamp:Lamp", cwd=tmp_path, state_home=tmp_path) as server:
            state = server.until(lambda state: state["chaos"][0]["state"] == "failed")
            text = "the undo of dark on the lamp cannot be read and was set aside: it is not healed automatically."
            assert state["chaos"][0]["error"] == f"{text} By hand: rm dark"
            assert [line["text"] for line in state["log"]].count(f"{text} By hand: rm dark") == 1
            assert "rm dark" in server.client.get("/presenter").text
            assert server.client.post("/advance").status_code in (200, 409), "the show plays"
    (one,) = shows(tmp_path).values()
    assert one["unreadable_undos"] == 1
    assert "undo unreadable" in one["state"]


def test_a_fresh_show_says_it_once_leaves_it_where_it_is_and_is_whole_itself(tmp_path: Path) -> None:
    old = left_broken(tmp_path)
    with serving("lamp:Lamp", "--fresh", cwd=tmp_path, state_home=tmp_path) as server:
        state = server.until(lambda state: any("cannot be read" in line["text"] for line in state["log"]))
        assert state["chaos"][0]["state"] == "idle"
        said = f"{old.stem}: the undo of dark on the lamp cannot be read and was set aside"
        assert said in server.read_output()
        assert "By hand: rm dark" in server.read_output()
    found = shows(tmp_path)
    assert {name: (one["undos"], one["unreadable_undos"]) for name, one in found.items()} == {
        name: (0, int(name == old.stem)) for name in found
    }
    assert len(found) == 2
    with serving("lamp:Lamp", "--fresh", cwd=tmp_path, state_home=tmp_path) as again:
        assert "cannot be read" not in again.read_output(), (
            "it was said when it was put aside, and stands in `demo shows`"
        )
    removed = demo(tmp_path, "shows", "--remove", old.stem)
    assert removed.returncode != 0
    assert "has an undo that cannot be read" in removed.stdout + removed.stderr
    assert demo(tmp_path, "shows", "--remove", old.stem, "--force").returncode == 0


def test_a_named_journal_begun_afresh_leaves_it_in_the_one_that_was_moved_aside(tmp_path: Path) -> None:
    (tmp_path / "lamp.py").write_text(LAMP)
    journal = tmp_path / "show.journal"
    options = ("lamp:Lamp", "--journal", str(journal))
    with serving(*options, cwd=tmp_path, state_home=tmp_path) as server:
        inject(server, tmp_path)
        server.kill_with_watchdog()
    alter(journal, "UPDATE undos SET undo = '[1]'")
    with serving(*options, "--fresh", cwd=tmp_path, state_home=tmp_path) as server:
        assert "By hand: rm dark" in server.read_output()
        assert server.state()["chaos"][0]["state"] == "idle"
    assert summarize(journal).unreadable == 0
    assert summarize(Path(f"{journal}.1")).unreadable == 1
