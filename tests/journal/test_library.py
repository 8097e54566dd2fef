"""The directory: which journal a show goes on in, what is said, what is taken over, and what is taken away."""

import contextlib
import errno
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from demo.errors import JournalError
from demo.journal import Journal
from demo.journal.library import JournalDirectory, JournalOpener
from demo.journal.library.directory import MAX_ENDED, continues_next, key, key_of, remove
from demo.journal.library.inspect import JournalSummary, summarize
from demo.journal.library.undo_transfer import list_set_aside, move_aside
from demo.journal.sqlite_file import APPLICATION_ID, open_file
from demo.show import ShowState, create_initial_state
from demo.show import events as e
from demo.types import Chapter, Plan

pytestmark = pytest.mark.anyio

TITLES = ("one", "two", "three")


@pytest.fixture
def directory(tmp_path: Path) -> JournalDirectory:
    made = JournalDirectory(tmp_path / "shows")
    made.prepare()
    return made


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here waits for a server that plays on."""
    monkeypatch.setattr("demo.journal.library.open_show.IN_USE_TIMEOUT_SEC", 0.0)


class Clock:
    """Every entry is a minute later than the one before, and later than now: no test waits for a second to pass."""

    def __init__(self) -> None:
        self.at = 4e9

    def tick(self) -> float:
        self.at += 60
        return self.at


CLOCK = Clock()


def show(titles: Sequence[str] = TITLES) -> ShowState:
    return create_initial_state("a talk", "none", "", [Chapter(title, "") for title in titles])


def begun_at(path: Path, at: float) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE show SET created = ?", (at,))
    db.close()


async def kept(
    directory: JournalDirectory,
    *events: e.Event,
    subject: str = "none",
    titles: Sequence[str] = TITLES,
    undos: int = 0,
    path: Path | None = None,
) -> Path:
    """A show in the directory: on chapter 2, left as by a kill unless `events` say more."""
    path = path or directory.begin(subject)
    journal = Journal(path)
    began = CLOCK.tick()
    story = (e.ShowOpened(subject, tuple(titles)), e.ChapterEntered(1, True, 1), e.ChapterEntered(2, True, 2), *events)
    await journal.append([e.JournalEntry(seq, CLOCK.tick(), "test", event) for seq, event in enumerate(story, 1)])
    for run in range(1, undos + 1):
        await journal.record_undo("off", run, Plan("lamp", "lamp", {"run": run}))
    await journal.close()
    begun_at(path, began)
    return path


def keeper(
    directory: JournalDirectory, subject: str = "none", file: Path | None = None, fresh: bool = False
) -> JournalOpener:
    return JournalOpener(subject, file, fresh=fresh, directory=directory)


async def opened(
    directory: JournalDirectory, titles: Sequence[str] = TITLES, **more: Any
) -> tuple[Path, JournalOpener]:
    """Which journal a server started now would take."""
    found = keeper(directory, **more)
    journal = found.open(show(titles))
    await journal.close()
    return journal.path, found


async def undos_in(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT undo, state FROM undos ORDER BY at").fetchall()
    db.close()
    return rows


# What goes on.


async def test_an_empty_shelf_gets_a_journal_for_this_user_alone(directory: JournalDirectory) -> None:
    path, found = await opened(directory)
    assert (found.continued, found.notices) == ("", [])
    assert path.parent == directory.directory
    assert key_of(path) == "none"
    assert stat.S_IMODE(directory.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in directory.directory.iterdir()} == {0o600}


async def test_a_show_that_was_left_goes_on_and_says_so(directory: JournalDirectory) -> None:
    left = await kept(directory)
    path, found = await opened(directory)
    assert path == left
    assert found.continued.startswith("chapter 2 of 3, begun ")
    assert found.continued.endswith("(for a new show: --fresh)")
    assert found.notices == []


async def test_of_several_the_one_written_to_last_goes_on(directory: JournalDirectory) -> None:
    first = await kept(directory)
    await kept(directory)
    await kept(directory, e.Said("again"), path=None, subject="other")
    journal = Journal(first)
    await journal.append([e.JournalEntry(9, CLOCK.tick(), "test", e.Said("still at it"))])
    await journal.close()
    path, _ = await opened(directory)
    assert path == first


@pytest.mark.parametrize("ending", [e.ShowClosed(over=True), e.ShowSetAside()])
async def test_a_show_that_is_over_does_not_go_on(directory: JournalDirectory, ending: e.Event) -> None:
    over = await kept(directory, ending)
    path, found = await opened(directory)
    assert path != over
    assert (found.continued, found.notices) == ("", [])


@pytest.mark.parametrize("after", [(e.ShowClosed(over=False),), (e.ShowClosed(over=True), e.ShowPickedUp())])
async def test_a_show_that_was_closed_before_its_end_or_taken_up_again_goes_on(
    directory: JournalDirectory, after: tuple[e.Event, ...]
) -> None:
    left = await kept(directory, *after)
    path, _ = await opened(directory)
    assert path == left


async def test_a_second_server_gets_a_journal_of_its_own_and_disturbs_nobody(directory: JournalDirectory) -> None:
    left = await kept(directory, undos=1)
    first = keeper(directory).open(show())
    assert first.path == left
    path, found = await opened(directory)
    assert path != left
    assert len(found.notices) == 1
    assert found.notices[0].startswith(
        f"{summarize(left).name} is in use by another demo, so a new show was started here"
    )
    _, found = await opened(directory, fresh=True)
    assert found.notices == [], "whoever asks for a new show knows"
    assert [state for _, state in await undos_in(left)] == ["intended"]
    await first.close()


async def test_a_server_that_is_closing_is_waited_for_and_its_show_goes_on(
    directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = await kept(directory)
    closing = Journal(left)
    monkeypatch.setattr("demo.journal.library.open_show.IN_USE_TIMEOUT_SEC", 30.0)
    monkeypatch.setattr("demo.journal.library.open_show.time.sleep", lambda _: closing.release())
    path, found = await opened(directory)
    assert (path, found.notices) == (left, [])
    assert found.continued.startswith("chapter 2 of 3")


async def test_after_both_of_two_servers_crashed_both_shows_go_on(directory: JournalDirectory) -> None:
    first = await kept(directory)
    held = Journal(first)
    second, _ = await opened(directory)
    await held.close()
    again = keeper(directory).open(show())
    beside = keeper(directory).open(show())
    assert {again.path, beside.path} == {first, second}
    await again.close()
    await beside.close()


async def test_another_deck_is_not_continued_and_said_once(directory: JournalDirectory) -> None:
    other = await kept(directory, titles=("other",), undos=1)
    path, found = await opened(directory)
    assert path != other
    assert len(found.notices) == 2
    assert "it belongs to another deck of 1 chapters" in found.notices[0]
    assert "left something broken" in found.notices[1]
    again, found = await opened(directory)
    assert (again, found.notices) == (path, [])


async def test_another_version_is_left_byte_for_byte_alone(directory: JournalDirectory) -> None:
    other = await kept(directory)
    with sqlite3.connect(other) as db:
        db.execute("UPDATE show SET version = 99")
    db.close()
    before = other.read_bytes()
    path, found = await opened(directory)
    assert path != other
    assert other.read_bytes() == before
    assert ["format 99" in line for line in found.notices] == [True]


async def test_nowhere_to_write_is_said_and_the_show_goes_on_in_a_temporary_journal(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the directory should be")
    found = keeper(JournalDirectory(tmp_path / "taken" / "shows"))
    journal = found.open(show())
    place = journal.path.parent
    await journal.append([e.JournalEntry(1, 1.0, "test", e.Said("x"))])
    await journal.close()
    assert not place.exists()
    assert len(found.notices) == 1
    assert "a crash would lose it" in found.notices[0]


async def test_what_lies_on_a_shelf_that_cannot_be_written_is_healed_all_the_same(
    directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await kept(directory, undos=1)

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("prepare", "begin"):
        monkeypatch.setattr(JournalDirectory, name, read_only)
    monkeypatch.setattr("demo.journal.library.undo_transfer._mark_old_journal", read_only)
    journal = keeper(directory, fresh=True).open(show())
    assert [undo.fault for undo in await journal.pending()] == ["off"]
    assert journal.path.parent != directory.directory
    assert summarize(old).undos == 1
    await journal.close()


@pytest.mark.parametrize("fresh", [False, True])
async def test_what_a_temporary_journal_takes_over_stays_owed_on_the_shelf(
    directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    old = await kept(directory, *(() if fresh else [e.ShowClosed(over=True)]), undos=1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(JournalDirectory, "begin", full)
        journal = keeper(directory, fresh=fresh).open(show())
        assert [undo.fault for undo in await journal.pending()] == ["off"]
        await journal.close()
    assert summarize(old).undos == 1, "the temporary ledger is gone, and this one is all there is"
    assert summarize(old).over is not fresh, "no show is left that would go on instead"


async def test_nowhere_to_write_at_all_is_said_with_what_to_do(
    directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    monkeypatch.setattr(JournalDirectory, "begin", full)
    with pytest.raises(JournalError, match=r"no place for the journal.*TMPDIR"):
        keeper(directory).open(show())


# Starting anew, and nothing stays broken.


async def test_a_fresh_start_takes_over_what_is_left_to_undo_and_sets_the_old_show_aside(
    directory: JournalDirectory,
) -> None:
    old = await kept(directory, undos=2)
    path, found = await opened(directory, fresh=True)
    assert path != old
    assert await undos_in(path) == [('{"run": 1}', "intended"), ('{"run": 2}', "intended")]
    assert [state for _, state in await undos_in(old)] == ["moved", "moved"]
    assert len(found.notices) == 1
    assert summarize(old).over
    assert (await opened(directory))[0] == path


async def test_a_crash_between_the_two_ledgers_leaves_the_undo_in_both(
    directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await kept(directory, undos=1)

    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("demo.journal.library.undo_transfer.mark_moved", crash)
        with pytest.raises(Crash):
            keeper(directory, fresh=True).open(show())
    assert summarize(old).undos == 1
    newest = next(found for found in directory.of("none") if found.path != old)
    assert newest.undos == 1, "on disk in the new ledger before the old one is told"


async def test_the_old_ledger_is_marked_only_when_the_new_one_has_taken_it(
    directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await kept(directory, undos=1)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("demo.journal.journal.add_undos", full)
    _, found = await opened(directory, fresh=True)
    assert summarize(old).undos == 1
    assert "cannot take over an undo: database or disk is full" in found.notices[0]


async def test_taking_over_twice_heals_once(directory: JournalDirectory) -> None:
    old = await kept(directory, undos=1)
    path, _ = await opened(directory, fresh=True)
    with sqlite3.connect(old) as db:
        db.execute("UPDATE undos SET state = 'applied'")
    db.close()
    again, _ = await opened(directory)
    assert again == path
    assert len(await undos_in(path)) == 1
    assert summarize(old).undos == 0


async def test_an_undo_that_comes_back_to_the_ledger_it_was_moved_from_is_pending_there(
    directory: JournalDirectory,
) -> None:
    first = await kept(directory, undos=1)
    second = await kept(directory)
    one = keeper(directory).open(show())
    assert one.path == second
    assert [undo.fault for undo in await one.pending()] == ["off"]
    other = keeper(directory).open(show())
    assert other.path == first
    await other.append([e.JournalEntry(9, CLOCK.tick(), "test", e.Said("still at it"))])
    await one.close()
    await other.close()
    path, _ = await opened(directory)
    assert path == first
    assert (summarize(first).undos, summarize(second).undos) == (1, 0)


async def test_fresh_with_a_file_moves_the_old_one_aside_with_its_log(
    tmp_path: Path, directory: JournalDirectory
) -> None:
    file = tmp_path / "show"
    await kept(directory, path=file, undos=1)
    first = summarize(file)
    (tmp_path / "show.sessions").write_text("s")
    path, found = await opened(directory, file=file, fresh=True)
    assert path == file
    assert summarize(file).events == 0
    aside = summarize(tmp_path / "show.1")
    assert (aside.events, aside.chapter, aside.undos) == (first.events, 2, 0)
    assert [state for _, state in await undos_in(file)] == ["intended"]
    assert (tmp_path / "show.1.sessions").read_text() == "s"
    assert len(found.notices) == 1
    await opened(directory, file=file, fresh=True)
    assert sorted(one.name for one in list_set_aside(file)) == ["show.1", "show.2"]


async def test_what_lies_aside_is_healed_at_the_next_start_when_the_first_one_crashed(
    tmp_path: Path, directory: JournalDirectory
) -> None:
    file = tmp_path / "show"
    await kept(directory, path=file, undos=1)
    move_aside(file)
    await opened(directory, file=file)
    assert [state for _, state in await undos_in(file)] == ["intended"]
    assert summarize(tmp_path / "show.1").undos == 0


async def test_a_named_file_takes_over_what_this_subject_left_on_the_shelf(
    tmp_path: Path, directory: JournalDirectory
) -> None:
    left = await kept(directory, undos=1)
    other = await kept(directory, undos=1, subject="other")
    _, found = await opened(directory, file=tmp_path / "show")
    assert [state for _, state in await undos_in(tmp_path / "show")] == ["intended"]
    assert (summarize(left).undos, summarize(other).undos) == (0, 1)
    assert "left something broken" in found.notices[0]
    path, found = await opened(directory)
    assert path == left, "a show that is not over still goes on"


@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("links", [True, False])
async def test_a_crash_while_a_journal_is_moved_aside_never_parts_it_from_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, links: bool
) -> None:
    """Killed before each of the steps that change a name; its undo is in the log alone."""
    file = tmp_path / "show"
    await kept(JournalDirectory(tmp_path), path=file)
    db = sqlite3.connect(file)
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("INSERT INTO undos VALUES ('1', 'off', 1, 'lamp', 'lamp', '{}', '', 0, 'intended', 1)")
    db.commit()
    for side in ("", "-wal"):
        (tmp_path / f"copy{side}").write_bytes((tmp_path / f"show{side}").read_bytes())
    db.close()
    for side in ("", "-wal"):
        (tmp_path / f"copy{side}").rename(tmp_path / f"show{side}")

    class Crash(BaseException):
        pass

    done = 0

    def killed(real: Any) -> Any:
        def before(*args: Any, **more: Any) -> Any:
            nonlocal done
            done += 1
            if done > step:
                raise Crash
            return real(*args, **more)

        return before

    def nothing(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr("demo.journal.library.undo_transfer._fold_log", lambda _: None)
        for name in ("rename", "unlink"):
            patch.setattr(Path, name, killed(getattr(Path, name)))
        patch.setattr(Path, "hardlink_to", killed(Path.hardlink_to) if links else nothing)
        with contextlib.suppress(Crash):
            move_aside(file)
    held = [one for one in (file, *list_set_aside(file)) if one.exists()]
    assert [summarize(one).undos for one in held] == [1]
    if not file.exists():
        await Journal(file).close()
        assert [summarize(one).undos for one in (file, *held)] == [0, 1], "a new journal has no old log"


async def test_a_file_in_use_is_not_moved_aside(tmp_path: Path, directory: JournalDirectory) -> None:
    journal = Journal(tmp_path / "show")
    with pytest.raises(JournalError, match="in use"):
        keeper(directory, file=tmp_path / "show", fresh=True).open(show())
    await journal.close()


def test_a_file_of_another_program_is_not_moved_aside(tmp_path: Path, directory: JournalDirectory) -> None:
    (tmp_path / "notes").write_text("my notes " * 100)
    with pytest.raises(JournalError, match="another program"):
        keeper(directory, file=tmp_path / "notes", fresh=True).open(show())
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["notes"]


# Names.


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("none", "none"),
        ("lamp:Lamp", "lamp.Lamp"),
        ("../../etc/passwd:X", "%2F..%2Fetc%2Fpasswd.X"),
        (".hidden:..", "hidden..."),
        ("a b\n:C", "a%20b%0A.C"),
    ],
)
def test_a_subjects_name_never_becomes_a_path(directory: JournalDirectory, subject: str, name: str) -> None:
    assert key(subject) == name
    path = directory.begin(subject)
    assert path.parent == directory.directory
    assert path.resolve().parent == directory.directory.resolve()
    assert key_of(path) == name
    assert [found.path for found in directory.of(subject)] == [path]


def test_two_shows_begun_in_one_second_have_two_files(directory: JournalDirectory) -> None:
    paths = {directory.begin("none") for _ in range(5)}
    assert len(paths) == 5
    assert {key_of(path) for path in paths} == {"none"}


# Taking away.


async def test_at_most_so_many_ended_shows_are_kept_and_none_with_an_undo_goes(directory: JournalDirectory) -> None:
    broken = await kept(directory, e.ShowClosed(over=True), undos=1)
    held = Journal(broken)
    other = await kept(directory, e.ShowClosed(over=True), subject="other")
    ended = [await kept(directory, e.ShowClosed(over=True)) for _ in range(MAX_ENDED + 3)]
    path, _ = await opened(directory)
    left = {found.path for found in directory.all()}
    assert left == {path, broken, other, *ended[3:]}
    await held.close()


async def test_a_show_in_use_or_with_an_undo_is_not_removed(directory: JournalDirectory) -> None:
    path = await kept(directory, undos=1)
    with pytest.raises(JournalError, match=r"still has an undo.*--force"):
        remove(summarize(path), force=False)
    held = Journal(path)
    with pytest.raises(JournalError, match="in use"):
        remove(summarize(path), force=True)
    await held.close()
    for side in ("-wal", "-shm", ".sessions"):
        path.with_name(path.name + side).touch()
    remove(summarize(path), force=True)
    assert list(directory.directory.iterdir()) == []


async def taken_up(found: JournalSummary, event: e.Event | None = None, undo: bool = False) -> None:
    """What another server does to a journal after it was looked at."""
    journal = Journal(found.path)
    if event is not None:
        await journal.append([e.JournalEntry(9, CLOCK.tick(), "test", event)])
    if undo:
        await journal.record_undo("off", 9, Plan("lamp", "lamp", {}))
    await journal.close()


async def test_what_was_taken_up_since_it_was_looked_at_is_not_removed(directory: JournalDirectory) -> None:
    found = summarize(await kept(directory, e.ShowClosed(over=True)))
    await taken_up(found, e.ShowPickedUp())
    with pytest.raises(JournalError, match="was continued meanwhile: it is not removed"):
        remove(found, force=False, ended=True)
    await taken_up(found, undo=True)
    with pytest.raises(JournalError, match=r"still has an undo.*--force"):
        remove(found, force=False)
    assert summarize(found.path).undos == 1
    remove(found, force=True)
    assert not found.path.exists()


async def test_pruning_leaves_what_was_taken_up_meanwhile(
    directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [summarize(await kept(directory, e.ShowClosed(over=True))) for _ in range(MAX_ENDED + 1)]
    await taken_up(seen[0], e.ShowPickedUp())
    monkeypatch.setattr(JournalDirectory, "of", lambda *_: seen[::-1])
    directory.prune("none")
    assert seen[0].path.exists()


async def test_pruning_leaves_the_recording_that_a_show_may_go_on_from(directory: JournalDirectory) -> None:
    oldest, next_oldest, *_ = [summarize(await kept(directory, e.ShowClosed(over=True))) for _ in range(MAX_ENDED + 2)]
    directory.prune("none", keep=oldest.path)
    assert (oldest.path.exists(), next_oldest.path.exists()) == (True, False)


async def test_a_journal_that_goes_between_the_look_and_the_lock_is_not_said_to_be_continued(
    directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for change in (lambda found: remove(found, force=True), lambda found: found.path.write_bytes(b"")):
        await kept(directory)
        looks = directory.of("none")
        change(looks[0])
        with monkeypatch.context() as patch:
            patch.setattr(JournalDirectory, "of", lambda *_, looks=looks: looks)
            path, found = await opened(directory)
        assert (summarize(path).chapter, found.continued) == (0, "")
        assert [one.path for one in directory.all()] == [path], "nothing empty is left in its place"
        remove(summarize(path), force=True)


async def test_a_journal_that_ended_between_the_look_and_the_lock_is_not_continued(
    directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = await kept(directory)
    looks = directory.of("none")
    await taken_up(looks[0], e.ShowClosed(over=True))
    monkeypatch.setattr(JournalDirectory, "of", lambda *_: looks)
    path, found = await opened(directory)
    assert path != left
    assert found.continued == ""
    assert summarize(left).over


async def test_a_journal_without_entries_is_a_fresh_start_and_sets_the_old_show_aside(
    directory: JournalDirectory,
) -> None:
    old = await kept(directory)
    empty = directory.begin("none")
    os.utime(empty, (5e9, 5e9))
    path, found = await opened(directory)
    assert (path, found.continued) == (empty, "")
    assert summarize(old).over


async def test_a_begin_that_fails_leaves_no_file(directory: JournalDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> Any:
        if path.parent == directory.directory:
            raise sqlite3.OperationalError("database or disk is full")
        return open_file(path)

    monkeypatch.setattr("demo.journal.guarded_file.open_file", full)
    path, found = await opened(directory)
    assert path.parent != directory.directory
    assert "database or disk is full" in found.notices[0]
    assert list(directory.directory.iterdir()) == []


async def test_whoever_waited_for_a_journal_that_was_removed_gets_a_lock_that_counts(tmp_path: Path) -> None:
    path = tmp_path / "j"
    await Journal(path).close()
    remove(summarize(path), force=False)
    first = Journal(path)
    with pytest.raises(JournalError, match="in use"):
        Journal(path)
    await first.close()


async def test_looking_leaves_no_trace(directory: JournalDirectory) -> None:
    path = await kept(directory)
    before = sorted(one.name for one in directory.directory.iterdir())
    found = summarize(path)
    assert (found.subject, found.titles, found.chapter, found.events) == ("none", TITLES, 2, 3)
    assert sorted(one.name for one in directory.directory.iterdir()) == before
    assert continues_next([found]) is found


async def test_a_journal_whose_server_ended_while_it_was_being_made_is_begun(directory: JournalDirectory) -> None:
    empty = directory.begin("none")
    assert (await opened(directory))[0] == empty
    empty.unlink()
    with sqlite3.connect(empty) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA journal_mode=WAL")
    db.close()
    path, found = await opened(directory)
    assert (path, found.notices, found.continued) == (empty, [], "")


async def test_what_is_no_journal_is_listed_as_such(directory: JournalDirectory) -> None:
    (directory.directory / "none-20260101-000000.journal").write_text("x" * 200)
    assert [found.trouble != "" for found in directory.all()] == [True]
    path, found = await opened(directory)
    assert path.name != "none-20260101-000000.journal"
    assert len(found.notices) == 1
    await kept(directory, e.ShowClosed(over=True), path=path.with_name("none-20260102-000000.journal"))
    path.unlink()
    _, found = await opened(directory)
    assert found.notices == [], "said once: a show was begun since"


def test_json_types_are_found_by_their_first_word() -> None:
    """`summarize` finds events in a journal by how their JSON begins."""
    assert json.dumps(e.to_json(e.ShowClosed(over=True))).startswith('{"type": "ShowClosed"')


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277, 0o777])
def test_the_state_directory_is_its_users_alone_under_any_umask(tmp_path: Path, umask: int) -> None:
    state = tmp_path / "home" / "state"
    make = "from demo.journal.library import JournalDirectory; JournalDirectory().prepare()"
    make += "; from demo.subjects.standalone import register_directory; register_directory()"
    program = f"import os; os.umask({umask:#o}); {make}"
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"XDG_STATE_HOME": str(state)})
    for part in ("", "/chaos-stage", "/chaos-stage/shows", "/chaos-stage/standing"):
        assert Path(f"{state}{part}").stat().st_mode & 0o777 == 0o700, part


def test_a_state_directory_that_others_could_enter_is_closed(tmp_path: Path, state_home: Path) -> None:
    own = state_home / "chaos-stage"
    own.mkdir(mode=0o755)
    JournalDirectory().prepare()
    assert own.stat().st_mode & 0o777 == 0o700
