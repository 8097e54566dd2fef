"""What a process without the show needs to undo what a journal has pending: the subject, its options, and the place.

One row, written before the first undo that needs it. Journals of earlier versions have none.
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HEALER_SCHEMA = "CREATE TABLE IF NOT EXISTS healer (one INTEGER PRIMARY KEY CHECK (one = 1), data TEXT NOT NULL);"
REPLACE_HEALER = "INSERT OR REPLACE INTO healer VALUES (1, ?)"
"""SQL statement that writes the row; its one value is JSON."""

MACHINE_ID = Path("/etc/machine-id")


def get_machine_id() -> str:
    """Return an id of this machine, the same across reboots; "" where the system does not tell."""
    with contextlib.suppress(OSError, ValueError):
        # Hashed: the number itself is not meant for other programs (machine-id(5)).
        if text := MACHINE_ID.read_text(encoding="ascii").strip():
            return hashlib.sha256(f"chaos-stage {text}".encode()).hexdigest()[:16]
    return ""


@dataclass(frozen=True)
class Healer:
    """`subject` and `options`: as the watchdog gets them. `folder`: the server's working directory.

    `machine`: where the faults were injected; what was broken there cannot be healed from another machine.
    """

    subject: str
    options: Mapping[str, Any]
    folder: str = field(default_factory=lambda: str(Path.cwd()))
    machine: str = field(default_factory=get_machine_id)

    @property
    def is_of_another_machine(self) -> bool:
        here = get_machine_id()
        return bool(self.machine and here and self.machine != here)

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "options": dict(self.options),
            "folder": self.folder,
            "machine": self.machine,
        }


def read_healer(db: sqlite3.Connection) -> Healer | None:
    """Return what the row says; None without one, and for one that cannot be read."""
    try:
        row = db.execute("SELECT data FROM healer").fetchone()
        data = json.loads(row[0]) if row else None
        if not isinstance(data, dict) or not isinstance(data["options"], dict):
            return None
        return Healer(str(data["subject"]), data["options"], str(data["folder"]), str(data["machine"]))
    except (sqlite3.Error, ValueError, KeyError, TypeError, RecursionError):
        return None
