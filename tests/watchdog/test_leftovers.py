"""What shows of other decks have left: who heals it, and what keeps a start from healing it."""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.journal import Healer, Journal, healer_table
from demo.journal.library import JournalDirectory
from demo.journal.library.leftovers import WATCHDOG_LOCK, read_leftover
from demo.types import Plan
from demo.watchdog import heal_other_shows
from demo.watchdog.heal_other_shows import heal_leftovers
from demo.watchdog.process import WATCHDOG_LOCK as LOCK_OF_THE_WATCHDOG

SUBJECT = """\
from pathlib import Path

from demo.subjects.none import NoSystem
from demo.types import ChaosConfig, ChaosType


class Driver:
    config = ChaosConfig("mess", ChaosType.CONTAINER_KILL, "file")
    observable = "a file is there"
    target = "file"

    async def plan(self):
        raise NotImplementedError

    async def inject(self, plan):
        raise NotImplementedError

    def is_seen(self, health, since):
        return False

    async def heal(self, plan):
        with Path(plan.undo["log"]).open("a") as log:
            print("heal", file=log)
        Path(plan.target).unlink(missing_ok=True)

    async def is_healed(self, plan):
        return not Path(plan.target).exists()


class Messy(NoSystem):
    faults = (Driver(),)
"""


class Shelf:
    """A directory of journals, with one fault that a show of a Python class has left in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken = folder / "broken"
        self.log = folder / "log"
        (folder / "messy_subject.py").write_text(SUBJECT)
        self.directory = JournalDirectory()
        self.directory.prepare()
        self.said: list[tuple[str, bool]] = []

    async def leave(self, *, state: str = "applied", late_sec: float = 30.0, **healer: Any) -> tuple[Journal, str]:
        """Break something in a journal whose server still has it: the caller closes it."""
        journal = Journal(self.directory.begin("messy"))
        made = Healer(**{"subject": "messy_subject:Messy", "options": {}, "folder": str(self.folder), **healer})
        journal.healer = lambda: made
        plan = Plan("mess", str(self.broken), {"log": str(self.log)}, f"rm {self.broken}", late_sec)
        ident = await journal.record_undo("mess", 1, plan)
        if state == "applied":
            await journal.mark(ident, "applied")
        self.broken.touch()
        return journal, ident

    async def heal(self) -> list[str]:
        await heal_leftovers(self.folder / "own.journal", lambda text, good: self.said.append((text, good)))
        return [text for text, _ in self.said]

    @property
    def heals(self) -> int:
        return self.log.read_text().count("heal") if self.log.exists() else 0


@pytest.fixture
def shelf(tmp_path: Path, state_home: Path) -> Shelf:
    return Shelf(tmp_path)


def run(work: Callable[[], Any]) -> Any:
    return asyncio.run(work())


def test_the_class_of_another_show_heals_what_it_has_left_once(shelf: Shelf) -> None:
    async def work() -> None:
        journal, _ = await shelf.leave()
        await journal.close()
        assert await shelf.heal() == [f"mess, left by the show {journal.path.stem}, was healed"]
        assert not shelf.broken.exists()
        assert read_leftover(journal.path) is None
        shelf.said.clear()
        assert await shelf.heal() == []
        assert shelf.heals == 1

    run(work)


def test_a_journal_whose_server_lives_is_left_alone(shelf: Shelf) -> None:
    async def work() -> None:
        journal, _ = await shelf.leave()
        assert await shelf.heal() == []
        assert shelf.broken.exists()
        await journal.close()

    run(work)


def test_an_injection_that_was_interrupted_is_healed_again_once_nothing_of_it_can_come_late(shelf: Shelf) -> None:
    async def work() -> None:
        journal, _ = await shelf.leave(state="intended", late_sec=4.0)
        await journal.close()
        began = time.monotonic()
        assert await shelf.heal() == [f"mess, left by the show {journal.path.stem}, was healed"]
        assert time.monotonic() - began > 1.0
        assert shelf.heals == 2

    run(work)


def test_what_a_watchdog_is_healing_is_waited_for(shelf: Shelf) -> None:
    assert LOCK_OF_THE_WATCHDOG == WATCHDOG_LOCK

    async def work() -> None:
        journal, _ = await shelf.leave()
        await journal.close()
        lock = os.open(f"{journal.path}{WATCHDOG_LOCK}", os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_SH)
        healing = asyncio.ensure_future(shelf.heal())
        assert not (await asyncio.wait({healing}, timeout=3 * heal_other_shows.CHECK_INTERVAL_SEC))[0]
        assert shelf.heals == 0
        os.close(lock)
        assert (await healing)[0].endswith("was healed")

    run(work)


@pytest.mark.parametrize(
    ("healer", "why"),
    [
        ({"subject": "no_such_module:Messy"}, "there is no module 'no_such_module'"),
        ({"subject": "not-installed"}, "not-installed"),
        ({"folder": "/no/such/folder"}, "its folder /no/such/folder is gone"),
        ({"machine": "another"}, "it was injected on another machine"),
        ({"options": {"no_such_option": 1}}, "does not take these"),
    ],
)
def test_what_cannot_be_healed_is_said_with_the_command_to_type_and_stays_pending(
    shelf: Shelf, healer: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine_id = shelf.folder / "machine-id"
    machine_id.write_text("here")
    monkeypatch.setattr(healer_table, "MACHINE_ID", machine_id)

    async def work() -> None:
        journal, ident = await shelf.leave(**healer)
        await journal.close()
        (text,) = await shelf.heal()
        assert why in text
        assert f"By hand: rm {shelf.broken}" in text
        assert shelf.said == [(text, False)]
        found = read_leftover(journal.path)
        assert found is not None
        assert [undo.id for undo in found.undos] == [ident]

    run(work)


def test_a_journal_of_an_earlier_version_and_a_damaged_one_are_said(shelf: Shelf) -> None:
    async def work() -> None:
        journal, _ = await shelf.leave()
        journal.healer = lambda: None
        await journal._run_in_thread(lambda: journal._execute_synced("DROP TABLE healer", ()))
        await journal.close()
        damaged = shelf.directory.begin("damaged")
        damaged.write_bytes(journal.path.read_bytes()[:1000])
        said = await shelf.heal()
        assert any(
            "an earlier version of this program wrote its journal; start that show once" in text for text in said
        )
        assert any(f"demo shows --remove {damaged.stem} --force" in text for text in said)
        assert shelf.broken.exists()

    run(work)
