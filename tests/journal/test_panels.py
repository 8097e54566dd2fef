"""Pictures of panels in a journal: bounded, without repeats, and read as they were."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.journal.panel_table import CALM_SEC, CROWDED_SEC, MAX_BYTES, MAX_TEXT, PanelWriter
from demo.panels.picture import PanelPicture, StyledText
from tests.support.shown_panels import picture, rows

pytestmark = pytest.mark.anyio

COLOURED = PanelPicture(
    "top",
    "A program",
    ((StyledText("red", ("red", "bold")), StyledText(" plain")), (), (StyledText("ü •••"),)),
    "down",
    "ended: 3",
    40,
    80,
)


async def write(path: Path, *shown: tuple[float, PanelPicture]) -> Recording:
    journal = Journal(path)
    for at, one in shown:
        journal.panels.keep(at, one)
    await journal.append(())
    await journal.close()
    return Recording(path)


def read(recording: Recording) -> list[tuple[float, PanelPicture | None]]:
    return [(moment.at, recording.picture(moment)) for moment in recording.panel_moments()]


async def test_a_picture_is_read_as_it_was(tmp_path: Path) -> None:
    shown = [(1.0, COLOURED), (2.0, picture("log", "one", "two")), (3.0, replace(COLOURED, changed_at=2.5))]
    assert read(await write(tmp_path / "a.journal", *shown)) == shown


async def test_the_same_picture_again_is_kept_without_its_rows_and_one_that_did_not_change_not_at_all(
    tmp_path: Path,
) -> None:
    one = picture("log", "one", changed_at=1.0)
    shown = [(1.0, one), (2.0, one), (3.0, replace(one, changed_at=3.0)), (4.0, picture("log", "two", changed_at=4.0))]
    recording = await write(tmp_path / "a.journal", *shown)
    assert read(recording) == [shown[0], *shown[2:]]
    with sqlite3.connect(recording.path) as db:
        assert [data is None for (data,) in db.execute("SELECT data FROM panels ORDER BY id")] == [False, True, False]


async def test_of_a_large_picture_the_newest_rows_are_kept(tmp_path: Path) -> None:
    lines = [f"{number} {'x' * 150}" for number in range(60)]
    [(_, found)] = read(await write(tmp_path / "a.journal", (1.0, picture("log", *lines))))
    assert found is not None
    assert found.rows == rows(*lines)[-len(found.rows) :]
    assert MAX_TEXT - 200 < len(found.text) <= MAX_TEXT


async def test_a_journal_with_many_pictures_takes_fewer_of_them(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.journal")
    assert journal.panels.pause_sec == CALM_SEC
    with sqlite3.connect(journal.path) as db:
        db.execute("INSERT INTO panels (at, name, data) VALUES (1, 'old', ?)", ("x" * (MAX_BYTES + 1),))
    db.close()
    journal.panels.keep(1.0, COLOURED)
    await journal.append(())
    assert journal.panels.pause_sec == CROWDED_SEC
    await journal.close()


async def test_a_journal_of_an_earlier_version_has_no_pictures(tmp_path: Path) -> None:
    recording = await write(tmp_path / "a.journal", (1.0, COLOURED))
    with sqlite3.connect(recording.path) as db:
        db.execute("DROP TABLE panels")
    db.close()
    assert recording.panel_moments() == []


async def test_a_picture_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    recording = await write(tmp_path / "a.journal", (1.0, COLOURED))
    for data in ("{", "[]", '{"title": "x"}'):
        with sqlite3.connect(recording.path) as db:
            db.execute("UPDATE panels SET data = ?", (data,))
        db.close()
        assert read(recording) == [(1.0, None)]


def test_a_disk_that_refuses_a_picture_is_asked_again() -> None:
    writer = PanelWriter()
    assert writer.keep(1.0, COLOURED)
    assert not writer.keep(2.0, COLOURED)
    db = sqlite3.connect(":memory:")
    writer.write(db)  # there is no such table
    db.execute("CREATE TABLE panels (id INTEGER PRIMARY KEY, at REAL, name TEXT, changed_at REAL, data TEXT)")
    writer.write(db)
    writer.write(db)
    assert db.execute("SELECT COUNT(*) FROM panels").fetchone() == (1,)
    db.close()
