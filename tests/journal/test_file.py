"""A journal whose file is removed, moved, replaced or cut short under a running show: written anew, or said."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.errors import JournalError
from demo.journal import Journal, note_healed
from demo.journal.library import JournalDirectory, JournalOpener
from demo.show import commands as c
from demo.show import create_initial_state
from demo.show import events as e
from demo.types import Plan
from demo.views.banners import banners
from tests.conductor.test_conductor import THREE, Switch, System, ask, playing, reached
from tests.support.marker import SUBJECT, marker
from tests.support.servers import serving
from tests.support.show_player import PLAIN

pytestmark = pytest.mark.anyio


def said(seq: int, size: int = 1) -> e.JournalEntry:
    return e.JournalEntry(seq, 1000.0 + seq, "test", e.Said(f"{seq} " + "x" * size))


def beside(path: Path) -> list[Path]:
    return [one for one in path.parent.iterdir() if one.name.startswith(path.name)]


def removed(path: Path) -> None:
    for one in beside(path):
        one.unlink()


def file_removed(path: Path) -> None:
    path.unlink()


def log_removed(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def index_removed(path: Path) -> None:
    Path(f"{path}-shm").unlink()


def lock_removed(path: Path) -> None:
    Path(f"{path}.lock").unlink()


def directory_removed(path: Path) -> None:
    shutil.rmtree(path.parent)


def moved(path: Path) -> None:
    path.rename(f"{path}.moved")


def cut_short(path: Path) -> None:
    os.truncate(path, 0)


REPAIRED = [
    removed,
    file_removed,
    log_removed,
    index_removed,
    lock_removed,
    directory_removed,
    moved,
    cut_short,
]

LIFE = """
import asyncio, os, signal, sys
from pathlib import Path
from demo.journal import Journal
from demo.types import Plan
from tests.journal import test_file as t

