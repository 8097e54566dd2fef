"""The file of paired devices beside the journal: it holds hashes only, is private, and is replaced as a whole."""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any

from demo.paths import sync_to_disk
from demo.threads.worker_thread import WorkerThread
from demo.web.access.sessions import Session

VERSION = 1
TIMEOUT_SEC = 1.0


class SessionFile:
    """Stores sessions in a file, written by a thread of its own: a disk that hangs delays neither show nor commands.

    `epoch` is the show's: sessions of another show at the same path are ignored. When the file cannot be written,
    `on_trouble` is called, from that thread, and the sessions are in memory only.
    """

    def __init__(self, path: Path, epoch: str, on_trouble: Callable[[str], None] = lambda text: None) -> None:
        self._path = path
        self._epoch = epoch
        self._on_trouble = on_trouble
        self._worker = WorkerThread("sessions")
        self._last_write: Future[bool] | None = None
        # None: not known, for nothing was written in this run.
        self._digests_on_disk: set[str] | None = None
        self.durable = True

    def load(self) -> Iterable[Session]:
        """Read the sessions; none from a file that others can read or write, or that cannot be parsed."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        except OSError as error:
            return self._ignore_file(error.strerror or "it cannot be read")
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & 0o077:
                return self._ignore_file("others can read or write it")
            try:
                return _parse_sessions(json.loads(file.read()), self._epoch)
            except (ValueError, TypeError, KeyError, RecursionError, OSError):
                return self._ignore_file("it is damaged")

    def save(self, sessions: Iterable[Session]) -> None:
        items = [asdict(session) for session in sessions]
        text = json.dumps({"version": VERSION, "epoch": self._epoch, "sessions": items})
        digests = {item["digest"] for item in items}
        self._last_write = self._worker.submit(lambda: self._replace_or_remove(text, digests))

    async def wait_until_saved(self) -> bool:
        """Wait up to `TIMEOUT_SEC` for the last `save`, and return whether it is on disk."""
        if self._last_write is None:
            return True
        with contextlib.suppress(TimeoutError):
            # Shielded, for a write that was overdue must still be done.
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._last_write)), TIMEOUT_SEC)
        return False

    def close(self) -> None:
        """End the writing thread."""
        self._worker.end()

    def _replace_or_remove(self, text: str, digests: set[str]) -> bool:
        """Write the file; where that fails, remove one that still holds a revoked session."""
        self.durable = self._write(text)
        if self.durable:
            self._digests_on_disk = digests
        elif self._digests_on_disk is None or not self._digests_on_disk <= digests:
            self._remove()
        return self.durable

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
            sync_to_disk(self._path.parent)
        except OSError as error:
            self._on_trouble(f"a device that was revoked may be back after a crash: remove {self._path}, {error}")
        else:
            self._digests_on_disk = set()

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
            sync_to_disk(self._path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            self._on_trouble(f"paired devices cannot be saved: {error.strerror or error}")
            return False
        return True

    def _ignore_file(self, why: str) -> Iterable[Session]:
        self._on_trouble(f"devices that were paired before must be paired again: {self._path} is not used, {why}")
        return []


def _parse_sessions(data: Any, epoch: str) -> list[Session]:
    if data["version"] != VERSION or data["epoch"] != epoch:
        return []
    return [_parse_session(item) for item in data["sessions"]]


def _parse_session(item: dict[str, Any]) -> Session:
    texts = {name: str(item[name]) for name in ("ident", "digest", "device", "did")}
    did_at = item["did_at"]
    return Session(**texts, paired_at=float(item["paired_at"]), did_at=None if did_at is None else float(did_at))
