"""The file of paired devices beside the journal: hashes only, ours alone to read, replaced whole."""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any

from demo.journal.writer_thread import WorkerThread
from demo.web.access.sessions import Session

VERSION = 1
TIMEOUT_SEC = 1.0


class SessionFile:
    """Written by a thread of its own: a disk that hangs keeps neither the show nor a press.

    `epoch` is the show's: sessions of another show on the same path are worth nothing. `on_trouble` is told,
    from that thread, when the disk does not take it; the sessions then live in memory.
    """

    def __init__(self, path: Path, epoch: str, on_trouble: Callable[[str], None] = lambda text: None) -> None:
        self._path = path
        self._epoch = epoch
        self._on_trouble = on_trouble
        self._lane = WorkerThread("sessions")
        self._newest: Future[bool] | None = None
        self._held: set[str] | None = None
        self.durable = True

    def load(self) -> Iterable[Session]:
        """Nothing from a file that others could have read or written, or that cannot be understood."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        except OSError as error:
            return self._nothing(error.strerror or "it cannot be read")
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            if found.st_uid != os.geteuid() or found.st_mode & 0o077:
                return self._nothing("others can read or write it")
            try:
                return _sessions(json.loads(file.read()), self._epoch)
            except (ValueError, TypeError, KeyError, RecursionError, OSError):
                return self._nothing("it cannot be understood")

    def save(self, sessions: Iterable[Session]) -> None:
        known = [asdict(session) for session in sessions]
        text = json.dumps({"version": VERSION, "epoch": self._epoch, "sessions": known})
        digests = {item["digest"] for item in known}
        self._newest = self._lane.submit(lambda: self._keep(text, digests))

    async def settled(self) -> bool:
        """Is what was saved last on disk? Waits a moment for it."""
        if self._newest is None:
            return True
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._newest)), TIMEOUT_SEC)
        return False

    def close(self) -> None:
        """No more is written."""
        self._lane.end()

    def _keep(self, text: str, digests: set[str]) -> bool:
        """Write the file. One that still holds what was revoked goes, when it cannot be replaced."""
        self.durable = self._write(text)
        if self.durable:
            self._held = digests
        elif self._held is None or not self._held <= digests:
            self._forget()
        return self.durable

    def _forget(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
            _sync_directory(self._path.parent)
        except OSError as error:
            self._on_trouble(f"a device that was revoked may be back after a crash: remove {self._path}, {error}")
        else:
            self._held = set()

    def _write(self, text: str) -> bool:
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            _sync_directory(self._path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            self._on_trouble(f"paired devices cannot be written down: {error.strerror or error}")
            return False
        return True

    def _nothing(self, why: str) -> Iterable[Session]:
        self._on_trouble(f"the paired devices of before are forgotten: {self._path} is not used, {why}")
        return []


def _sync_directory(path: Path) -> None:
    """A name is on disk when its directory is."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sessions(data: Any, epoch: str) -> list[Session]:
    if data["version"] != VERSION or data["epoch"] != epoch:
        return []
    return [_session(item) for item in data["sessions"]]


def _session(item: dict[str, Any]) -> Session:
    texts = {name: str(item[name]) for name in ("ident", "digest", "device", "did")}
    did_at = item["did_at"]
    return Session(**texts, paired_at=float(item["paired_at"]), did_at=None if did_at is None else float(did_at))
