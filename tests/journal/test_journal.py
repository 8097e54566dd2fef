"""The journal: in order, on disk before it is told, picked up again; and the undo ledger."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from demo.errors import JournalError
from demo.journal import MAX_UNWRITTEN, Journal
from demo.journal.library.inspect import summarize
from demo.show import events as e
from demo.types import Plan
from tests.support.servers import wait_for

pytestmark = pytest.mark.anyio


def entry(seq: int, text: str = "x") -> e.JournalEntry:
    return e.JournalEntry(seq, 1000.0 + seq, "test", e.Said(f"{text}{seq}"))


async def test_what_was_appended_is_read_in_order_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "show.journal"
    journal = Journal(path)
    await journal.append([entry(1), entry(2)])
    await journal.append([entry(3)])
    epoch = journal.epoch
    await journal.close()
    again = Journal(path)
    assert again.epoch == epoch
    assert await again.read() == [entry(1), entry(2), entry(3)]
    assert await again.read(after=2) == [entry(3)]
    assert await again.read(limit=1) == [entry(1)]
    await again.close()


async def test_entries_that_wait_are_read_and_are_written_before_later_ones(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.buffer([entry(1)])
    assert await journal.read() == [entry(1)]
    await journal.append([entry(2)])
    with sqlite3.connect(tmp_path / "j") as db:
        assert [row[0] for row in db.execute("SELECT seq FROM entries ORDER BY seq")] == [1, 2]
    db.close()
    await journal.close()


async def test_a_second_server_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    with pytest.raises(JournalError, match="in use by another demo"):
        Journal(tmp_path / "j")
    await journal.close()
    await Journal(tmp_path / "j").close()


def names(place: Path) -> list[str]:
    return sorted(one.name for one in place.iterdir())


async def test_a_journal_reached_through_a_link_has_the_same_lock_and_the_same_log(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "j")
    (tmp_path / "beside").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    journal = Journal(tmp_path / "elsewhere" / "j")
    await journal.append([entry(1)])
    for name in ("link", "beside/j"):
        assert summarize(tmp_path / name).in_use
        assert summarize(tmp_path / name).events == 1
        with pytest.raises(JournalError, match="in use by another demo"):
            Journal(tmp_path / name)
    await journal.close()
    through = Journal(tmp_path / "link")
    with pytest.raises(JournalError, match="in use by another demo"):
        Journal(tmp_path / "elsewhere" / "j")
    await through.close()
    assert names(tmp_path) == ["beside", "elsewhere", "link"], "no lock and no log beside the link"


async def test_an_entry_of_somebody_else_under_our_number_is_an_error_and_our_own_is_not(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    await journal.append([entry(1)])
    with sqlite3.connect(tmp_path / "j") as db:
        db.execute("INSERT INTO entries VALUES (2, 1002.0, 'test', ?)", (json.dumps(e.to_json(e.Said("x2"))),))
    db.close()
    await journal.append([entry(2), entry(3)])
    assert journal.durable_seq == 3, "a commit that came through is not made twice"
    with sqlite3.connect(tmp_path / "j") as db:
        db.execute("INSERT INTO entries VALUES (5, 1.0, 'another', '{}')")
    db.close()
    with pytest.raises(JournalError, match="has a different entry 5: another server writes to it"):
        await journal.append([entry(4), entry(5)])
    assert journal.durable_seq == 3
    with pytest.raises(JournalError, match="lacks its last 2 entries, from 4 on"):
        await journal.close()


async def test_a_killed_server_leaves_what_it_appended_and_no_lock(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from demo.show import events as e\nfrom demo.journal import Journal\nfrom demo.types import Plan\n"
        "async def main():\n"
        "    journal = Journal(Path(sys.argv[1]))\n"
        "    await journal.append([e.JournalEntry(1, 1.0, 'test', e.Said('kept'))])\n"
        "    await journal.record_undo('kill', 1, Plan('process', 'node-2', {'pid': 7}))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "j")], check=False)
    assert done.returncode == -9
    journal = Journal(tmp_path / "j")
    assert [one.event for one in await journal.read()] == [e.Said("kept")]
    assert [(undo.fault, undo.plan.undo) for undo in await journal.pending()] == [("kill", {"pid": 7})]
    await journal.close()


async def test_an_undo_is_pending_until_it_is_marked_healed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    first = await journal.record_undo("kill", 1, Plan("process", "node-2", {}))
    await journal.record_undo("pause", 1, Plan("redis", "redis", {}))
    await journal.mark(first, "applied")
    assert [(undo.fault, undo.state) for undo in await journal.pending()] == [
        ("kill", "applied"),
        ("pause", "intended"),
    ]
    await journal.mark(first, "healed")
    assert [undo.fault for undo in await journal.pending()] == ["pause"]
    await journal.close()


async def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, not a journal, " * 100)
    with pytest.raises(JournalError, match="as a journal"):
        Journal(path)
    assert path.read_text().startswith("my notes")


async def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    await Journal(tmp_path / "j").close()
    with sqlite3.connect(tmp_path / "j") as db:
        db.execute("UPDATE show SET version = 99")
    db.close()
    with pytest.raises(JournalError, match="format 99"):
        Journal(tmp_path / "j")


async def test_without_a_path_nothing_is_left_behind() -> None:
    journal = Journal()
    place = journal.path.parent
    await journal.append([entry(1)])
    await journal.close()
    assert not place.exists()


async def test_a_disk_that_fills_up_loses_nothing_that_it_can_write_later(tmp_path: Path) -> None:
    """The file-size limit of the process stands in for a full disk: both end in a failed write."""
    script = (
        "import asyncio, resource, signal, sys\n"
        "from pathlib import Path\n"
        "from demo.show import events as e\nfrom demo.errors import JournalError\nfrom demo.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "async def main():\n"
        "    journal = Journal(Path(sys.argv[1]))\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))\n"
        "    failed = 0\n"
        "    for seq in range(1, 201):\n"
        "        try:\n"
        "            await journal.append([e.JournalEntry(seq, 1.0, 'test', e.Said('x' * 1000))])\n"
        "        except JournalError:\n"
        "            failed += 1\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "    await journal.append(())\n"
        "    print(failed, [one.seq for one in await journal.read()] == list(range(1, 201)))\n"
        "    await journal.close()\n"
        "asyncio.run(main())\n"
    )
    run = [sys.executable, "-c", script, str(tmp_path / "j")]
    done = subprocess.run(run, check=True, capture_output=True, text=True, env=dict(os.environ))
    failed, complete = done.stdout.split()
    assert int(failed) > 0
    assert complete == "True"


class Unwritable:
    """What JSON does not know."""


async def test_an_event_that_json_cannot_hold_is_refused_and_the_rest_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    loop: dict[str, Any] = {}
    loop["self"] = loop
    journal.buffer([entry(1)])
    for held in (Unwritable(), loop, {1: {(2, 3): 4}}):
        odd = e.JournalEntry(3, 1.0, "test", e.HealthSampled({"odd": held}, 1.0))
        with pytest.raises(JournalError, match="entry 3"):
            journal.buffer([entry(2), odd])
        with pytest.raises(JournalError, match="entry 3"):
            await journal.append([entry(2), odd])
    with pytest.raises(JournalError, match="the undo of kill"):
        await journal.record_undo("kill", 1, Plan("process", "node-2", {"pid": Unwritable()}))
    await journal.append([entry(2)])
    assert await journal.read() == [entry(1), entry(2)]
    await journal.close()


async def test_what_utf8_cannot_hold_is_a_journal_error_and_spoils_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    with pytest.raises(JournalError, match="entry 1"):
        journal.buffer([e.JournalEntry(1, 1.0, "\ud800", e.Said("x"))])
    with pytest.raises(JournalError, match="cannot be used"):
        await journal.record_undo("kill", 1, Plan("process", "\ud800", {}))
    said = e.JournalEntry(1, 1.0, "test", e.Said("\ud800"))
    await journal.append([said])
    assert await journal.read() == [said]
    await journal.close()


def test_somebody_elses_database_is_refused_and_left_byte_for_byte_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, at REAL, who TEXT, data TEXT)")
        db.execute("PRAGMA application_id = 7")
    db.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="another program"):
        Journal(path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["theirs.db"]


async def test_a_short_file_and_a_pipe_are_no_journals_and_an_empty_file_becomes_one(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    for name in ("short", "pipe"):
        with pytest.raises(JournalError, match="as a journal"):
            Journal(tmp_path / name)
    (tmp_path / "empty").touch()
    await Journal(tmp_path / "empty").close()
    await Journal(tmp_path / "empty").close()


async def test_the_last_number_on_disk_is_known_at_any_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert journal.durable_seq == 0
    journal.buffer([entry(1), entry(2)])
    assert journal.durable_seq == 0
    await journal.append([entry(3)])
    assert journal.durable_seq == 3
    await journal.close()
    again = Journal(tmp_path / "j")
    assert again.durable_seq == 3
    await again.close()


async def test_of_too_many_entries_in_memory_only_health_samples_are_given_up(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    moves = [entry(seq) for seq in range(1, 5001, 1000)]
    at = {one.seq: one for one in moves}
    for seq in range(1, MAX_UNWRITTEN + 2):
        journal.buffer([at.get(seq) or e.JournalEntry(seq, 1.0, "poller", e.HealthSampled({}, 1.0))])
    assert await journal.read() == moves
    await journal.append([entry(MAX_UNWRITTEN + 2)])
    assert [one.seq for one in await journal.read()] == [*at, MAX_UNWRITTEN + 2]
    await journal.close()


async def test_a_disk_that_hangs_holds_up_neither_the_close_nor_what_is_in_memory(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    await journal.append([entry(1)])
    hangs = threading.Event()
    journal._thread.submit(hangs.wait)
    journal.buffer([entry(2), entry(3)])
    async with asyncio.timeout(5):
        assert await journal.read(after=1) == [entry(2), entry(3)]
        with pytest.raises(JournalError, match=r"its last 2 entries, from 2 on: the disk does not answer"):
            await journal.close(timeout_sec=0.05)
        await journal.close()
        with pytest.raises(JournalError, match="closed"):
            await journal.append(())
    with pytest.raises(JournalError, match="in use"):
        Journal(tmp_path / "j")
    hangs.set()
    again = wait_for(lambda: reopened(tmp_path / "j"))
    assert [one.seq for one in await again.read()] == [1, 2, 3], "a disk that answers after all is written to"
    await again.close()


def reopened(path: Path) -> Journal | None:
    try:
        return Journal(path)
    except JournalError:
        return None


def test_a_disk_that_hangs_does_not_hold_up_the_end_of_the_process(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys, threading\n"
        "from pathlib import Path\n"
        "from demo.errors import JournalError\nfrom demo.journal import Journal\n"
        "async def main():\n"
        "    journal = Journal(Path(sys.argv[1]))\n"
        "    journal._thread.submit(threading.Event().wait)\n"
        "    try:\n"
        "        await journal.close(timeout_sec=0.05)\n"
        "    except JournalError:\n"
        "        print('given up')\n"
        "asyncio.run(main())\n"
    )
    run = [sys.executable, "-c", script, str(tmp_path / "j")]
    done = subprocess.run(run, check=True, capture_output=True, text=True, timeout=20)
    assert done.stdout == "given up\n"
