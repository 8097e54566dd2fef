"""Which events each webhook has been told of, in a file beside the journal: so that a restart can tell it the rest.

A crash loses the last second of it; then a webhook is told of these events again, with the ids that they had.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from demo.journal import Journal

logger = logging.getLogger(__name__)

SUFFIX = ".webhooks"
SAVE_EVERY_SEC = 1.0
MAX_FILE_BYTES = 65_536


def name_webhook(url: str) -> str:
    """Return what a webhook is known by; the URL itself may hold a secret."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


class Progress:
    """For each webhook the last entry that it was told of. `earlier`: as the process before this one has left it."""

    def __init__(self, journal: Journal) -> None:
        self._path = None if journal.is_temporary else Path(f"{journal.path}{SUFFIX}")
        self._epoch = journal.epoch
        self.earlier: Mapping[str, int] = self._read()
        self._told = dict(self.earlier)
        self._saved = dict(self.earlier)

    def _read(self) -> dict[str, int]:
        # Damaged, or another show's: nothing is told again.
        with suppress(OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            if self._path is not None:
                descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                with os.fdopen(descriptor, "rb") as file:
                    found: Any = json.loads(file.read(MAX_FILE_BYTES))
                if found["epoch"] == self._epoch:
                    return {str(name): int(seq) for name, seq in found["told"].items()}
        return {}

    def begin(self, name: str, seq: int) -> None:
        """Note where a webhook begins that was told nothing before."""
        self._told.setdefault(name, seq)

    def note(self, name: str, seq: int) -> None:
        """Note that a webhook has been told of an entry, or has refused it."""
        self._told[name] = max(seq, self._told.get(name, 0))

    def save(self) -> None:
        """Write what has changed. Blocks until the disk answers; without a file a restart tells nothing again."""
        told = dict(self._told)
        if self._path is None or told == self._saved:
            return
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"epoch": self._epoch, "told": told}, file)
            new.replace(self._path)
            self._saved = told
        except OSError as error:
            logger.debug("%s cannot be written: %s", self._path, error)
