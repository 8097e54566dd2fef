"""The open questions of a show in a JSON file beside the journal: rewritten as a whole, so nothing answered is left.

A file of its own, with a thread of its own: no command of the show ever waits for questions.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from demo.ballots.voters import new_salt
from demo.errors import JournalError
from demo.threads.worker_thread import WorkerThread

T = TypeVar("T")

SUFFIX = ".questions"
"""What is appended to the name of the journal."""

MAX_FILE_BYTES = 4_000_000
"""Much more than the open questions of one show need."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the presenter has not answered. `device`: a salted hash, equal for questions of one device."""

    id: int
    text: str
    device: str


@dataclass(frozen=True, slots=True)
class StoredQuestions:
    """The open questions, oldest first. `next_id`: no question has had it; `salt` is that of the devices, as hex."""

    questions: tuple[Question, ...] = ()
    next_id: int = 1
    salt: str = field(default_factory=lambda: new_salt().hex())


class QuestionFile:
    """The file of one show, `epoch`: questions of another show at the same path are not read.

    `load` and `write` raise `JournalError` when the file cannot be used.
    """

    def __init__(self, path: Path, epoch: str) -> None:
        self._path = path
        self._epoch = epoch
        self._thread = WorkerThread("questions")

    async def load(self) -> StoredQuestions:
        """Return what an earlier process has stored; nothing, with a new salt, if there is no such file."""
        return await self._run(self._load)

    async def write(self, stored: StoredQuestions) -> None:
        """Store these questions in place of those before."""
        await self._run(lambda: self._write(stored))

    def close(self) -> None:
        """End the thread after what is under way; does not wait for it."""
        self._thread.end()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.wrap_future(self._thread.submit(work))
        except OSError as error:
            raise JournalError(f"the questions in {self._path} cannot be used: {error}") from error

    def _load(self) -> StoredQuestions:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return StoredQuestions()
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(MAX_FILE_BYTES)
        try:
            found = json.loads(text)
            return _parse(found) if found["epoch"] == self._epoch else StoredQuestions()
        except (ValueError, TypeError, LookupError, RecursionError):
            return StoredQuestions()  # Damaged: a question is no reason to keep a show from starting.

    def _write(self, stored: StoredQuestions) -> None:
        text = json.dumps({"epoch": self._epoch} | asdict(stored))
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            # As votes: what was written survives any crash of this process, so nothing is forced to the disk.
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            new.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            raise


def _parse(found: Any) -> StoredQuestions:
    questions = tuple(
        Question(int(one["id"]), str(one["text"]), str(one["device"])) for one in found["questions"] if one["text"]
    )
    bytes.fromhex(found["salt"])
    return StoredQuestions(questions, int(found["next_id"]), str(found["salt"]))
