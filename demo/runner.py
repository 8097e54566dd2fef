"""`DemoRunner`: a show in a terminal, from the first screen until everything is healed."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

from rich.console import Console

from demo.conductor import Conductor, Deck, JournalSource, ShowConfig, ShowHost
from demo.console_output import SAID_SEC, ConsoleWriter
from demo.invitation import Invitation
from demo.show import ShowState
from demo.terminal.fullscreen_ui import FullscreenUi
from demo.terminal.narration_hook import NarrationHook, OnNarration
from demo.terminal.plain_ui import PlainUi
from demo.terminal.signals import ending_signals
from demo.types import HEAL_SEC, STOP_SEC, FaultDriver, Poller
from demo.watchdog.protocol import Watchdog

TerminalUi = FullscreenUi | PlainUi


class DemoRunner:
    """Shows and controls a show in a terminal, or by plain lines where there is none.

    Without `conductor` it makes its own from the other arguments, runs it, and heals everything on the
    way out. With one it only shows and controls that: its `run()` ends at Q, the show does not, unless `owns` is true.
    `on_narration_update` is called with the narration of each chapter that is entered; it may be a coroutine
    function. `notes` says whether the chapters' notes show at first: by default only beside a server,
    for a terminal alone may be what the audience sees. `invitation` is what the key I shows: how the next
    device is paired. Raises `ValueError` for an empty deck.
    """

    def __init__(  # noqa: PLR0913 - the signature is public
        self,
        subject_name: str,
        chapters: Deck,
        health_poller: Poller | None = None,
        on_narration_update: OnNarration | None = None,
        *,
        conductor: ShowHost | None = None,
        owns: bool | None = None,
        console: Console | None = None,
        faults: Sequence[FaultDriver] = (),
        title: str | None = None,
        description: str = "",
        journal: JournalSource | None = None,
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
        self.conductor: ShowHost = conductor or Conductor(
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
        """A person quit, with Q or Ctrl-C; false for a lost terminal, the end of the input, or another signal."""
        self._invitation = invitation
        self._notes = (not self._owns) if notes is None else notes

    async def run(self) -> None:
        """Run until Q, Ctrl-C, a signal or the end of input; then, with its own conductor, until all is healed.

        Raises what the conductor raises, `FaultError` for what could not be healed, after the terminal is restored.
        """
        quitting = self._quitting
        ui = self._make_ui(quitting)

        def on_signal(number: signal.Signals) -> None:
            if quitting.is_set():
                ui.key_controller.notify(ui.key_controller.waits_for)  # a second Ctrl-C does not cut the healing short
            else:
                self.left_by_person = number is signal.SIGINT
            quitting.set()

        with ending_signals(on_signal) if self._owns else contextlib.nullcontext(), ui:
            await self._run_until_end(ui, quitting)
        if self._owns:
            write = ConsoleWriter(quiet=False, file=self._console.file)
            write(self.farewell)
            write.finish(SAID_SEC)

    def stop(self) -> None:
        """End `run()` soon, as Q does. Safe to call twice."""
        self._quitting.set()

    @property
    def paints(self) -> bool:
        """Return whether it paints a full screen, where other output would be lost; otherwise it prints lines."""
        return _is_terminal(self._console)

    @property
    def farewell(self) -> str:
        """The last line: the alternate screen is gone, but where the show ended stays readable."""
        state = self.conductor.state
        if state.replay is not None:
            return f"Replay ended on [{state.number}/{state.total}]."
        all_healed = " Everything it broke is healed." if any(fault.run for fault in state.faults) else ""
        return f"Show ended on [{state.number}/{state.total}].{all_healed}"

    def _make_ui(self, quitting: asyncio.Event) -> TerminalUi:
        if self.paints:
            return FullscreenUi(self.conductor, self._console, quitting, notes=self._notes, invitation=self._invitation)
        return PlainUi(self.conductor, self._console.file, quitting)

    async def _run_until_end(self, ui: TerminalUi, quitting: asyncio.Event) -> None:
        """Run the UI and, if we own it, the show, until one of them ends; then stop the show, which heals."""
        ui_tasks = [asyncio.create_task(ui.run()), asyncio.create_task(quitting.wait())]
        with self._subscribed(ui) as hook_tasks:
            show_tasks = [asyncio.create_task(self.conductor.run())] if self._owns else []
            try:
                await asyncio.wait({*ui_tasks, *show_tasks}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                quitting.set()
                self.left_by_person |= ui.key_controller.quit
                cancelled = await self._stop_show(*show_tasks)
                for task in (*ui_tasks, *hook_tasks):
                    task.cancel()
                results = await asyncio.gather(*show_tasks, *ui_tasks, *hook_tasks, return_exceptions=True)
        if cancelled:
            raise asyncio.CancelledError
        for result in results:
            if isinstance(result, Exception):
                raise result

    @contextlib.contextmanager
    def _subscribed(self, ui: TerminalUi) -> Iterator[list["asyncio.Task[None]"]]:
        """Pass every state to the UI, and each narration to whoever wants it; yield the tasks that this takes."""
        listeners: list[Callable[[ShowState], None]] = [ui.changed]
        hook_tasks = []
        if self._on_narration is not None:
            hook = NarrationHook(self.conductor, self._on_narration)
            listeners.append(hook.changed)
            hook_tasks.append(asyncio.create_task(hook.run()))
        unsubscribers = [self.conductor.subscribe(listener) for listener in listeners]
        try:
            yield hook_tasks
        finally:
            for end in unsubscribers:
                end()

    async def _stop_show(self, *show_tasks: "asyncio.Task[None]") -> bool:
        """Stop our show and wait until it has healed everything; return whether we were cancelled meanwhile."""
        cancelled = False
        for task in show_tasks:
            self.conductor.stop(by_person=self.left_by_person)
            while not task.done():
                try:
                    await asyncio.wait({task})
                except asyncio.CancelledError:
                    # Not passed on yet: returning now would leave faults in place.
                    cancelled = True
        return cancelled


def _is_terminal(console: Console) -> bool:
    """Return whether a full screen can be painted, and keys be read one by one."""
    if sys.stdin is None or console.is_dumb_terminal:
        return False
    try:
        return os.isatty(sys.stdin.fileno()) and os.isatty(console.file.fileno())
    except (OSError, ValueError):
        return False
