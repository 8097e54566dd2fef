"""The shelf: the user's directory of journals, one file a show. Knows names, what lies there, and removing."""

import contextlib
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from demo.errors import JournalError
from demo.journal.library.inspect import SUFFIX, JournalSummary, look
from demo.journal.sqlite_file import lock, take_away
from demo.paths import make_private, state_directory

MAX_ENDED = 20
"""Journals of ended shows that are kept for each subject."""

MAX_KEY = 120
"""Characters of a subject's name that go into a file's name."""

_NAME = re.compile(r"(?P<key>.+)-\d{8}-\d{6}(-\d+)?")


class JournalDirectory:
    """`shows/` in the state directory. Raises `JournalError` and `OSError` where it says so."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or state_directory() / "shows"

    def prepare(self) -> None:
        """Make the directory, for this user alone. Raises `OSError`."""
        make_private(self.directory)
        self.directory.chmod(0o700)

    def all(self) -> list[JournalSummary]:
        """Every journal here, the one that was written to last first."""
        return sorted((look(path) for path in self._paths()), key=lambda found: found.last_at, reverse=True)

    def of(self, subject: str) -> list[JournalSummary]:
        """The journals of one subject, the one that was written to last first."""
        looks = (look(path) for path in self._paths() if key_of(path) == key(subject))
        return sorted(looks, key=lambda found: found.last_at, reverse=True)

    def _paths(self) -> list[Path]:
        try:
            return [path for path in self.directory.iterdir() if path.name.endswith(SUFFIX) and path.is_file()]
        except OSError:
            return []

    def begin(self, subject: str) -> Path:
        """A new empty file of its own, its name being the subject and now. Raises `OSError`."""
        stem = f"{key(subject)}-{time.strftime('%Y%m%d-%H%M%S')}"
        number = 1
        while True:
            path = self.directory / f"{stem}{f'-{number}' if number > 1 else ''}{SUFFIX}"
            try:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            except FileExistsError:
                number += 1
            else:
                return path

    def find(self, name: str) -> JournalSummary:
        """The journal of this name. Raises `JournalError`; a name never becomes a path."""
        for found in self.all():
            if name in (found.name, found.path.name):
                return found
        raise JournalError(f"there is no show {name!r} in {self.directory}: `demo shows` lists them")

    def prune(self, subject: str) -> None:
        """Remove the oldest ended shows of a subject beyond `MAX_ENDED`; those with an undo left stay."""
        ended = [
            found for found in self.of(subject) if found.over and not (found.undos or found.unreadable or found.in_use)
        ]
        for found in ended[MAX_ENDED:]:
            with contextlib.suppress(StillWantedError):
                remove(found, force=False, ended=True)


class StillWantedError(JournalError):
    """A show that is not to be removed, whatever it was when it was looked at."""


def remove(found: JournalSummary, force: bool, *, ended: bool = False) -> None:
    """Remove a journal and what lies beside it; with `force` one that has undos left too.

    With `ended` only one that is over. What counts is what it is under the lock: somebody may have taken it up since
    it was looked at. Raises `JournalError`.
    """
    _refuse_owing(found, force)
    try:
        held = lock(found.path)
    except JournalError:
        raise StillWantedError(f"{found.name} is in use: end that show first") from None
    try:
        now = look(found.path)
        _refuse_owing(now, force)
        if ended and not now.over:
            raise StillWantedError(f"{found.name} was taken up again: it stays")
        take_away(found.path)
    except OSError as error:
        raise JournalError(f"{found.name} cannot be removed: {error.strerror or error}") from None
    finally:
        os.close(held)


def _refuse_owing(found: JournalSummary, force: bool) -> None:
    if found.unreadable and not force:
        raise StillWantedError(
            f"{found.name} holds an undo that cannot be read: see to it by hand, then remove it with --force"
        )
    if found.undos and not force:
        left = "an undo" if found.undos == 1 else f"{found.undos} undos"
        raise StillWantedError(
            f"{found.name} has {left} left: start that show once, so that it is healed, or remove it with --force"
        )


def continues_next(looks: Iterable[JournalSummary]) -> JournalSummary | None:
    """Of the journals of one subject, the one that a server started now would go on with."""
    return next((found for found in looks if not (found.in_use or found.over or found.trouble)), None)


def key(subject: str) -> str:
    """A subject's name as part of a file's name: `module:Class` becomes `module.Class`."""
    return quote(subject.replace(":", ".", 1), safe="")[:MAX_KEY].lstrip(".") or "show"


def key_of(path: Path) -> str:
    """The subject's part of a journal's name; empty for a file that has another form of name."""
    found = _NAME.fullmatch(path.name.removesuffix(SUFFIX))
    return found["key"] if found else ""
