"""One direction of a connection: reads from one socket, writes to the other, with toxics in between.

Without toxics data goes from socket to socket through one buffer that all connections share. What a slow reader does
not take, and what a toxic delays, waits in a queue that is bounded: when it is full, nothing more is read.
"""

import asyncio
import contextlib
import fcntl
import math
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from demo.proxy.applied_toxic import AppliedToxic

BUFFER_BYTES = 65536
READS_AT_ONCE = 8
"""Buffers of one connection that are passed on before another connection has its turn."""

MAX_QUEUED_BYTES = 4 << 20
"""In one direction of one connection: what 1 s of latency holds at 4 MiB/s."""

MAX_ALL_QUEUED_BYTES = 256 << 20
CHUNK_COST = 256
"""Bytes that a queued chunk takes beside its data, so that many tiny ones are bounded too."""

PACE_SEC = 0.05
"""A limited bandwidth is shared out in pieces of so much time."""

EARLY_SEC = 0.0005
"""Timers of the loop count whole milliseconds: the nearest one is taken, not the next."""

NOTHING = memoryview(b"")


class FlowResources:
    """What all flows of a process share: the event loop, one buffer, one pipe, and the count of queued bytes.

    `pipe`: its two ends, by which data moves from socket to socket within the kernel; None on systems without `splice`.
    Whoever uses it leaves it empty.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, buffer_bytes: int = BUFFER_BYTES) -> None:
        self.loop = loop
        self.buffer = memoryview(bytearray(buffer_bytes))
        self.queued = 0
        self.pipe: tuple[int, int] | None = None
        if sys.platform == "linux":
            self.pipe = os.pipe()
            with contextlib.suppress(OSError):  # an ordinary user may have only so much; it is 64 KiB then
                fcntl.fcntl(self.pipe[1], fcntl.F_SETPIPE_SZ, buffer_bytes)

    def close(self) -> None:
        for descriptor in self.pipe or ():
            os.close(descriptor)
        self.pipe = None


class FlowOwner(Protocol):
    """The connection of a flow."""

    def end_flow(self) -> None:
        """One direction has passed on its end of stream."""

    def close(self) -> None:
        """Close both sockets, with FIN."""

    def abort(self) -> None:
        """Close both sockets, with RST."""


class _Chunk:
    """Data on its way. No data: the end of the stream, or with `closes` of the whole connection.

    It leaves when it is due and all before it has left: jitter never changes the order.
    """

    __slots__ = ("arrived", "closes", "data", "due")

    def __init__(self, data: memoryview, arrived: float, due: float, closes: bool = False) -> None:
        self.data = data
        self.arrived = arrived
        self.due = due
        self.closes = closes


class Flow:
    """Moves data from `source` to `sink`, both non-blocking. `passed`: bytes delivered so far."""

    def __init__(self, source: socket.socket, sink: socket.socket, owner: FlowOwner, shared: FlowResources) -> None:
        self.passed = 0
        self.has_ended = False
        self._source, self._sink, self._owner, self._shared = source, sink, owner, shared
        self._loop = shared.loop
        self._toxics: tuple[AppliedToxic, ...] = ()
        self._queue: deque[_Chunk] = deque()
        self._queued = 0
        self._timer: asyncio.TimerHandle | None = None
        self._source_ended = self._is_reading = self._is_waiting = self._is_closed = False

    def start(self) -> None:
        self._resume()

    def stop(self) -> None:
        """Let go of both sockets, before they are closed."""
        self._is_closed = True
        self._pause()
        self._stop_waiting()
        self._set_timer(math.inf)
        self._forget_queue()

    def change_toxics(self, toxics: Sequence[AppliedToxic]) -> None:
        """Let these act from now on, on queued data too; in their order."""
        self._toxics = tuple(toxics)
        for toxic in toxics:
            toxic.restart_pacing()
        dropping = next((toxic for toxic in toxics if toxic.toxic.drops_data), None)
        if dropping is not None and self._queued:
            dropping.dropped = True
            rest = [chunk for chunk in self._queue if not chunk.data]
            self._forget_queue()
            self._queue.extend(rest)
        for chunk in self._queue:
            chunk.due = self._compute_due(chunk.arrived, len(chunk.data))
        self._deliver()

    # Reading.

    def _resume(self) -> None:
        if not (self._is_reading or self._source_ended or self._is_closed):
            self._is_reading = True
            self._loop.add_reader(self._source, self._read)

    def _pause(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._source)

    def _read(self) -> None:
        try:
            if self._toxics or self._queue:
                self._read_into_queue()
                return
            buffer = self._shared.buffer
            size = self._source.recv_into(buffer)
            if not size:
                self._end_source()
                return
            self._send_at_once(buffer[:size])
            if size == len(buffer):
                self._move_bulk()
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._owner.abort()  # a peer that was reset: the other one shall see the same

    def _move_bulk(self) -> None:
        """Pass on a few buffers more, where a full one shows that there is much to pass; copied by nobody."""
        if self._shared.pipe is None:
            return
        end, start = self._shared.pipe
        source, sink, size = self._source.fileno(), self._sink.fileno(), len(self._shared.buffer)
        for _ in range(READS_AT_ONCE):
            if self._queue:
                return
            moved = os.splice(source, start, size, flags=os.SPLICE_F_NONBLOCK)
            if not moved:
                self._end_source()
                return
            try:
                sent = os.splice(end, sink, moved, flags=os.SPLICE_F_NONBLOCK)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                os.read(end, moved)  # the pipe is everybody's
                raise
            self.passed += sent
            if sent < moved:
                self._append(_Chunk(memoryview(os.read(end, moved - sent)), 0.0, 0.0))
                self._wait_for_sink()

    def _send_at_once(self, data: memoryview) -> None:
        try:
            sent = self._sink.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        self.passed += sent
        if sent < len(data):
            # The buffer is everybody's: only what waits is copied.
            self._append(_Chunk(memoryview(bytes(data[sent:])), 0.0, 0.0))
            self._wait_for_sink()

    def _read_into_queue(self) -> None:
        size = self._source.recv_into(self._shared.buffer[: self._piece_size()])
        if not size:
            self._end_source()
            return
        arrived = time.monotonic()
        for toxic in self._toxics:
            if toxic.toxic.drops_data:
                toxic.dropped = True
                return
        allowed = size
        for toxic in self._toxics:
            allowed = toxic.take(allowed)
        if allowed:
            data = memoryview(bytes(self._shared.buffer[:allowed]))
            self._append(_Chunk(data, arrived, self._compute_due(arrived, allowed)))
        if any(toxic.is_spent for toxic in self._toxics):
            self._queue.append(_Chunk(NOTHING, arrived, arrived, closes=True))
            self._source_ended = True
            self._pause()
        self._deliver()

    def _end_source(self) -> None:
        self._source_ended = True
        self._pause()
        arrived = time.monotonic()
        self._queue.append(_Chunk(NOTHING, arrived, self._compute_due(arrived, 0)))
        self._deliver()

    def _piece_size(self) -> int:
        rates = [toxic.toxic.bandwidth for toxic in self._toxics if toxic.toxic.bandwidth is not None]
        size = len(self._shared.buffer)
        return max(1, min(size, int(min(rates) * PACE_SEC))) if rates else size

    def _compute_due(self, moment: float, size: int) -> float:
        for toxic in self._toxics:
            moment = toxic.delay_data(moment, size) if size else toxic.delay_end(moment)
        return moment

    def _append(self, chunk: _Chunk) -> None:
        self._queue.append(chunk)
        self._count(len(chunk.data) + CHUNK_COST)

    def _count(self, size: int) -> None:
        self._queued += size
        self._shared.queued += size

    def _forget_queue(self) -> None:
        self._count(-self._queued)
        self._queue.clear()

    @property
    def _is_full(self) -> bool:
        if not self._toxics:
            return bool(self._queue)
        limit = float(MAX_QUEUED_BYTES if self._shared.queued < MAX_ALL_QUEUED_BYTES else len(self._shared.buffer))
        latency = sum(toxic.toxic.latency or 0.0 for toxic in self._toxics)
        for toxic in self._toxics:
            if toxic.toxic.bandwidth is not None:
                # No more than is under way: a sender must notice that the line is slow.
                limit = min(limit, CHUNK_COST + toxic.toxic.bandwidth * (2 * PACE_SEC + latency))
        return self._queued >= limit

    # Writing.

    def _deliver(self) -> None:
        """Send what is due, and arrange to be called again for the rest."""
        if self._is_closed:
            return
        try:
            is_blocked = self._send_due()
        except OSError:
            self._owner.abort()
            return
        if is_blocked is None:
            return
        if is_blocked:
            self._wait_for_sink()
            return
        self._stop_waiting()
        self._set_timer(self._queue[0].due if self._queue else math.inf)
        if self._is_full:
            self._pause()
        else:
            self._resume()

    def _send_due(self) -> bool | None:
        """Send what is due, and return whether the sink takes no more for now; None after the end of the stream."""
        queue = self._queue
        while queue and queue[0].due <= time.monotonic() + EARLY_SEC:
            chunk = queue[0]
            if not chunk.data:
                self._pass_end(chunk)
                return None
            try:
                sent = self._sink.send(chunk.data)
            except (BlockingIOError, InterruptedError):
                return True
            self.passed += sent
            if sent < len(chunk.data):
                chunk.data = chunk.data[sent:]
                self._count(-sent)
                return True
            queue.popleft()
            self._count(-sent - CHUNK_COST)
        return False

    def _pass_end(self, chunk: _Chunk) -> None:
        self._forget_queue()
        self._stop_waiting()
        if chunk.closes:
            self._owner.close()
            return
        self.has_ended = True
        with contextlib.suppress(OSError):
            self._sink.shutdown(socket.SHUT_WR)
        self._owner.end_flow()

    def _wait_for_sink(self) -> None:
        self._set_timer(math.inf)
        if self._is_full:
            self._pause()
        else:
            self._resume()
        if not self._is_waiting:
            self._is_waiting = True
            self._loop.add_writer(self._sink, self._deliver)

    def _stop_waiting(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._loop.remove_writer(self._sink)

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due < math.inf:
            self._timer = self._loop.call_later(max(0.0, due - time.monotonic()), self._deliver)
