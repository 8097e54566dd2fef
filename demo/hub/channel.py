"""One view of the hub: what its listeners have on screen, and how messages reach them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from demo.hub.shared_compression import SharedDeflate

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)


class View(Protocol[S_contra]):
    """Renders a state for one kind of screen."""

    def render(self, state: S_contra) -> Mapping[str, bytes]:
        """Return the view's regions by name, always the same names."""

    def frame(self, regions: Mapping[str, bytes], ident: str) -> bytes:
        """Return some regions as one message, as it is sent."""


class Sink(Protocol):
    """Where a listener's messages are written."""

    @property
    def write(self) -> "Write":
        """The function that writes a message; read once, when the listener joins."""

    def write_rest(self, rest: bytes) -> None:
        """Send the rest of a message that `write` did not take, when there is room.

        Until then pause the listener (`Hub.pause`), or give the message up (`Hub.mark_missed`).
        """

    def close(self) -> None:
        """End the connection."""


Write = Callable[[bytes], int]
"""Writes a message without waiting, as `os.write`: returns the bytes written, raises `BlockingIOError` for none."""


@dataclass(slots=True)
class Tally:
    """Statistics of a view since its hub was created.

    `deliveries`: messages written to listeners. `skipped`: messages that paused listeners missed. `caught_up`: full
    messages for listeners that had missed some. `renders` and `render_sec`: how often it was rendered, and for how many
    seconds.
    """

    deliveries: int = 0
    skipped: int = 0
    caught_up: int = 0
    renders: int = 0
    render_sec: float = 0.0


class Listener:
    """One open stream of a view. `needs_full`: it missed a message. `wants_gzip`: it asked for a compressed stream."""

    __slots__ = ("needs_full", "sink", "view", "wants_gzip", "write")

    def __init__(self, view: str, sink: Sink, wants_gzip: bool) -> None:
        self.view = view
        self.wants_gzip = wants_gzip
        self.sink = sink
        self.write = sink.write
        self.needs_full = False


# By the write function, so that the loop over thousands of listeners touches nothing else of them.
Ready = dict[Write, Listener]


class ViewChannel(Generic[S]):
    """One view: what its listeners have on screen, and who they are.

    `ready`: the listeners that can take a message now, those that want it plain and those that want it compressed.
    `paused`: those that cannot. `waiting_for_newer`: those of the paused ones that wait for a state they have seen at
    another server, with its number and the time when they give up.
    """

    def __init__(self, view: View[S]) -> None:
        self.view = view
        self.ready: tuple[Ready, Ready] = ({}, {})
        self.paused: set[Listener] = set()
        self.waiting_for_newer: dict[Listener, tuple[int, float]] = {}
        self.regions: Mapping[str, bytes] | None = None
        self.full_message: bytes | None = None
        self.shown = ""
        self.sent_at = 0.0
        self.tally = Tally()
        self._deflate = SharedDeflate()

    def render(self, state: S) -> Mapping[str, bytes]:
        started = time.perf_counter()
        try:
            return self.view.render(state)
        finally:
            self.tally.renders += 1
            self.tally.render_sec += time.perf_counter() - started

    def refresh(self, state: S, ident: str) -> bytes | None:
        """Render the view; return a message with the regions that changed, None when none did."""
        rendered = self.render(state)
        self.shown = ident
        old = self.regions
        changed = rendered if old is None else {name: body for name, body in rendered.items() if old.get(name) != body}
        if not changed:
            return None
        message = self.view.frame(changed, ident)
        # Framed again only when somebody needs it: most messages go to listeners that already have the rest.
        self.regions, self.full_message = rendered, None
        return message

    def forget(self) -> None:
        """Drop what was rendered, when nobody watches: the next message is a full one of the newest state."""
        self.regions = self.full_message = None
        self._deflate.forget()

    def newest(self, state: S, ident: str) -> bytes:
        """Return the full message of a state, from the last rendering where that is current.

        Raises what rendering raises.
        """
        if self.regions is None or not self.size:
            self.forget()
            self.full_message = self.refresh(state, ident)
        if self.full_message is None:
            self.full_message = self.view.frame(self.regions or {}, ident)
        return self.full_message

    @property
    def size(self) -> int:
        return len(self.ready[0]) + len(self.ready[1]) + len(self.paused)

    def listeners(self) -> tuple[Listener, ...]:
        return (*self.ready[0].values(), *self.ready[1].values(), *self.paused)

    def send(self, message: bytes) -> None:
        """Write a message to all listeners that are ready; those that are paused miss it."""
        # No queue for the slow ones: when they have room again, they get one full message of the newest state.
        for listener in self.paused:
            listener.needs_full = True
        self.tally.skipped += len(self.paused)
        self.tally.deliveries += self.size - len(self.paused)
        plain, compressed = self.ready
        self._write_to_all(plain, message)
        if compressed:
            # Compressed before it joins the history: its dictionary is what the listeners have got until now.
            self._write_to_all(compressed, self._deflate.pack(message))
        self._deflate.append_history(message)

    def _write_to_all(self, ready: Ready, message: bytes) -> None:
        size = len(message)
        # A copy, for a failed write moves its listener to `paused`. The hot path: only `write` is used of a listener.
        for write in tuple(ready):
            try:
                sent = write(message)
            except OSError as error:
                self._handle_short_write(ready.get(write), message, error)
            else:
                if sent != size:
                    self._handle_short_write(ready.get(write), message[sent:])

    def send_full(self, listener: Listener, whole: bytes) -> None:
        """Write the full message to a listener and add it to those that are ready."""
        message = self._deflate.join_prefix(whole) if listener.wants_gzip else whole
        # First: a short write moves the listener from `ready` to `paused`.
        self.add_ready(listener)
        self.tally.deliveries += 1
        try:
            sent = listener.write(message)
        except OSError as error:
            self._handle_short_write(listener, message, error)
        else:
            if sent != len(message):
                self._handle_short_write(listener, message[sent:])

    def wait_for_first(self, listener: Listener) -> None:
        """Add a listener although the view cannot be rendered now.

        The next message that can be is a full one for everybody, so it must not use the history as its dictionary.
        """
        self._deflate.forget()
        self.add_ready(listener)

    def add_ready(self, listener: Listener) -> None:
        """Add a listener that has got all that the others have to those that are ready."""
        listener.needs_full = False
        self.paused.discard(listener)
        self.ready[listener.wants_gzip][listener.write] = listener

    def _handle_short_write(self, listener: Listener | None, rest: bytes, error: OSError | None = None) -> None:
        # It left while the message was being written.
        if listener is None:
            return
        if error is None or isinstance(error, BlockingIOError):
            listener.sink.write_rest(rest)
        else:
            self.pause(listener)
            listener.sink.close()

    def pause(self, listener: Listener) -> None:
        if self.ready[listener.wants_gzip].pop(listener.write, None) is not None:
            self.paused.add(listener)

    def remove(self, listener: Listener) -> None:
        self.ready[listener.wants_gzip].pop(listener.write, None)
        self.paused.discard(listener)
        self.waiting_for_newer.pop(listener, None)
