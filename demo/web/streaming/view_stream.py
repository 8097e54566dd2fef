"""Event streams that the application serves: `/events`, and views where the server cannot detach connections."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from demo.conductor import ShowHost, get_live_show
from demo.errors import JournalError
from demo.hub import Hub
from demo.notify.cloud_events import snapshot_event, to_cloud_event
from demo.notify.notified_show import is_written
from demo.show import ShowState
from demo.show import events as e
from demo.views import snapshot
from demo.views.state_json import moment
from demo.web.asgi_extensions import END_BY_CLOSING
from demo.web.streaming.stream_slots import StreamSlot

MAX_MAILBOX = 8
"""Messages that may wait for one listener; when there are more, it misses them and gets the full message later."""

SEND_TIMEOUT_SEC = 30.0
"""How long a write may take. Our own server (`server/http_protocol.py`) aborts an unread connection before that."""

HEARTBEAT_SEC = 15
RETRY_MS = 500
RETRY = f"retry: {RETRY_MS}\n".encode()
"""First line of a stream's first message; as a block of its own some clients would take it for an empty event."""

LOOK_EVERY_SEC = 0.2
DISK_TIMEOUT_SEC = 1.0
"""How often a stream checks whether the entries it waits for are on disk, and how long a new stream waits for them."""


