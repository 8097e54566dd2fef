"""The directory of each playground that this user's shows started, so that a crash's orphans are found."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import SubjectError
from demo.paths import make_private, state_directory
from demo.processes.child import start_time_of
from demo.processes.process_ref import ProcessRef
from demo.processes.procfs import list_by_environment
from demo.subjects.tikv.playground.tiup import STAGE_PROFILE, home

MARK = "DEMO_PLAYGROUND"
"""The environment variable that holds the playground's tag, in each of its processes."""

PREFIX = "chaos-stage-"
MAX_SOCKET = 100
"""Bytes of a Unix socket's path; the kernel allows 107."""

END_SEC = 10.0
CHECK_INTERVAL_SEC = 0.05


@dataclass(frozen=True)
class PlaygroundDir:
    """One playground's directory, named after the `tag` that tiup is given."""

    tag: str

    @classmethod
    def new(cls) -> "PlaygroundDir":
        """Create it, with the stage profile in it. Raises `SubjectError`."""
        directory = cls(PREFIX + secrets.token_hex(4))
        try:
            make_private(directory.path.parent)
            directory.path.mkdir(mode=0o700)
            directory.config.write_text(STAGE_PROFILE)
            directory.note(os.getpid(), None)
        except OSError as error:
            raise SubjectError(f"cannot write to {directory.path}: {error.strerror or error}") from error
        if len(os.fsencode(directory.socket)) > MAX_SOCKET:
            directory.remove()
            raise SubjectError(
                f"{directory.socket} is too long for a Unix socket: set XDG_STATE_HOME to a shorter directory"
            )
        return directory

    @property
    def path(self) -> Path:
        return _parent_directory() / self.tag

    @property
    def config(self) -> Path:
        return self.path / "tikv.toml"

    @property
    def socket(self) -> Path:
        return self.path / "minder.sock"

    @property
    def _note_file(self) -> Path:
        return self.path / "minder.json"

    def note(self, server: int, supervisor: int | None) -> None:
        """Record for which server it is, and the pid of its supervisor. Raises `OSError`."""
        note = {"server": server, "server_born": start_time_of(server)}
        note |= {"pid": supervisor, "born": None if supervisor is None else start_time_of(supervisor)}
        draft = self._note_file.with_suffix(".new")
        draft.write_text(json.dumps(note))
        # Replaced in one step: a reader sees the old note or the new one.
        draft.replace(self._note_file)

    def noted(self) -> dict[str, Any]:
        """Return what `note` recorded; empty when there is nothing."""
        with contextlib.suppress(OSError, ValueError):
            note = json.loads(self._note_file.read_text())
            if isinstance(note, dict):
                return note
        return {}

    def remove(self) -> None:
        """Delete the directory, and the data that tiup keeps under this tag."""
        shutil.rmtree(home() / "data" / self.tag, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)


def _parent_directory() -> Path:
    return state_directory() / "playgrounds"


def _directories() -> Iterator[PlaygroundDir]:
    with contextlib.suppress(OSError):
        for entry in sorted(_parent_directory().iterdir()):
            if entry.name.startswith(PREFIX):
                yield PlaygroundDir(entry.name)


async def stop_orphaned_playgrounds(tell: Callable[[str], None]) -> None:
    """End the playgrounds of shows that have terminated.

    If the supervisor still lives, it is already ending its playground and is waited for; otherwise it is ended here.
    """
    for directory in _directories():
        noted = directory.noted()
        if not noted or _is_alive(noted.get("server"), noted.get("server_born")):
            continue
        tell(f"stopping the playground {directory.tag}, which an earlier show left running")
        if await _wait_for_supervisor(noted, END_SEC * 2):
            await stop_playground(directory)


async def _wait_for_supervisor(noted: dict[str, Any], within_sec: float) -> bool:
    until = time.monotonic() + within_sec
    while _is_alive(noted.get("pid"), noted.get("born")):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(CHECK_INTERVAL_SEC)
    return True


def _is_alive(pid: object, born: int | None) -> bool:
    return isinstance(pid, int) and ProcessRef(pid, born).is_alive


async def stop_playground(place: PlaygroundDir) -> None:
    """Kill every process with the playground's mark until none is left, then delete its directory.

    Raises `SubjectError` when processes are left after END_SEC.
    """
    until = time.monotonic() + END_SEC
    while processes := list_by_environment(MARK, place.tag):
        for pid, born in processes.items():
            ProcessRef(pid, born).kill()
        if time.monotonic() > until:
            raise SubjectError(
                f"processes of a playground do not terminate, kill them: {', '.join(map(str, processes))}"
            )
        await asyncio.sleep(CHECK_INTERVAL_SEC)
    place.remove()
