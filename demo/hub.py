"""The hub: the newest state to any number of listeners. Knows neither HTML nor sockets.

A stage carries state, not history: a listener gets the whole view first, then the regions that changed.
Each change is rendered and framed once a view; one that cannot take more is skipped and gets the newest
whole view when it can.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NoReturn, Protocol, TypeVar

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)

BEAT_AFTER_SEC = 1.0
"""A view that was silent for this long gets a beat, so that a page can tell a quiet show from a dead line."""

WAIT_MOST_SEC = 2.0
"""How long a listener that has seen a later state than this hub has is kept waiting for it."""


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

    def keep(self, rest: bytes) -> None:
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
    """One open stream of a view. `behind`: it missed a message and needs the whole view."""

    __slots__ = ("behind", "sink", "view", "write")

    def __init__(self, view: str, sink: Sink) -> None:
        self.view = view
        self.sink = sink
        self.write = sink.write
        self.behind = False


class _Channel(Generic[S]):
    """One view: what its listeners have on screen, and who they are.

    `ready` and `held`: those that can take a message now, and those that cannot. `ahead`: of the held ones, who waits
    for a state that it has seen elsewhere, with that state's number and the end of its patience.
    """

    def __init__(self, view: View[S]) -> None:
        self.view = view
        self.ready: dict[Write, Listener] = {}
        self.held: set[Listener] = set()
        self.ahead: dict[Listener, tuple[int, float]] = {}
        self.regions: Mapping[str, bytes] | None = None
        self.whole: bytes | None = None
        self.shown = ""
        self.sent_at = 0.0
        self.tally = Tally()

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
        self.regions, self.whole = rendered, None
        return message

    def newest(self, state: S, ident: str) -> bytes:
        if self.regions is None or not self.size:
            # Should this fail, nobody has anything on screen: the next picture is a whole one.
            self.regions = self.whole = None
            self.whole = self.refresh(state, ident)
        if self.whole is None:
            self.whole = self.view.frame(self.regions or {}, ident)
        return self.whole

    @property
    def size(self) -> int:
        return len(self.ready) + len(self.held)

    def send(self, message: bytes) -> None:
        """The very same bytes to everyone who keeps up."""
        whole = len(message)
        for listener in self.held:
            listener.behind = True
        self.tally.skipped += len(self.held)
        self.tally.deliveries += len(self.ready)
        # A copy: who takes no more is held meanwhile. Of each listener nothing is touched here but its `write`.
        for write in tuple(self.ready):
            try:
                sent = write(message)
            except OSError as error:
                self._troubled(self.ready.get(write), message, error)
            else:
                if sent != whole:
                    self._troubled(self.ready.get(write), message[sent:])

    def give(self, listener: Listener, message: bytes) -> None:
        """A message for one of the held, which is among the ready from now on, unless it takes no more."""
        listener.behind = False
        self.held.discard(listener)
        self.ready[listener.write] = listener
        self.tally.deliveries += 1
        try:
            sent = listener.write(message)
        except OSError as error:
            self._troubled(listener, message, error)
        else:
            if sent != len(message):
                self._troubled(listener, message[sent:])

    def _troubled(self, listener: Listener | None, rest: bytes, error: OSError | None = None) -> None:
        if listener is None:
            return
        if error is None or isinstance(error, BlockingIOError):
            listener.sink.keep(rest)
        else:
            self.hold(listener)
            listener.sink.close()

    def hold(self, listener: Listener) -> None:
        if self.ready.pop(listener.write, None) is not None:
            self.held.add(listener)

    def leave(self, listener: Listener) -> None:
        self.ready.pop(listener.write, None)
        self.held.discard(listener)
        self.ahead.pop(listener, None)


def _raise(view: str, error: Exception) -> NoReturn:
    raise error


class Hub(Generic[S]):
    """Fan-out of the newest state. Every method must be called from the loop's thread.

    `on_error` is told which view could not be rendered and why: its listeners keep the last good picture,
    and the other views go on. Without one the error is raised.
    """

    def __init__(
        self,
        views: Mapping[str, View[S]],
        state: S,
        ident: str = "",
        clock: Callable[[], float] = time.monotonic,
        on_error: Callable[[str, Exception], None] = _raise,
    ) -> None:
        self._channels = {name: _Channel(view) for name, view in views.items()}
        self._state = state
        self._ident = ident
        self._clock = clock
        self._on_error = on_error

    def publish(self, state: S, ident: str) -> None:
        """Show this state to everyone; views nobody watches are not rendered."""
        self._state, self._ident = state, ident
        for name, channel in self._channels.items():
            if channel.size:
                try:
                    message = channel.refresh(state, ident)
                except Exception as error:  # noqa: BLE001 - one view's bug must not cost the others their picture
                    self._on_error(name, error)
                    continue
                if message is not None:
                    channel.sent_at = self._clock()
                    channel.send(message)
                if channel.ahead:
                    self._let_in(channel)

    def join(self, view: str, sink: Sink, seen: str = "") -> Listener:
        """A new listener; the whole view is its first message, as soon as it can be rendered.

        `seen`: the last ident it saw elsewhere. Where that is later than this hub's newest, it waits a while for
        what it has seen already, so that no screen ever steps back.
        """
        channel = self._channels[view]
        listener = Listener(view, sink)
        number = _later(seen, self._ident)
        if number is not None:
            channel.ahead[listener] = (number, self._clock() + WAIT_MOST_SEC)
            channel.held.add(listener)
            listener.behind = True
            return listener
        whole = self._whole(channel, view)
        if whole is None:
            channel.ready[listener.write] = listener  # The next picture that can be rendered is a whole one.
        else:
            channel.give(listener, whole)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener; safe to call twice."""
        self._channels[listener.view].leave(listener)

    def hold(self, listener: Listener) -> None:
        """It can take no more for now: pass it over, until `catch_up`."""
        self._channels[listener.view].hold(listener)

    def miss(self, listener: Listener) -> None:
        """`hold`, and what it was given just now is lost for it."""
        self.hold(listener)
        listener.behind = True

    def catch_up(self, listener: Listener) -> None:
        """The listener has room again: give it the newest whole view if it missed anything."""
        channel = self._channels[listener.view]
        if listener not in channel.held or listener in channel.ahead:
            return
        if not listener.behind:
            channel.held.discard(listener)
            channel.ready[listener.write] = listener
            return
        whole = self._whole(channel, listener.view)
        if whole is not None:
            channel.tally.caught_up += 1
            channel.give(listener, whole)

    def picture(self, view: str) -> Mapping[str, bytes]:
        """All regions of a view at the newest state, whoever watches. Raises what rendering raises."""
        channel = self._channels[view]
        if channel.regions is not None and channel.shown == self._ident:
            return channel.regions
        return channel.render(self._state)

    @property
    def newest(self) -> tuple[S, str]:
        """The state that `picture` shows, and its ident."""
        return self._state, self._ident

    def whole(self, view: str) -> bytes | None:
        """The newest whole view as one message; None when it cannot be rendered."""
        return self._whole(self._channels[view], view)

    def beat(self, message: bytes) -> None:
        """Send `message` on every view that was silent for `BEAT_AFTER_SEC`."""
        now = self._clock()
        for channel in self._channels.values():
            if channel.ahead:
                self._let_in(channel)
            if channel.size and now - channel.sent_at >= BEAT_AFTER_SEC:
                channel.sent_at = now
                channel.send(message)

    def counts(self) -> dict[str, int]:
        """Open streams by view."""
        return {name: channel.size for name, channel in self._channels.items()}

    @property
    def tally(self) -> Mapping[str, Tally]:
        """What each view has cost and reached."""
        return {name: channel.tally for name, channel in self._channels.items()}

    def close(self) -> None:
        """End every stream."""
        for channel in self._channels.values():
            for listener in (*channel.ready.values(), *channel.held):
                listener.sink.close()

    def _let_in(self, channel: _Channel[S]) -> None:
        """Those who waited for a state that is here now, or have waited long enough."""
        now = self._clock()
        for listener, (number, until) in tuple(channel.ahead.items()):
            if now >= until or _number(self._ident) >= number:
                del channel.ahead[listener]
                self.catch_up(listener)

    def _whole(self, channel: _Channel[S], view: str) -> bytes | None:
        try:
            return channel.newest(self._state, self._ident)
        except Exception as error:  # noqa: BLE001 - told to whoever made the hub
            self._on_error(view, error)
            return None


def _number(ident: str) -> int:
    digits = ident.rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 18 else 0


def _later(seen: str, ident: str) -> int | None:
    """The number of `seen`, if it belongs to the same epoch and comes after `ident`."""
    if not seen or seen.rpartition("-")[0] != ident.rpartition("-")[0] or _number(seen) <= _number(ident):
        return None
    return _number(seen)
