"""The journal: in order, on disk before it is told, picked up again; and the undo ledger."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from demo import events as e
from demo.errors import JournalError
from demo.journal import Journal
from demo.types import Plan

pytestmark = pytest.mark.anyio


def entry(seq: int, text: str = "x") -> e.Entry:
    return e.Entry(seq, 1000.0 + seq, "test", e.Said(f"{text}{seq}"))


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
    journal.keep([entry(1)])
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


async def test_a_killed_server_leaves_what_it_appended_and_no_lock(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from demo import events as e\nfrom demo.journal import Journal\nfrom demo.types import Plan\n"
        "async def main():\n"
        "    journal = Journal(Path(sys.argv[1]))\n"
        "    await journal.append([e.Entry(1, 1.0, 'test', e.Said('kept'))])\n"
        "    await journal.intend('kill', 1, Plan('process', 'node-2', {'pid': 7}))\n"
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
    first = await journal.intend("kill", 1, Plan("process", "node-2", {}))
    await journal.intend("pause", 1, Plan("redis", "redis", {}))
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
        "from demo import events as e\nfrom demo.errors import JournalError\nfrom demo.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "async def main():\n"
        "    journal = Journal(Path(sys.argv[1]))\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))\n"
        "    failed = 0\n"
        "    for seq in range(1, 201):\n"
        "        try:\n"
        "            await journal.append([e.Entry(seq, 1.0, 'test', e.Said('x' * 1000))])\n"
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
