"""Streams that the application itself serves: `/events`, and a view's where no connection is handed over below."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from demo.conductor import Conductor
from demo.errors import JournalError
from demo.hub import Hub
from demo.show import ShowState
from demo.show import events as e
from demo.views import snapshot
from demo.views.state_json import moment
from demo.web.asgi_extensions import UNTIL_CLOSED
from demo.web.streaming.stream_slots import StreamSlot

MAX_MAILBOX = 8
"""Messages that may wait for one listener; beyond them it is skipped and gets the whole view later."""

SEND_TIMEOUT_SEC = 30.0
"""Of a listener that takes nothing; the connection itself (`web/wire.py`) is cut before that."""

HEARTBEAT_SEC = 15
RETRY_MS = 500
RETRY = f"retry: {RETRY_MS}\n".encode()
"""The first line of a stream's first message. Never a block of its own: some clients take that for an empty event."""

LOOK_EVERY_SEC = 0.2
DISK_TIMEOUT_SEC = 1.0
"""How often a stream looks whether what it waits for is on disk, and how long a new one waits for it."""


class Mailbox:
    """A sink that one task empties. Bounded, whatever the listener does: beyond that `full` is called."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._changed = asyncio.Event()
        self._closed = False
        self.full: Callable[[], None] = lambda: None

    def write(self, message: bytes) -> int:
        if len(self._waiting) >= MAX_MAILBOX:
            raise BlockingIOError
        self._waiting.append(message)
        self._changed.set()
        return len(message)

    def write_rest(self, rest: bytes) -> None:
        self.full()

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    async def take(self) -> bytes | None:
        """Everything that waits, as one chunk; None when the stream is over."""
        await self._changed.wait()
        self._changed.clear()
        if self._closed:
            return None
        chunk = b"".join(self._waiting)
        self._waiting.clear()
        return chunk


class Ping(ServerSentEvent):
    """A sign of life: a comment in front of the next message, for a block of its own would be an event to some."""

    def encode(self) -> bytes:
        return b": ping\n"


class StreamResponse(EventSourceResponse):
    """Gives its place back when it is over, however it ends."""

    line: StreamSlot | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        until_closed = scope.get("extensions", {}).get(UNTIL_CLOSED)
        if until_closed is not None and until_closed():
            self.headers["connection"] = "close"
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.line is not None:
                self.line.leave()


def view_stream(hub: Hub[Any], view: str, line: StreamSlot | None = None) -> StreamResponse:
    """The htmx stream of one view: the whole of it, then what changes. `line` ends it from outside."""
    mailbox = Mailbox()
    if line is not None:
        line.on_end(mailbox.close)

    async def messages() -> AsyncIterator[bytes]:
        listener = hub.join(view, mailbox)
        mailbox.full = partial(hub.mark_missed, listener)
        try:
            yield RETRY
            while (chunk := await mailbox.take()) is not None:
                yield chunk
                hub.resume(listener)
        finally:
            hub.leave(listener)

    return _response(messages(), line)


class EventStream:
    """`/events` for programs: every event of the journal once, in order, no gap.

    An id is a promise to go on behind it, after a crash too. So an entry is told once it is on disk (a move
    is at once, a health sample within a second): one that a crash loses gives its number to another event.
    While the disk is lost, entries are told from memory, without an id: who resumes then gets them again.
    """

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._journal = conductor.journal
        self._waiting: set[asyncio.Event] = set()
        self._closed = False

    def tell(self) -> None:
        """The journal has grown."""
        for event in self._waiting:
            event.set()

    def close(self) -> None:
        self._closed = True
        self.tell()

    def stream(self, last_id: str | None, line: StreamSlot | None = None) -> StreamResponse:
        """From behind `last_id`; without one, or with one of another show, from a snapshot on."""
        grown = asyncio.Event()
        if line is not None:
            line.on_end(grown.set)
        return _response(self._messages(self._place(last_id), grown, line), line)

    def _place(self, last_id: str | None) -> int | None:
        epoch, _, seq = (last_id or "").rpartition("-")
        known = epoch == self._conductor.epoch and seq.isascii() and seq.isdecimal()
        newest = max(self._conductor.state.seq, self._journal.durable_seq)
        return int(seq) if known and len(seq) <= 18 and int(seq) <= newest else None

    async def _messages(self, after: int | None, grown: asyncio.Event, line: StreamSlot | None) -> AsyncIterator[bytes]:
        self._waiting.add(grown)
        try:
            yield RETRY
            if after is None:
                state = await self._settled()
                after = state.seq
                clock = self._conductor.clock
                shown = snapshot(state, self._conductor.epoch, {}, now=clock(), ahead=clock.ahead)
                yield self._frame("snapshot", after, shown)
            while not self._closed and not (line and line.ended):
                grown.clear()
                upto = self._upto()
                while after < upto:
                    entries = [entry for entry in await self._journal.read(after) if entry.seq <= upto]
                    for entry in entries:
                        told = _entry(entry, self._conductor.clock.ahead, left_out=entry.seq - after - 1)
                        yield self._frame("entry", entry.seq, told)
                        after = entry.seq
                    # Numbers that nobody holds (samples given up while the disk took none) are passed over.
                    after = after if entries else upto
                # A write makes no new state, so whoever waits for one looks again by itself.
                pending = after < self._conductor.state.seq
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(grown.wait(), LOOK_EVERY_SEC if pending else None)
        except JournalError:
            return  # The presenter is told by the conductor; the program comes back with its last id.
        finally:
            self._waiting.discard(grown)

    def _upto(self) -> int:
        state = self._conductor.state
        return min(state.seq, self._journal.durable_seq) if self._is_written(state) else state.seq

    async def _settled(self) -> ShowState:
        """The newest state, once everything that made it is on disk (or the disk is overdue)."""
        state = self._conductor.state
        with contextlib.suppress(JournalError, TimeoutError):
            if self._is_written(state) and self._journal.durable_seq < state.seq:
                await asyncio.wait_for(self._journal.append(()), DISK_TIMEOUT_SEC)
        return state

    def _is_written(self, state: ShowState) -> bool:
        """A temporary journal is written too, although nothing rests on it."""
        return state.durable or state.journal != "file"

    def _frame(self, kind: str, seq: int, data: dict[str, Any]) -> bytes:
        ident = f"{self._conductor.epoch}-{seq}" if seq <= self._journal.durable_seq else None
        return ServerSentEvent(json.dumps(data), event=kind, id=ident, sep="\n").encode()


def _entry(entry: e.JournalEntry, ahead: float, left_out: int) -> dict[str, Any]:
    """`left_out`: the numbers before it that the journal does not hold, all of them health samples'."""
    told = {"seq": entry.seq, "at": moment(entry.at, ahead), "who": entry.who, "event": e.to_json(entry.event)}
    return told | {"left_out": left_out} if left_out else told


def _response(messages: AsyncIterator[bytes], line: StreamSlot | None) -> StreamResponse:
    response = StreamResponse(
        messages, ping=HEARTBEAT_SEC, sep="\n", send_timeout=SEND_TIMEOUT_SEC, ping_message_factory=Ping
    )
    response.line = line
    return response
