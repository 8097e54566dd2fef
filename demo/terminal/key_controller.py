"""Turns named keys into commands for the conductor, and its refusals into notices."""

import asyncio
from collections.abc import Callable

from demo.conductor import ENDING, ShowHost
from demo.errors import DemoError
from demo.show.commands import Command, CommandEnvelope
from demo.terminal.keymap import ASKED_SEC, Keypad, Pressed, carries_chapter, press, question

WHO = "terminal"
NOTICE_SEC = 3.0
HEALING = "healing, please wait"
REMOVING = f"{ENDING}, please wait"


class KeyController:
    """The keypad of one terminal. `quitting` is set when somebody quits; `on_change` asks for a repaint."""

    def __init__(self, conductor: ShowHost, quitting: asyncio.Event, on_change: Callable[[], None]) -> None:
        self.pad = Keypad()
        self.quit = False
        """Somebody pressed a key that quits: the terminal was not merely lost."""
        self._conductor = conductor
        self._quitting = quitting
        self._on_change = on_change
        self._notices: list[tuple[float, str]] = []
        self._pending_commands: set[asyncio.Task[None]] = set()

    @property
    def is_leaving(self) -> bool:
        """Somebody quit here, or the show is being stopped from elsewhere."""
        return self._quitting.is_set() or self._conductor.stopping

    @property
    def waits_for(self) -> str:
        """What the show is still busy with while it ends."""
        return REMOVING if self._conductor.system.is_slow else HEALING

    def press(self, key: str, shown: int, step: int | None = None) -> Pressed:
        """Do what `key` means, pressed while chapter `shown` and its `step` (1-based) were on this terminal."""
        now = asyncio.get_running_loop().time()
        if self.is_leaving:
            self.notify(self.waits_for)
            return Pressed()
        open_question = question(self.pad)
        self.pad, pressed = press(self.pad, key, self._conductor.state, now)
        self._notices = [(until, text) for until, text in self._notices if text != open_question]
        if pressed.order is not None and not self._conductor.state.visit:
            self.notify("the show has not begun yet")
            return Pressed()
        if pressed.notice:
            self.notify(pressed.notice, ASKED_SEC if self.pad.armed else NOTICE_SEC)
        if pressed.order is not None:
            self._notices.clear()  # notices from before this command are out of date
            self._send(pressed.order, shown, step)
        if pressed.does == "quit":
            self.quit = True
            self._quitting.set()
        return pressed

    def notify(self, notice: str, lasts_sec: float = NOTICE_SEC) -> None:
        """Show a notice to the presenter for `lasts_sec` seconds."""
        self._notices.append((asyncio.get_running_loop().time() + lasts_sec, notice))
        self._on_change()

    def notices(self) -> tuple[str, ...]:
        """Return the notices that have not expired, the newest last."""
        now = asyncio.get_running_loop().time()
        self._notices = [(until, text) for until, text in self._notices if until > now]
        return tuple(text for _, text in self._notices)

    def take_notices(self) -> tuple[str, ...]:
        """Return all notices and forget them: for a terminal that prints each once."""
        taken, self._notices = tuple(text for _, text in self._notices), []
        return taken

    async def wait_for_answers(self) -> None:
        """Wait until every command sent so far was accepted or refused."""
        while self._pending_commands:
            await asyncio.wait(tuple(self._pending_commands))

    def cancel_commands(self) -> None:
        """Cancel the commands on their way: the show is over, and their answers may never come."""
        for task in self._pending_commands:
            task.cancel()

    def _send(self, order: Command, shown: int, step: int | None) -> None:
        carries = carries_chapter(order)
        command = CommandEnvelope(WHO, order, shown if carries else None, step if carries else None)
        # Tasks start in the order they are made, so commands keep the order of the keys.
        task = asyncio.get_running_loop().create_task(self._submit(command))
        self._pending_commands.add(task)
        task.add_done_callback(self._pending_commands.discard)

    async def _submit(self, command: CommandEnvelope) -> None:
        try:
            await self._conductor.submit(command)
        except DemoError as refused:
            text = str(refused)
            self.notify(text[:1].upper() + text[1:])
