"""The two lanes into the conductor: halt and heal overtake everything else that waits."""

import asyncio
from collections import deque

from demo.errors import ShowOver
from demo.show import ShowState
from demo.show.commands import CommandEnvelope, Halt, Heal

Waiting = tuple[CommandEnvelope, "asyncio.Future[ShowState] | None"]


def is_urgent(command: CommandEnvelope) -> bool:
    """Halt and heal never wait: not for their turn, not for the disk."""
    return isinstance(command.command, Halt | Heal)


class CommandQueue:
    """Commands in the order they came, the urgent ones first."""

    def __init__(self) -> None:
        self._urgent: deque[Waiting] = deque()
        self._plain: deque[Waiting] = deque()
        self._filled = asyncio.Event()
        self.hurry = asyncio.Event()
        self.closed = False

    def put(self, command: CommandEnvelope, done: "asyncio.Future[ShowState] | None") -> None:
        """Raises `ShowOver` after `close`, for those who wait for an answer."""
        if self.closed:
            if done is not None:
                raise ShowOver("the show is over")
            return
        if is_urgent(command):
            self._urgent.append((command, done))
            self.hurry.set()
        else:
            self._plain.append((command, done))
        self._filled.set()

    async def filled(self) -> None:
        """Return once something waits, or `wake` was called."""
        await self._filled.wait()

    def wake(self) -> None:
        """Whoever waits in `filled` is to look again, until the next `take`."""
        self._filled.set()

    def take(self) -> Waiting | None:
        """The next command, None when nothing waits."""
        lane = self._urgent or self._plain
        taken = lane.popleft() if lane else None
        if not self._urgent:
            self.hurry.clear()
        if not self._urgent and not self._plain:
            self._filled.clear()
        return taken

    def close(self) -> None:
        """Answer whoever still waits: the show is over."""
        self.closed = True
        while (waiting := self.take()) is not None:
            done = waiting[1]
            if done is not None and not done.done():
                done.set_exception(ShowOver("the show is over"))
