"""The user's directory of journals, one file for each show: their names, their summaries, and their removal."""

import contextlib
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from demo.errors import JournalError
from demo.journal.library.inspect import SUFFIX, JournalSummary, summarize
from demo.journal.sqlite_file import delete_files, lock
from demo.paths import make_private, state_directory

MAX_ENDED = 20
"""How many journals of ended shows are kept for each subject."""

MAX_KEY = 120
"""Characters of a subject's name that are used in the name of its files."""

_NAME = re.compile(r"(?P<key>.+)-\d{8}-\d{6}(-\d+)?")


class JournalDirectory:
    """`shows/` in the state directory. Raises `JournalError` and `OSError` where its methods say so."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or state_directory() / "shows"

    def prepare(self) -> None:
        """Create the directory, accessible to this user only. Raises `OSError`."""
        make_private(self.directory)
        self.directory.chmod(0o700)

    def all(self) -> list[JournalSummary]:
        """Return all journals here, the one that was written last first."""
        return sorted((summarize(path) for path in self.paths()), key=lambda summary: summary.last_at, reverse=True)

    def of(self, subject: str) -> list[JournalSummary]:
        """Return the journals of one subject, the one that was written last first."""
        summaries = (summarize(path) for path in self.paths() if key_of(path) == key(subject))
        return sorted(summaries, key=lambda summary: summary.last_at, reverse=True)

    def paths(self) -> list[Path]:
        """Return the files of all journals here, in no order."""
        try:
            return [path for path in self.directory.iterdir() if path.name.endswith(SUFFIX) and path.is_file()]
        except OSError:
            return []

    def begin(self, subject: str) -> Path:
        """Create an empty file whose name is the subject and the current time; return its path. Raises `OSError`."""
        stem = f"{key(subject)}-{time.strftime('%Y%m%d-%H%M%S')}"
        number = 1
        while True:
            path = self.directory / f"{stem}{f'-{number}' if number > 1 else ''}{SUFFIX}"
            try:
                # O_EXCL, so that two servers that start in the same second get different files.
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            except FileExistsError:
                number += 1
            else:
                return path

    def find(self, name: str) -> JournalSummary:
        """Return the journal of this name. Raises `JournalError` when there is none."""
        # Compared with the names that are there, never joined to a path: a name like `../x` finds nothing.
        for summary in self.all():
            if name in (summary.name, summary.path.name):
                return summary
        raise JournalError(f"there is no show {name!r} in {self.directory}: `demo shows` lists them")

    def prune(self, subject: str, keep: Path | None = None) -> None:
        """Delete the oldest ended shows of a subject beyond `MAX_ENDED`; those with a pending undo stay, and `keep`."""
        # What is in use, or still has a fault to heal, is never deleted without being asked for.
        ended = [
            summary
            for summary in self.of(subject)
            if summary.over and not (summary.undos or summary.unreadable or summary.in_use)
        ]
        for summary in ended[MAX_ENDED:]:
            if keep is not None and keep.exists() and summary.path.samefile(keep):
                continue
            with contextlib.suppress(StillWantedError):
                remove(summary, force=False, ended=True)


class StillWantedError(JournalError):
    """A show that must not be deleted: in use, continued, or with an undo that is still pending."""


def remove(found: JournalSummary, force: bool, *, ended: bool = False) -> None:
    """Delete a journal and its side files. Raises `JournalError`.

    `force`: also one with pending undos. `ended`: only one whose show is over. All of this is checked again under the
    lock: another server may have continued the show since `found` was read.
    """
    _refuse_pending_undos(found, force)
    try:
        lock_fd = lock(found.path)
    except JournalError:
        raise StillWantedError(f"{found.name} is in use: end that show first") from None
    try:
        current = summarize(found.path)
        _refuse_pending_undos(current, force)
        if ended and not current.over:
            raise StillWantedError(f"{found.name} was continued meanwhile: it is not removed")
        delete_files(found.path)
    except OSError as error:
        raise JournalError(f"{found.name} cannot be removed: {error.strerror or error}") from None
    finally:
        os.close(lock_fd)


def _refuse_pending_undos(summary: JournalSummary, force: bool) -> None:
    if summary.unreadable and not force:
        raise StillWantedError(
            f"{summary.name} has an undo that cannot be read: repair its target by hand, then "
            "remove the show with --force"
        )
    if summary.undos and not force:
        left = "an undo" if summary.undos == 1 else f"{summary.undos} undos"
        raise StillWantedError(
            f"{summary.name} still has {left}: start that show once, so that the fault is "
            "healed, or remove it with --force"
        )


def continues_next(looks: Iterable[JournalSummary]) -> JournalSummary | None:
    """Return which of one subject's journals a server started now would continue; None for a fresh show."""
    return next((found for found in looks if not (found.in_use or found.over or found.trouble)), None)


def key(subject: str) -> str:
    """Return a subject's name as part of a file's name: `module:Class` becomes `module.Class`."""
    return quote(subject.replace(":", ".", 1), safe="")[:MAX_KEY].lstrip(".") or "show"


def key_of(path: Path) -> str:
    """Return the subject's part of a journal's name; empty for a file whose name has another form."""
    match = _NAME.fullmatch(path.name.removesuffix(SUFFIX))
    return match["key"] if match else ""