async def main():
    path = Path(sys.argv[1])
    journal = Journal(path)
    await journal.append([t.said(1), t.said(2)])
    await journal.record_undo("kill", 1, Plan("process", "node-2", {"pid": 7}))
    getattr(t, sys.argv[2])(path)
    await journal.append([t.said(3)])
    await journal.record_undo("pause", 1, Plan("redis", "redis", {}))
    await journal.append([t.said(4)])
    print(journal.durable_seq, len(journal.take_repairs()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.parametrize("damage", REPAIRED)
async def test_what_was_called_durable_outlives_a_kill_although_the_file_was_removed(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = tmp_path / "place" / "show"
    path.parent.mkdir()
    run = [sys.executable, "-c", LIFE, str(path), damage.__name__]
    done = subprocess.run(run, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (done.stdout.split(), done.returncode) == (["4", "1"], -9), done.stderr
    journal = Journal(path)
    assert [one.seq for one in await journal.read()] == [1, 2, 3, 4]
    assert [undo.fault for undo in await journal.pending()] == ["kill", "pause"]
    await journal.close()
    assert not any(one.name.endswith(".new") for one in beside(path))


async def test_a_journal_that_was_removed_is_back_and_still_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "show"
    journal = Journal(path)
    await journal.append([said(1)])
    removed(path)
    await journal.append(())
    [told] = journal.take_repairs()
    assert "was removed or moved away; it was repaired" in told
    assert journal.take_repairs() == []
    with pytest.raises(JournalError, match="in use by another demo"):
        Journal(path)
    assert path.stat().st_mode & 0o777 == 0o600
    await journal.close()
    again = Journal(path)
    assert (again.epoch, again.durable_seq) == (journal.epoch, 1)
    await again.close()


async def test_a_server_that_began_in_its_place_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "show"
    first = Journal(path)
    await first.append([said(1)])
    removed(path)
    second = Journal(path)
    await second.append([said(1)])
    with pytest.raises(JournalError, match="another file in its place: move that file away"):
        await first.append([said(2)])
    with pytest.raises(JournalError, match="another file in its place"):
        await first.record_undo("kill", 1, Plan("process", "node-2", {}))
    await second.append([said(2)])
    await second.close()
    with pytest.raises(JournalError, match="lacks its last 1 entries"):
        await first.close()
    left = Journal(path)
    assert (left.epoch, left.durable_seq) == (second.epoch, 2)
    await left.close()


def filled(path: Path) -> Journal:
    """One most of which is in the file itself, no longer in the log."""
    journal = Journal(path)
    journal.buffer([said(seq, 4000) for seq in range(1, 2001)])
    return journal


async def test_a_file_that_was_cut_short_beyond_repair_is_said_and_takes_no_undo(tmp_path: Path) -> None:
    path = tmp_path / "show"
    journal = filled(path)
    await journal.append(())
    os.truncate(path, 8192)
    for _ in range(2):
        with pytest.raises(JournalError, match=r"was cut short; it cannot be repaired: .*start with --fresh"):
            await journal.append([said(2001)])
        with pytest.raises(JournalError, match="was cut short"):
            await journal.record_undo("kill", 1, Plan("process", "node-2", {}))
    with pytest.raises(JournalError, match="lacks its last"):
        await journal.close()
    assert path.stat().st_size == 8192, "nothing was written over what is left"


async def test_a_file_that_another_journal_was_copied_over_is_said(tmp_path: Path) -> None:
    other = filled(tmp_path / "other")
    await other.append([said(2001, 8_000_000)])
    await other.close()
    path = tmp_path / "show"
    journal = filled(path)
    await journal.append(())
    shutil.copyfile(tmp_path / "other", path)
    with pytest.raises(JournalError, match="overwritten by another program: end this show, and start again"):
        await journal.append([said(2001)])
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="overwritten by another program"):
        await journal.append(())
    with pytest.raises(JournalError):
        await journal.close()


@pytest.mark.parametrize("continued", [False, True])
async def test_who_notes_a_heal_from_outside_leaves_the_log_of_a_running_show(tmp_path: Path, continued: bool) -> None:
    """A process that closes any descriptor of a file gives up its locks; the next one out throws the log away."""
    directory, show = JournalDirectory(tmp_path / "shows"), create_initial_state("T", "s", "d", PLAIN)
    titles = tuple(chapter.title for chapter in PLAIN)
    journal = JournalOpener("s", directory=directory).open(show)
    await journal.append([e.JournalEntry(1, 1.0, "test", e.ShowOpened("s", titles))])
    if continued:
        await journal.close()
        journal = JournalOpener("s", directory=directory).open(show)
    ident = await journal.record_undo("kill", 1, Plan("process", "node-2", {}))
    outside = (
        f"from demo.journal import note_healed; from pathlib import Path; note_healed(Path({str(journal.path)!r}),"
    )
    subprocess.run([sys.executable, "-c", f"{outside} {ident!r})"], check=True)
    assert f"{journal.path.name}-wal" in [one.name for one in beside(journal.path)]
    assert await journal.pending() == []
    await journal.append(())
    assert journal.take_repairs() == []
    await journal.close()


def test_a_show_whose_journal_was_replaced_says_so_on_every_screen_and_takes_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "show"
    with sqlite3.connect(tmp_path / "other") as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with serving(SUBJECT, "--journal", str(path), env=marker(tmp_path / "place")) as server:
        server.until(lambda state: state["seq"] > 0 and state["durable"])
        assert server.client.post("/chaos/break").status_code == 202
        server.until(lambda state: state["chaos"][0]["state"] == "active")
        (tmp_path / "other").replace(path)
        state = server.until(lambda state: not state["durable"])
        [line] = [line for line in state["log"] if "cannot be written" in line["text"]]
        assert f"the journal {path} has another file in its place: move that file away" in line["text"]
        for page in ("/", "/presenter", "/remote"):
            assert "The journal cannot be written" in server.client.get(page).text
        assert str(path) in server.client.get("/presenter").text
        assert str(path) not in server.client.get("/").text
        answer = server.client.post("/advance")
        assert (answer.status_code, answer.json()["durable"]) == (200, False)
        assert server.client.post("/heal").status_code == 202
        server.until(lambda state: state["chaos"][0]["state"] == "idle")
        refused = server.client.post("/chaos/break")
        assert (refused.status_code, refused.json()["code"]) == (503, "no_ledger")
        path.rename(tmp_path / "elsewhere")
        server.until(lambda state: state["durable"])
        assert server.client.post("/advance").json()["durable"]
        server.kill()
    with serving(SUBJECT, "--journal", str(path), env=marker(tmp_path / "place")) as again:
        assert again.until(lambda state: state["seq"] > 0)["progress"] == "[3/10]"


def test_noting_a_heal_in_a_journal_that_is_gone_makes_no_file(tmp_path: Path) -> None:
    note_healed(tmp_path / "gone", "x")
    assert list(tmp_path.iterdir()) == []


WITHOUT_LOCKS = """
import errno, fcntl, os, sys

def flock(descriptor, how):
    if "/chaos-stage-" in os.readlink(f"/proc/self/fd/{descriptor}"):
        return  # the temporary journal lies elsewhere
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

fcntl.flock = flock
sys.argv[0] = "demo"
from demo.cli.main import main
main()
"""


def ended(*args: str, program: str = "from demo.cli.main import main; main()") -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-c", program, "run", "none", *args]
    return subprocess.run(run, input="q\n", capture_output=True, text=True, check=False, timeout=120)


def test_a_journal_where_nobody_may_write_is_refused_with_what_to_do() -> None:
    done = ended("--journal", "/sys/show")
    assert done.returncode == 1
    said = done.stderr.removeprefix("demo: ")
    assert said.startswith("cannot use /sys/show as a journal: Permission denied: make /sys writable for your user, or")
    assert "name a file elsewhere with --journal" in said


def test_a_file_system_without_locks_is_not_taken_for_another_demo(tmp_path: Path) -> None:
    path = tmp_path / "show"
    done = ended("--journal", str(path), program=WITHOUT_LOCKS)
    assert done.returncode == 1
    assert f"cannot use {path} as a journal: No locks available (flock): its file system has no locks" in done.stderr
    assert "name a file on a local disk with --journal" in done.stderr
    kept = ended(program=WITHOUT_LOCKS)
    assert kept.returncode == 0
    assert "in use" not in kept.stdout + kept.stderr
    assert "its file system has no locks" in kept.stdout + kept.stderr


async def test_an_event_of_a_later_version_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "show"
    journal = Journal(path)
    await journal.append([said(1)])
    await journal.close()
    with sqlite3.connect(path) as db:
        db.execute("""INSERT INTO entries VALUES (2, 1.0, 'show', '{"type": "RoomJoined", "number": 7}')""")
    db.close()
    journal = Journal(path)
    with pytest.raises(JournalError) as raised:
        await journal.read()
    await journal.close()
    assert f"the journal {path}: entry 2" in str(raised.value)
    assert "'RoomJoined'" in str(raised.value)
    assert "update this program, or --fresh starts a new show and keeps the old file" in str(raised.value)


def test_a_show_in_a_temporary_journal_is_not_called_durable_and_takes_no_fault(tmp_path: Path) -> None:
    """Its undo would be found by nobody, should the watchdog be killed with the server."""
    (tmp_path / "state").write_text("a file in the way")
    with serving(SUBJECT, env=marker(tmp_path / "place"), state_home=tmp_path / "state") as server:
        state = server.until(lambda state: state["seq"] > 0)
        assert not state["durable"]
        assert any("name a file with --journal" in line["text"] for line in state["log"])
        for page in ("/", "/presenter"):
            assert "The show is not saved" in server.client.get(page).text
        answer = server.client.post("/advance")
        assert (answer.status_code, answer.json()["progress"], answer.json()["durable"]) == (200, "[2/10]", False)
        refused = server.client.post("/chaos/break")
        assert (refused.status_code, refused.json()["code"]) == (503, "no_ledger")
        assert "--journal" in refused.json()["detail"]
        assert not (tmp_path / "place" / "broken").exists()


async def test_a_program_that_asks_for_no_journal_has_no_banner_and_may_break_things() -> None:
    system = System()
    async with playing(THREE, Switch(system), system=system) as conductor:
        assert not conductor.state.durable
        assert banners(conductor.state, private=True) == ()
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
    assert system.up