class Mailbox:
    """A sink for the hub, emptied by one task. A message beyond `MAX_MAILBOX` is lost, and `full` is called."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._changed = asyncio.Event()
        self._closed = False
        self.full: Callable[[], None] = lambda: None

    def write(self, message: bytes) -> int:
        # Bounded: a client that does not read gets one full message later, instead of filling the memory.
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
        """Wait for messages and return all of them as one chunk; None when the stream is over."""
        await self._changed.wait()
        self._changed.clear()
        if self._closed:
            return None
        chunk = b"".join(self._waiting)
        self._waiting.clear()
        return chunk


class Ping(ServerSentEvent):
    """A keep-alive comment. It ends without an empty line: some clients take a block of a comment only for an event."""

    def encode(self) -> bytes:
        return b": ping\n"


class StreamResponse(EventSourceResponse):
    """Gives its slot back when it ends, for whatever reason."""

    slot: StreamSlot | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        end_by_closing = scope.get("extensions", {}).get(END_BY_CLOSING)
        if end_by_closing is not None and end_by_closing():
            self.headers["connection"] = "close"
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.slot is not None:
                self.slot.leave()


def view_stream(hub: Hub[Any], view: str, slot: StreamSlot | None = None) -> StreamResponse:
    """Respond with the htmx stream of one view: a full message first, then the regions that change.

    `slot` is given back at the end, and can end the stream from outside.
    """
    mailbox = Mailbox()
    if slot is not None:
        slot.on_end(mailbox.close)

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

    return _build_response(messages(), slot)


class EventStream:
    """`/events` for programs: every event of the journal once, in order, no gap.

    A client may resume after any id that it was sent, even when the server has crashed in between. So an entry is sent
    only once it is on disk (a chapter's change is there at once, a health sample within a second): the number of an
    entry that a crash loses is used again for another event. While nothing can be written to the disk, entries are
    sent from memory and without an id: a client that resumes then gets them again.
    """

    def __init__(self, conductor: ShowHost) -> None:
        self._conductor = conductor
        self._journal = conductor.journal
        self._waiting: set[asyncio.Event] = set()
        self._closed = False

    def notify(self) -> None:
        """Wake the streams: the journal has grown."""
        for event in self._waiting:
            event.set()

    def close(self) -> None:
        self._closed = True
        self.notify()

    def stream(self, last_id: str | None, slot: StreamSlot | None = None, kind: str = "json") -> StreamResponse:
        """Respond with the entries after `last_id`; without one, or with another show's, with a snapshot first.

        `kind`: "json" or "cloudevents".
        """
        grown = asyncio.Event()
        if slot is not None:
            slot.on_end(grown.set)
        messages = self._messages(self._parse_last_id(last_id), grown, slot, kind == "cloudevents")
        return _build_response(messages, slot)

    def _parse_last_id(self, last_id: str | None) -> int | None:
        epoch, _, seq = (last_id or "").rpartition("-")
        is_ours = epoch == self._conductor.epoch and seq.isascii() and seq.isdecimal()
        newest = max(self._conductor.state.seq, self._journal.durable_seq)
        # At most 18 digits: SQLite's integers have 64 bits, and Python refuses to convert numbers of great length.
        return int(seq) if is_ours and len(seq) <= 18 and int(seq) <= newest else None

    async def _messages(
        self, after: int | None, grown: asyncio.Event, slot: StreamSlot | None, as_cloud_events: bool
    ) -> AsyncIterator[bytes]:
        self._waiting.add(grown)
        try:
            yield RETRY
            if after is None:
                state = await self._await_durable_state()
                after = state.seq
                yield self._frame("snapshot", after, self._describe_state(state, as_cloud_events))
            while not self._closed and not (slot and slot.ended):
                grown.clear()
                last_sendable = self._last_sendable_seq()
                while after < last_sendable:
                    entries = [entry for entry in await self._journal.read(after) if entry.seq <= last_sendable]
                    for entry in entries:
                        data = self._describe_entry(entry, entry.seq - after - 1, as_cloud_events)
                        yield self._frame("entry", entry.seq, data)
                        after = entry.seq
                    # Numbers without an entry (samples dropped while nothing could be written) are skipped.
                    after = after if entries else last_sendable
                # The end of a write makes no new state and so wakes nobody: an entry not yet on disk is polled for.
                pending = after < self._conductor.state.seq
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(grown.wait(), LOOK_EVERY_SEC if pending else None)
        except JournalError:
            return  # The conductor notifies the presenter; the program reconnects with its last id.
        finally:
            self._waiting.discard(grown)

    def _describe_state(self, state: ShowState, as_cloud_events: bool) -> dict[str, Any]:
        epoch, clock = self._conductor.epoch, self._conductor.clock
        now, ahead = clock(), clock.ahead
        data = snapshot(state, epoch, {}, now=now, ahead=ahead)
        return snapshot_event(data, epoch, moment(now, ahead)) if as_cloud_events else data

    def _describe_entry(self, entry: e.JournalEntry, left_out: int, as_cloud_events: bool) -> dict[str, Any]:
        """Convert an entry; `left_out` numbers before it are not in the journal, all of them of health samples."""
        # Of the show itself, also while a recording with a clock of its own is shown.
        ahead = get_live_show(self._conductor).clock.ahead
        if as_cloud_events:
            is_durable = entry.seq <= self._journal.durable_seq
            return to_cloud_event(entry, self._conductor.epoch, ahead, is_durable=is_durable, left_out=left_out)
        data = {"seq": entry.seq, "at": moment(entry.at, ahead), "who": entry.who, "event": e.to_json(entry.event)}
        return data | {"left_out": left_out} if left_out else data

    def _last_sendable_seq(self) -> int:
        state = self._conductor.state
        return min(state.seq, self._journal.durable_seq) if is_written(state) else state.seq

    async def _await_durable_state(self) -> ShowState:
        """Return the newest state once all its events are on disk, or after `DISK_TIMEOUT_SEC`."""
        state = self._conductor.state
        with contextlib.suppress(JournalError, TimeoutError):
            if is_written(state) and self._journal.durable_seq < state.seq:
                # The journal writes in order: an empty write ends when all before it have.
                await asyncio.wait_for(self._journal.append(()), DISK_TIMEOUT_SEC)
        return state

    def _frame(self, kind: str, seq: int, data: dict[str, Any]) -> bytes:
        ident = f"{self._conductor.epoch}-{seq}" if seq <= self._journal.durable_seq else None
        return ServerSentEvent(json.dumps(data), event=kind, id=ident, sep="\n").encode()


def _build_response(messages: AsyncIterator[bytes], slot: StreamSlot | None) -> StreamResponse:
    response = StreamResponse(
        messages, ping=HEARTBEAT_SEC, sep="\n", send_timeout=SEND_TIMEOUT_SEC, ping_message_factory=Ping
    )
    response.slot = slot
    return response


async def head_of_stream(request: Request) -> Response:
    """Answer HEAD for a stream, which would never end: its headers, and no place is taken."""
    return Response(headers={"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"})
