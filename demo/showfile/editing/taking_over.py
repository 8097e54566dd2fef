"""Takes edits of a show file over into the running show, one after the other; the newest good one counts."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from demo.errors import DemoError, ShowOver, SubjectError, describe, log_unexpected
from demo.show import commands as c
from demo.show.following import EditedShow
from demo.showfile.editing.edit import ReadFile, as_it_runs, changed_faults, describe_edit, read_edited
from demo.showfile.editing.places import find_places
from demo.showfile.editing.watched_files import WatchedFiles
from demo.showfile.running import EditedSystem
from demo.showfile.show import Show
from demo.types import Chapter, FaultDriver

logger = logging.getLogger(__name__)

WHO = "file"


@dataclass(frozen=True)
class Edit:
    """An edit that was checked: `show` as it will run, the chapters for its stage, and what changes in the system.

    `drivers` are those of all faults from then on, also of a subject that the file adds to.
    """

    show: Show
    deck: tuple[Chapter, ...]
    places: tuple[int, ...]
    description: str
    drivers: tuple[FaultDriver, ...]
    system: EditedSystem


class EditableSubject(Protocol):
    """What takes edits: a show file that is presented."""

    @property
    def show(self) -> Show:
        """The show as it runs."""

    def prepare(self, show: Show, places: Sequence[int]) -> Edit:
        """Return what an edited show changes; changes nothing. Raises `DemoError`."""

    def present(self, edit: Edit) -> None:
        """Go on with this edit once the show has its deck, at the same moment."""

    async def adopt_loads(self, edit: Edit) -> None:
        """Send the loads of an edit that is on the stage. Raises `SubjectError`."""


class EditWatch:
    """Looks for edits of `path`, for `subject`, until it is cancelled."""

    def __init__(self, path: Path, subject: EditableSubject, show: EditedShow, may_run: bool) -> None:
        self._path, self._subject, self._show, self._may_run = path, subject, show, may_run
        self._files = WatchedFiles(path)
        self._newest: Show | None = None
        """The newest good file, while a fault in place keeps a part of it from being taken over."""
        self._in_place: set[str] = set()

    async def run(self) -> None:
        """Look and take over until the show is over."""
        with contextlib.suppress(ShowOver):
            while True:
                try:
                    await self._look()
                except ShowOver:
                    raise
                except Exception as error:  # noqa: BLE001 - a bug must not keep the next edit from being seen
                    log_unexpected(logger, f"taking over an edit of {self._path}", error)
                    self._show.enqueue(WHO, c.Notice(f"{self._path.name} was edited, which failed: {describe(error)}"))

    async def _look(self) -> None:
        if await self._files.wait_for_change():
            await self._read()
        elif self._newest is not None and not self._in_place & self._faults_in_place():
            await self._take(self._newest, f"{', '.join(sorted(self._in_place))}: as the edited file has it now")

    async def _read(self) -> None:
        running = self._subject.show
        found: ReadFile = await asyncio.to_thread(read_edited, self._path, running, self._may_run)
        self._files.others = found.others
        if found.show is None:
            await self._reject(found.error)
        elif found.show is not running or self._show.state.deck_error:
            await self._take(found.show)

    async def _reject(self, error: str) -> None:
        await self._show.enqueue_and_wait(c.CommandEnvelope(WHO, c.RejectDeck(error)))

    async def _take(self, edited: Show, note: str = "") -> None:
        running = self._subject.show
        show, later = as_it_runs(edited, running)
        in_place = (changed_faults(show, running) | self._in_place) & self._faults_in_place()
        note = note or describe_edit(self._path, edited, running, later, sorted(in_place))
        places = find_places(running.chapters, show.chapters)
        try:
            edit = self._subject.prepare(show, places)
        except DemoError as error:
            await self._reject(f"{self._path.name}: {error}; the show goes on with the file as it was")
            return
        command = c.ReplaceDeck(
            edit.deck, places, edit.drivers, show.title, edit.description, edit.system.gone_nodes, note
        )
        self._subject.present(edit)
        await self._show.enqueue_and_wait(c.CommandEnvelope(WHO, command))
        self._newest, self._in_place = (edited if in_place else None), in_place
        try:
            await self._subject.adopt_loads(edit)
        except SubjectError as error:
            self._show.enqueue(WHO, c.Notice(str(error)))

    def _faults_in_place(self) -> set[str]:
        return {fault.name for fault in self._show.state.faults if fault.is_running}
