"""Heals what shows of other decks have left broken, at the start of a server: each undo in a process of its own.

An undo stays in the journal in which it was recorded, and is marked there. What cannot be healed is told in one line
with what to do, and tried again at the next start.
"""

import asyncio
import contextlib
import json
import logging
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demo.errors import log_unexpected
from demo.journal import Undo
from demo.journal.healer_table import Healer
from demo.journal.library.leftovers import Leftover, find_leftovers, is_watched, read_leftover
from demo.processes.child import ROOT
from demo.threads.worker_thread import run_in_thread
from demo.watchdog.process import HEAL_ATTEMPT_TIMEOUT_SEC, RUN_HEAL

logger = logging.getLogger(__name__)

Tell = Callable[[str, bool], None]
"""Tells the presenter something; True: it is good news, or none."""

MAX_AT_ONCE = 2
"""How many undos are healed side by side: each process takes a third of a second of a processor."""

MAX_UNDOS = 20
"""How many undos of one journal a start heals; there is no show with so many."""

WATCHED_TIMEOUT_SEC = 60.0
CHECK_INTERVAL_SEC = 0.2
CHECK_TIMEOUT_SEC = 0.2
MAX_ANSWER = 65_536


async def heal_leftovers(own: Path, tell: Tell) -> None:
    """Heal what the journals of the user's directory have pending, but for `own`.

    A journal whose server lives is left alone; one whose watchdog is healing is waited for.
    """
    found = await asyncio.wrap_future(run_in_thread(lambda: find_leftovers(own), "looking for what shows have left"))
    slots = asyncio.Semaphore(MAX_AT_ONCE)
    await asyncio.gather(*(_Healing(leftover, slots, tell).run() for leftover in found))


@dataclass
class _Healing:
    """Heals what one journal has pending."""

    leftover: Leftover
    slots: asyncio.Semaphore
    tell: Tell

    async def run(self) -> None:
        try:
            if await self._wait_for_watchdog():
                await self._heal_all()
        except Exception as error:  # noqa: BLE001 - one journal keeps neither the others nor the show back
            log_unexpected(logger, f"healing what {self.leftover.name} left", error)
            self.tell(f"what the show {self.leftover.name} left broken could not be healed: {error}", False)

    async def _wait_for_watchdog(self) -> bool:
        """Wait until no watchdog has undos of this journal; return whether any are left for us then."""
        path, deadline = self.leftover.path, time.monotonic() + WATCHED_TIMEOUT_SEC
        was_watched = False
        while is_watched(path):
            was_watched = True
            if time.monotonic() > deadline:
                self.tell(
                    f"the show {self.leftover.name} left something broken: its watchdog is still healing it", True
                )
                return False
            await asyncio.sleep(CHECK_INTERVAL_SEC)
        if was_watched:
            current = read_leftover(path)
            if current is None:
                return False
            self.leftover = current
        return True

    async def _heal_all(self) -> None:
        name = self.leftover.name
        if self.leftover.trouble:
            text = f"whether the show {name} left something broken cannot be read: {self.leftover.trouble}"
            self.tell(f"{text}. To remove it: demo shows --remove {shlex.quote(name)} --force", False)
        for text in self.leftover.unreadable:
            self.tell(f"{name}: {text}", False)
        healer = self.leftover.healer
        undos = self.leftover.undos[:MAX_UNDOS]
        if len(undos) < len(self.leftover.undos):
            self.tell(f"the show {name} left {len(self.leftover.undos)} undos; this start heals {len(undos)}", False)
        if not undos:
            return
        if why := _obstacle(healer):
            self._tell_unhealed(undos, why)
        elif healer is not None:
            await asyncio.gather(*(self._heal(undo, healer) for undo in undos))

    def _tell_unhealed(self, undos: tuple[Undo, ...], why: str) -> None:
        for undo in undos:
            by_hand = f". By hand: {undo.plan.manual}" if undo.plan.manual else ""
            self.tell(f"{undo.fault}, left by the show {self.leftover.name}, is not healed: {why}{by_hand}", False)

    async def _heal(self, undo: Undo, healer: Healer) -> None:
        settled_at = _settled_at(self.leftover.path, undo)
        why = await self._attempt(undo, healer, is_final=time.time() >= settled_at)
        if why is None and (left_sec := settled_at - time.time()) > 0:
            # The injection was interrupted, and may take effect after this heal.
            await asyncio.sleep(min(left_sec, undo.plan.late_sec))
            why = await self._attempt(undo, healer, is_final=True)
        left = f"{undo.fault}, left by the show {self.leftover.name},"
        if why is None:
            self.tell(f"{left} was healed", True)
        else:
            again = f"To try again: {_start_command(healer)}"
            self.tell(f"{left} could not be healed: {why}. {again}", False)

    async def _attempt(self, undo: Undo, healer: Healer, *, is_final: bool) -> str | None:
        """Heal an undo unless somebody else does; return the reason if it is not healed."""
        async with self.slots:
            current = read_leftover(self.leftover.path)
            # Its server was started again: it heals by itself, and may have injected anew what would be undone here.
            if current is None or undo.id not in [one.id for one in current.undos]:
                return None
            order = {
                "subject": healer.subject,
                "options": healer.options,
                "journal": str(self.leftover.path),
                "hold": undo.id,
                "fault": undo.fault,
                "plan": asdict(undo.plan) | {"undo": dict(undo.plan.undo)},
                "gone": True,
                "final": is_final,
            }
            answer = await _run_healer(order, healer.folder)
        return None if answer["why"] is None else str(answer["why"])


