"""`DemoRunner`: the life of a show in a terminal, from the first picture until everything is healed."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

from rich.console import Console

from demo.conductor import Conductor, Deck, Keeping, ShowConfig
from demo.console_output import SAID_SEC, ConsoleWriter
from demo.invitation import Invitation
from demo.show import ShowState
from demo.terminal.fullscreen_ui import FullscreenUi
from demo.terminal.narration_hook import NarrationHook, OnNarration
from demo.terminal.plain_ui import PlainUi
from demo.terminal.signals import ending_signals
from demo.types import HEAL_SEC, STOP_SEC, FaultDriver, Poller, Watchdog

Front = FullscreenUi | PlainUi


class DemoRunner:
    """Shows and steers a show in a terminal, or by plain lines where there is none.

    Without `conductor` it makes its own of the other arguments, runs it, and heals everything on the
    way out. With one it only shows and steers that: its `run()` ends at Q, the show does not, unless `owns` is true.
    `on_narration_update` gets the narration of each chapter that is entered; it may be a coroutine
    function. `notes` says whether the chapters' notes show at first: by default only beside a server,
    for a terminal alone may be what the room sees. `invitation` is what the key I shows: how the next
    device is paired. Raises `ValueError` for an empty deck.
    """

    def __init__(  # noqa: PLR0913 - the signature is public
        self,
        subject_name: str,
        chapters: Deck,
        health_poller: Poller | None = None,
        on_narration_update: OnNarration | None = None,
        *,
        conductor: Conductor | None = None,
        owns: bool | None = None,
        console: Console | None = None,
        faults: Sequence[FaultDriver] = (),
        title: str | None = None,
        description: str = "",
        journal: Keeping | None = None,
        start_system: Callable[[], Awaitable[None]] | None = None,
        heal_system: Callable[[], Awaitable[None]] | None = None,
        heal_sec: float = HEAL_SEC,
        stop_system: Callable[[], Awaitable[None]] | None = None,
        stop_sec: float = STOP_SEC,
        watchdog: Watchdog | None = None,
        start_at: int | None = None,
        notes: bool | None = None,
        invitation: Callable[[], Invitation | None] = lambda: None,
    ) -> None:
        self._owns = conductor is None if owns is None else owns
        self.conductor = conductor or Conductor(
            ShowConfig(
                subject_name,
                chapters,
                health_poller,
                title=title,
                description=description,
                faults=faults,
                start_system=start_system,
                heal_system=heal_system,
                heal_sec=heal_sec,
                stop_system=stop_system,
                stop_sec=stop_sec,
                journal=journal,
                watchdog=watchdog,
                start_at=start_at,
            )
        )
        self._console = console or Console()
        self._on_narration = on_narration_update
        self._quitting = asyncio.Event()
        self.left_by_person = False
        """A person quit, with Q or Ctrl-C; not a lost terminal, the end of the input, or another signal."""
        self._invitation = invitation
        self._notes = (not self._owns) if notes is None else notes

    async def run(self) -> None:
        """Until Q, Ctrl-C, a signal or the end of input; then, with its own conductor, until all is healed.

        Raises what the conductor raises, `FaultError` for what could not be healed, after the terminal is restored.
        """
        quitting = self._quitting
        front = self._front(quitting)

        def asked(number: signal.Signals) -> None:
            if quitting.is_set():
                front.helm.tell(front.helm.waits_for)
            else:
                self.left_by_person = number is signal.SIGINT
            quitting.set()

        with ending_signals(asked) if self._owns else contextlib.nullcontext(), front:
            await self._play(front, quitting)
        if self._owns:
            say = ConsoleWriter(quiet=False, file=self._console.file)
            say(self.farewell)
            say.finish(SAID_SEC)

    def stop(self) -> None:
        """End `run()` soon, as Q does. Safe to call twice."""
        self._quitting.set()

    @property
    def paints(self) -> bool:
        """It paints a picture, and whatever else is printed here would be lost on it; else it prints lines."""
        return _is_terminal(self._console)

    @property
    def farewell(self) -> str:
        """A picture is gone with its screen; where the show ended stays readable."""
        state = self.conductor.state
        healed = " Everything it broke is healed." if any(fault.run for fault in state.faults) else ""
        return f"Show ended on [{state.number}/{state.total}].{healed}"

    def _front(self, quitting: asyncio.Event) -> Front:
        if self.paints:
            return FullscreenUi(self.conductor, self._console, quitting, notes=self._notes, invitation=self._invitation)
        return PlainUi(self.conductor, self._console.file, quitting)

    async def _play(self, front: Front, quitting: asyncio.Event) -> None:
        """Show, steer and (if it is ours) play, until the first of them ends; heal whatever ended it."""
        beside = [asyncio.create_task(front.run()), asyncio.create_task(quitting.wait())]
        with self._listening(front) as narrating:
            playing = [asyncio.create_task(self.conductor.run())] if self._owns else []
            try:
                await asyncio.wait({*beside, *playing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                quitting.set()
                self.left_by_person |= front.helm.quit
                cancelled = await self._outlast(*playing)
                for task in (*beside, *narrating):
                    task.cancel()
                results = await asyncio.gather(*playing, *beside, *narrating, return_exceptions=True)
        if cancelled:
            raise asyncio.CancelledError
        for result in results:
            if isinstance(result, Exception):
                raise result

    @contextlib.contextmanager
    def _listening(self, front: Front) -> Iterator[list["asyncio.Task[None]"]]:
        """Every state goes to the front, and the narrations to whoever wants them."""
        listeners: list[Callable[[ShowState], None]] = [front.changed]
        narrating = []
        if self._on_narration is not None:
            narrator = NarrationHook(self.conductor, self._on_narration)
            listeners.append(narrator.changed)
            narrating.append(asyncio.create_task(narrator.run()))
        ends = [self.conductor.subscribe(listener) for listener in listeners]
        try:
            yield narrating
        finally:
            for end in ends:
                end()

    async def _outlast(self, *playing: "asyncio.Task[None]") -> bool:
        """Stop our show and wait until it has healed everything. True: somebody cancelled us meanwhile."""
        cancelled = False
        for task in playing:
            self.conductor.stop(by_person=self.left_by_person)
            while not task.done():
                try:
                    await asyncio.wait({task})
                except asyncio.CancelledError:
                    cancelled = True
        return cancelled


def _is_terminal(console: Console) -> bool:
    """Can a picture be painted, and keys be read one by one?"""
    if sys.stdin is None or console.is_dumb_terminal:
        return False
    try:
        return os.isatty(sys.stdin.fileno()) and os.isatty(console.file.fileno())
    except (OSError, ValueError):
        return False
