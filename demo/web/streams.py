"""Streams on the wire: a mailbox per listener over the hub, and the journal as it grows."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent

from demo import events as e
from demo.conductor import Conductor
from demo.hub import Hub
from demo.show import ShowState
from demo.views import snapshot
from demo.views.snapshot import moment

MAILBOX_MOST = 8
"""Messages that may wait for one listener; beyond them it is skipped and gets the whole view later."""

SEND_PATIENCE_SEC = 30.0
HEARTBEAT_SEC = 15
RETRY_MS = 500


class Mailbox:
    """A sink that one task empties. Bounded, whatever the listener does."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._changed = asyncio.Event()
        self._closed = False

    def push(self, message: bytes) -> bool:
        if len(self._waiting) >= MAILBOX_MOST:
            return False
        self._waiting.append(message)
        self._changed.set()
        return True

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


def view_stream(hub: Hub[ShowState], view: str) -> EventSourceResponse:
    """The htmx stream of one view: the whole of it, then what changes."""

    async def messages() -> AsyncIterator[bytes]:
        mailbox = Mailbox()
        listener = hub.join(view, mailbox)
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            while (chunk := await mailbox.take()) is not None:
                yield chunk
                hub.catch_up(listener)
        finally:
            hub.leave(listener)

    return _response(messages())


class Programs:
    """`/events` for programs: every event of the journal once, in order, no gap."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._waiting: set[asyncio.Event] = set()
        self._closed = False

    def tell(self) -> None:
        """The journal has grown."""
        for event in self._waiting:
            event.set()

    def close(self) -> None:
        self._closed = True
        self.tell()

    def stream(self, last_id: str | None) -> EventSourceResponse:
        """From behind `last_id`; without one, or with one of another show, from a snapshot on."""
        return _response(self._messages(self._place(last_id)))

    def _place(self, last_id: str | None) -> int | None:
        epoch, _, seq = (last_id or "").rpartition("-")
        known = epoch == self._conductor.epoch and seq.isascii() and seq.isdecimal()
        if not known or len(seq) > 18 or int(seq) > self._conductor.state.seq:
            return None
        return int(seq)

    async def _messages(self, after: int | None) -> AsyncIterator[bytes]:
        grown = asyncio.Event()
        self._waiting.add(grown)
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            if after is None:
                state = self._conductor.state
                after = state.seq
                yield self._frame("snapshot", after, snapshot(state, self._conductor.epoch, {}))
            while not self._closed:
                grown.clear()
                upto = self._conductor.state.seq
                while after < upto:
                    for entry in await self._conductor.journal.read(after):
                        if entry.seq > upto:
                            break
                        after = entry.seq
                        yield self._frame("entry", after, _entry(entry))
                await grown.wait()
        finally:
            self._waiting.discard(grown)

    def _frame(self, kind: str, seq: int, data: dict[str, Any]) -> bytes:
        ident = f"{self._conductor.epoch}-{seq}"
        return ServerSentEvent(json.dumps(data), event=kind, id=ident, sep="\n").encode()


def _entry(entry: e.Entry) -> dict[str, Any]:
    return {"seq": entry.seq, "at": moment(entry.at), "who": entry.who, "event": e.to_json(entry.event)}


def _response(messages: AsyncIterator[bytes]) -> EventSourceResponse:
    return EventSourceResponse(messages, ping=HEARTBEAT_SEC, sep="\n", send_timeout=SEND_PATIENCE_SEC)
