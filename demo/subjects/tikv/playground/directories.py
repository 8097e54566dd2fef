"""The place on disk of each playground that shows of this user began, so that what a crash left is found and ended."""

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
from demo.processes.procfs import marked
from demo.subjects.tikv.playground.tiup import STAGE_PROFILE, home

MARK = "DEMO_PLAYGROUND"
"""In the environment of every process of a playground: its tag."""

PREFIX = "chaos-stage-"
MAX_SOCKET = 100
"""Bytes of a Unix socket's path; the kernel takes 107."""

END_SEC = 10.0
LOOK_SEC = 0.05


@dataclass(frozen=True)
class PlaygroundDir:
    """One playground: its `tag`, as tiup is told it, is the name of its directory too."""

    tag: str

    @classmethod
    def new(cls) -> "PlaygroundDir":
        """With the stage profile in it. Raises `SubjectError`."""
        place = cls(PREFIX + secrets.token_hex(4))
        try:
            make_private(place.path.parent)
            place.path.mkdir(mode=0o700)
            place.config.write_text(STAGE_PROFILE)
            place.note(os.getpid(), None)
        except OSError as error:
            raise SubjectError(f"cannot write to {place.path}: {error.strerror or error}") from error
        if len(os.fsencode(place.socket)) > MAX_SOCKET:
            place.remove()
            raise SubjectError(
                f"{place.socket} is too long for a Unix socket: set XDG_STATE_HOME to a shorter directory"
            )
        return place

    @property
    def path(self) -> Path:
        return _all_of_them() / self.tag

    @property
    def config(self) -> Path:
        return self.path / "tikv.toml"

    @property
    def socket(self) -> Path:
        return self.path / "minder.sock"

    @property
    def _note(self) -> Path:
        return self.path / "minder.json"

    def note(self, server: int, minder: int | None) -> None:
        """For which server it is, and who minds it. Raises `OSError`."""
        told = {"server": server, "server_born": start_time_of(server)}
        told |= {"pid": minder, "born": None if minder is None else start_time_of(minder)}
        draft = self._note.with_suffix(".new")
        draft.write_text(json.dumps(told))
        draft.replace(self._note)

    def noted(self) -> dict[str, Any]:
        """Empty when nobody has begun it."""
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self._note.read_text())
            if isinstance(found, dict):
                return found
        return {}

    def remove(self) -> None:
        """What lies here, and the data that tiup keeps under this tag."""
        shutil.rmtree(home() / "data" / self.tag, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)


def _all_of_them() -> Path:
    return state_directory() / "playgrounds"


def _places() -> Iterator[PlaygroundDir]:
    with contextlib.suppress(OSError):
        for entry in sorted(_all_of_them().iterdir()):
            if entry.name.startswith(PREFIX):
                yield PlaygroundDir(entry.name)


async def end_what_is_left(tell: Callable[[str], None]) -> None:
    """Of shows that are gone: wait for the minders that still work at it, do the work of those that are gone too."""
    for place in _places():
        noted = place.noted()
        if not noted or _lives(noted.get("server"), noted.get("server_born")):
            continue
        tell(f"ending the playground {place.tag}, which a show that is gone has left")
        if await _ends(noted, END_SEC * 2):
            await end_all(place)


async def _ends(noted: dict[str, Any], within_sec: float) -> bool:
    until = time.monotonic() + within_sec
    while _lives(noted.get("pid"), noted.get("born")):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(LOOK_SEC)
    return True


def _lives(pid: object, born: object) -> bool:
    return isinstance(pid, int) and born is not None and start_time_of(pid) == born


async def end_all(place: PlaygroundDir) -> None:
    """SIGKILL for every process with its mark, until there is none; then nothing of it stays on disk."""
    until = time.monotonic() + END_SEC
    while found := marked(MARK, place.tag):
        for pid, born in found.items():
            ProcessRef(pid, born).kill()
        if time.monotonic() > until:
            raise SubjectError(f"processes of a playground do not end: {', '.join(map(str, found))}")
        await asyncio.sleep(LOOK_SEC)
    place.remove()