def _obstacle(healer: Healer | None) -> str:
    """Return why nothing of a journal can be healed from here, and what to do; "" if it can be tried."""
    if healer is None:
        return "an earlier version of this program wrote its journal; start that show once"
    if healer.is_of_another_machine:
        return f"it was injected on another machine; there, {_start_command(healer)}"
    if not Path(healer.folder).is_dir():
        return f"its folder {healer.folder} is gone; bring it back and start any show"
    return ""


def _start_command(healer: Healer) -> str:
    allowed = " -x" if healer.options.get("allow_run") else ""
    return f"cd {shlex.quote(healer.folder)} && demo serve {shlex.quote(healer.subject)}{allowed}"


def _settled_at(path: Path, undo: Undo) -> float:
    """Return the date at which an injection that was interrupted can no longer take effect."""
    if undo.state != "intended":
        return 0.0
    # The undo's own moment is of a clock that stands still between two shows; its file was written since.
    written = 0.0
    for name in (path, Path(f"{path}-wal")):
        with contextlib.suppress(OSError):
            written = max(written, name.stat().st_mtime)
    return written + undo.plan.late_sec


async def _run_healer(order: Mapping[str, Any], folder: str) -> Mapping[str, Any]:
    """Run `demo.watchdog.heal` and return its answer, which has `why`; None there means healed. Never raises."""
    try:
        # As the watchdog runs it: what the driver starts outlives this process, and nothing in `folder` is imported
        # in place of a module of Python's.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", RUN_HEAL, str(ROOT)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        return {"why": f"the healing process could not be started: {error.strerror or error}"}
    try:
        async with asyncio.timeout(HEAL_ATTEMPT_TIMEOUT_SEC):
            line = await _exchange(process, json.dumps(order).encode())
    except TimeoutError:
        return {"why": f"not healed within {HEAL_ATTEMPT_TIMEOUT_SEC:g} s"}
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CHECK_TIMEOUT_SEC):
                await process.wait()
    with contextlib.suppress(ValueError):
        answer = json.loads(line)
        if isinstance(answer, dict) and "why" in answer:
            return answer
    return {"why": "the healing process failed"}


async def _exchange(process: asyncio.subprocess.Process, request: bytes) -> bytes:
    """Send the order, and return the first line of the answer: a child of the driver may hold the pipe open longer."""
    if process.stdin is None or process.stdout is None:
        return b""
    with contextlib.suppress(OSError):
        process.stdin.write(request)
        await process.stdin.drain()
        process.stdin.close()
    return await process.stdout.readline()
