"""The queue into the conductor, in two lanes: halt and heal overtake all other commands."""

import asyncio
from collections import deque

from demo.errors import ShowOver
from demo.show import ShowState
from demo.show.commands import Command, CommandEnvelope, CountVotes, Halt, Heal, RecordSample
from demo.show.system_described import DescribeSystem

Waiting = tuple[CommandEnvelope, "asyncio.Future[ShowState] | None"]


def is_urgent(command: CommandEnvelope) -> bool:
    """Return whether a command is halt or heal: those wait neither for their turn nor for the disk."""
    return isinstance(command.command, Halt | Heal)


def may_be_lost(command: Command) -> bool:
    """Return whether a crash may lose what a command reports: it comes again, or is stored elsewhere."""
    return isinstance(command, RecordSample | DescribeSystem) or (
        isinstance(command, CountVotes) and not command.is_final
    )


class CommandQueue:
    """Commands in the order of their arrival, urgent ones first.

    `hurry` is set while an urgent command waits: it tells the journal writer to stop waiting for the disk.
    """

    def __init__(self) -> None:
        self._urgent: deque[Waiting] = deque()
        self._ordinary: deque[Waiting] = deque()
        self._filled = asyncio.Event()
        self.hurry = asyncio.Event()
        self.closed = False

    def put(self, command: CommandEnvelope, done: "asyncio.Future[ShowState] | None") -> None:
        """Append a command. `done` gets its outcome; None when nobody waits for it.

        After `close` a command without `done` is dropped. Raises `ShowOver` then for one that has it.
        """
        if self.closed:
            # Reports of running work also come after the end; only callers that wait have to know.
            if done is not None:
                raise ShowOver("the show is over")
            return
        if is_urgent(command):
            self._urgent.append((command, done))
            self.hurry.set()
        else:
            self._ordinary.append((command, done))
        self._filled.set()

    async def wait_until_filled(self) -> None:
        """Wait until a command is queued or `wake` is called."""
        await self._filled.wait()

    def wake(self) -> None:
        """Make `wait_until_filled` return even though nothing is queued, until the next `take`."""
        self._filled.set()

    def take(self) -> Waiting | None:
        """Remove and return the next command; None when the queue is empty."""
        # An urgent command always goes first: a halt must not wait behind a hundred clicks.
        lane = self._urgent or self._ordinary
        taken = lane.popleft() if lane else None
        if not self._urgent:
            self.hurry.clear()
        if not self._urgent and not self._ordinary:
            self._filled.clear()
        return taken

    def close(self) -> None:
        """Refuse further commands, and fail those that still wait with `ShowOver`."""
        self.closed = True
        while (queued := self.take()) is not None:
            done = queued[1]
            if done is not None and not done.done():
                done.set_exception(ShowOver("the show is over"))
