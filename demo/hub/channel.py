"""One view of the hub: what its listeners have on screen, and the way to them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from demo.hub.shared_compression import SharedDeflate

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)


class View(Protocol[S_contra]):
    """How one kind of screen shows a state."""

    def render(self, state: S_contra) -> Mapping[str, bytes]:
        """The view's regions by name, always the same names."""

    def frame(self, regions: Mapping[str, bytes], ident: str) -> bytes:
        """Some regions as one message, ready for the wire."""


class Sink(Protocol):
    """Where a listener's messages go."""

    @property
    def write(self) -> "Write":
        """Asked for once, when the listener joins."""

    def write_rest(self, rest: bytes) -> None:
        """`write` took no more: send this on when there is room (`hold` until then), or `miss` it."""

    def close(self) -> None:
        """No more messages: end the connection."""


Write = Callable[[bytes], int]
"""Takes a message without waiting, as `os.write` does: how many bytes went out; raises `BlockingIOError` for none."""


@dataclass(slots=True)
class Tally:
    """What a view has cost and reached since its hub was made.

    Messages that listeners took, those they had no room for, and whole views for who had missed some;
    renderings, and the seconds that they took.
    """

    deliveries: int = 0
    skipped: int = 0
    caught_up: int = 0
    renders: int = 0
    render_sec: float = 0.0


class Listener:
    """One open stream of a view. `behind`: it missed a message and needs the whole view. `packed`: it takes gzip."""

    __slots__ = ("behind", "packed", "sink", "view", "write")

    def __init__(self, view: str, sink: Sink, packed: bool) -> None:
        self.view = view
        self.packed = packed
        self.sink = sink
        self.write = sink.write
        self.behind = False


Ready = dict[Write, Listener]


class ViewChannel(Generic[S]):
    """One view: what its listeners have on screen, and who they are.

    `ready` and `held`: those that can take a message now, plain and packed, and those that cannot. `ahead`: of the held
    ones, who waits for a state that it has seen elsewhere, with that state's number and the end of its patience.
    """

    def __init__(self, view: View[S]) -> None:
        self.view = view
        self.ready: tuple[Ready, Ready] = ({}, {})
        self.held: set[Listener] = set()
        self.ahead: dict[Listener, tuple[int, float]] = {}
        self.regions: Mapping[str, bytes] | None = None
        self.full_message: bytes | None = None
        self.shown = ""
        self.sent_at = 0.0
        self.tally = Tally()
        self._packing = SharedDeflate()

    def render(self, state: S) -> Mapping[str, bytes]:
        begun = time.perf_counter()
        try:
            return self.view.render(state)
        finally:
            self.tally.renders += 1
            self.tally.render_sec += time.perf_counter() - begun

    def refresh(self, state: S, ident: str) -> bytes | None:
        """Render; returns the message with what changed, None when the bytes are the same."""
        rendered = self.render(state)
        self.shown = ident
        old = self.regions
        changed = rendered if old is None else {name: body for name, body in rendered.items() if old.get(name) != body}
        if not changed:
            return None
        message = self.view.frame(changed, ident)
        self.regions, self.full_message = rendered, None
        return message

    def forget(self) -> None:
        """Nobody has anything on screen: the next picture is a whole one, of whatever state is the newest by then."""
        self.regions = self.full_message = None
        self._packing.forget()

    def newest(self, state: S, ident: str) -> bytes:
        if self.regions is None or not self.size:
            self.forget()
            self.full_message = self.refresh(state, ident)
        if self.full_message is None:
            self.full_message = self.view.frame(self.regions or {}, ident)
        return self.full_message

    @property
    def size(self) -> int:
        return len(self.ready[0]) + len(self.ready[1]) + len(self.held)

    def everyone(self) -> tuple[Listener, ...]:
        return (*self.ready[0].values(), *self.ready[1].values(), *self.held)

    def send(self, message: bytes) -> None:
        """The very same bytes to everyone who keeps up."""
        for listener in self.held:
            listener.behind = True
        self.tally.skipped += len(self.held)
        self.tally.deliveries += self.size - len(self.held)
        plain, packed = self.ready
        self._spread(plain, message)
        if packed:
            self._spread(packed, self._packing.pack(message))
        self._packing.append_history(message)

    def _spread(self, ready: Ready, message: bytes) -> None:
        whole = len(message)
        # A copy: who takes no more is held meanwhile. Of each listener nothing is touched here but its `write`.
        for write in tuple(ready):
            try:
                sent = write(message)
            except OSError as error:
                self._troubled(ready.get(write), message, error)
            else:
                if sent != whole:
                    self._troubled(ready.get(write), message[sent:])

    def give(self, listener: Listener, whole: bytes) -> None:
        """The whole view for one who is among the ready from now on, unless it takes no more."""
        message = self._packing.join_prefix(whole) if listener.packed else whole
        self.let_in(listener)
        self.tally.deliveries += 1
        try:
            sent = listener.write(message)
        except OSError as error:
            self._troubled(listener, message, error)
        else:
            if sent != len(message):
                self._troubled(listener, message[sent:])

    def wait_for_first(self, listener: Listener) -> None:
        """The view cannot be rendered; the next picture that can is a whole one, and builds on nothing."""
        self._packing.forget()
        self.let_in(listener)

    def let_in(self, listener: Listener) -> None:
        """It has all that the others have."""
        listener.behind = False
        self.held.discard(listener)
        self.ready[listener.packed][listener.write] = listener

    def _troubled(self, listener: Listener | None, rest: bytes, error: OSError | None = None) -> None:
        if listener is None:
            return
        if error is None or isinstance(error, BlockingIOError):
            listener.sink.write_rest(rest)
        else:
            self.hold(listener)
            listener.sink.close()

    def hold(self, listener: Listener) -> None:
        if self.ready[listener.packed].pop(listener.write, None) is not None:
            self.held.add(listener)

    def leave(self, listener: Listener) -> None:
        self.ready[listener.packed].pop(listener.write, None)
        self.held.discard(listener)
        self.ahead.pop(listener, None)
