"""Files that are changed in the ways of editors: in place, by renaming, moved away first, cut short first."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.showfile.editing.watched_files import SETTLE_SEC, WatchedFiles

pytestmark = pytest.mark.anyio

LIMIT_SEC = 30.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "show.md"
    path.write_text("# One\n")
    return path


async def changed(files: WatchedFiles, *, limit: float = LIMIT_SEC) -> bool:
    async with asyncio.timeout(limit):
        while not await files.wait_for_change(0.01):
            pass
    return True


def write(path: Path, text: str) -> None:
    path.write_text(text)


def remove(path: Path) -> None:
    path.unlink()


def in_place(path: Path) -> None:
    path.write_text("# Two\n")


def renamed(path: Path) -> None:
    path.with_name(".show.md.swp").write_text("# Two\n")
    path.with_name(".show.md.swp").replace(path)


def with_backup(path: Path) -> None:
    path.rename(path.with_name("show.md~"))
    path.write_text("# Two\n")


def same_size_and_date(path: Path) -> None:
    before = path.stat()
    path.write_text("# Two\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("save", [in_place, renamed, with_backup, same_size_and_date])
async def test_every_way_of_saving_is_noticed_once(file: Path, save: Callable[[Path], None]) -> None:
    files = WatchedFiles(file)
    assert await changed(files)
    assert not await files.wait_for_change(0.01)
    save(file)
    assert await changed(files)
    assert not await files.wait_for_change(0.01)


@pytest.mark.parametrize("state", ["gone", "empty"])
async def test_a_file_that_is_missing_or_empty_for_a_moment_is_not_read(file: Path, state: str) -> None:
    files = WatchedFiles(file, gone_sec=LIMIT_SEC)
    assert await changed(files)
    remove(file) if state == "gone" else write(file, "")
    waiting = asyncio.ensure_future(files.wait_for_change(0.0))
    await asyncio.wait({waiting}, timeout=4 * SETTLE_SEC)
    assert not waiting.done()
    write(file, "# Two\n")
    assert await waiting


async def test_a_file_that_stays_away_is_a_change(file: Path) -> None:
    files = WatchedFiles(file, gone_sec=0.1)
    assert await changed(files)
    remove(file)
    assert await changed(files)
    assert not await files.wait_for_change(0.01)


async def test_files_beside_it_count_even_those_that_do_not_exist_yet(file: Path) -> None:
    other, snippet = file.with_name("other.md"), file.with_name("query.sql")
    write(other, "# Other\n")
    files = WatchedFiles(file, [other, snippet])
    assert await changed(files)
    write(other, "# Another\n")
    assert await changed(files)
    write(snippet, "SELECT 1\n")
    assert await changed(files)
