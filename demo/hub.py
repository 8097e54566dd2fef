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


class View(Protocol[S_contra]):
    """How one kind of screen shows a state."""

    def render(self, state: S_contra) -> Mapping[str, bytes]:
        """The view's regions by name, always the same names."""

    def frame(self, regions: Mapping[str, bytes], ident: str) -> bytes:
        """Some regions as one message, ready for the wire."""


class Sink(Protocol):
    """Where a listener's messages go."""

    def push(self, message: bytes) -> bool:
        """Take a message without waiting; False when there is no room for it."""

    def close(self) -> None:
        """No more messages: end the connection."""


class Listener:
    """One open stream of a view. `behind`: it missed a message and needs the whole view."""

    __slots__ = ("behind", "sink", "view")

    def __init__(self, view: str, sink: Sink) -> None:
        self.view = view
        self.sink = sink
        self.behind = False


@dataclass(slots=True)
class Tally:
    """What a view has cost and reached so far. `skipped`: messages that a listener had no room for."""

    deliveries: int = 0
    skipped: int = 0
    caught_up: int = 0
    renders: int = 0
    render_sec: float = 0.0


class _Channel(Generic[S]):
    """One view: what its listeners have on screen, and who they are."""

    def __init__(self, view: View[S]) -> None:
        self.view = view
        self.listeners: set[Listener] = set()
        self.regions: Mapping[str, bytes] | None = None
        self.whole: bytes | None = None
        self.sent_at = 0.0
        self.tally = Tally()

    def refresh(self, state: S, ident: str) -> bytes | None:
        """Render; returns the message with what changed, None when the bytes are the same."""
        began = time.perf_counter()
        rendered = self.view.render(state)
        self.tally.renders += 1
        self.tally.render_sec += time.perf_counter() - began
        old = self.regions
        changed = rendered if old is None else {name: body for name, body in rendered.items() if old.get(name) != body}
        if not changed:
            return None
        message = self.view.frame(changed, ident)
        self.regions, self.whole = rendered, None
        return message

    def newest(self, state: S, ident: str) -> bytes:
        if self.regions is None or not self.listeners:
            # Should this fail, nobody has anything on screen: the next picture is a whole one.
            self.regions = self.whole = None
            self.whole = self.refresh(state, ident)
        if self.whole is None:
            self.whole = self.view.frame(self.regions or {}, ident)
        return self.whole


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
            if channel.listeners:
                try:
                    message = channel.refresh(state, ident)
                except Exception as error:  # noqa: BLE001 - one view's bug must not cost the others their picture
                    self._on_error(name, error)
                    continue
                if message is not None:
                    self._send(channel, message)

    def join(self, view: str, sink: Sink) -> Listener:
        """A new listener; the whole view is its first message, as soon as it can be rendered."""
        channel = self._channels[view]
        whole = self._whole(channel, view)
        listener = Listener(view, sink)
        channel.listeners.add(listener)
        if whole is not None:
            listener.behind = not self._push(channel, listener, whole)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener; safe to call twice."""
        self._channels[listener.view].listeners.discard(listener)

    def catch_up(self, listener: Listener) -> None:
        """The listener has room again: give it the newest whole view if it missed anything."""
        if listener.behind:
            channel = self._channels[listener.view]
            whole = self._whole(channel, listener.view)
            listener.behind = whole is None or not self._push(channel, listener, whole)
            channel.tally.caught_up += not listener.behind

    def beat(self, message: bytes) -> None:
        """Send `message` on every view that was silent for `BEAT_AFTER_SEC`."""
        for channel in self._channels.values():
            if channel.listeners and self._clock() - channel.sent_at >= BEAT_AFTER_SEC:
                self._send(channel, message)

    def counts(self) -> dict[str, int]:
        """Open streams by view."""
        return {name: len(channel.listeners) for name, channel in self._channels.items()}

    @property
    def tally(self) -> Mapping[str, Tally]:
        """What each view has cost and reached since the start."""
        return {name: channel.tally for name, channel in self._channels.items()}

    def close(self) -> None:
        """End every stream."""
        for channel in self._channels.values():
            for listener in tuple(channel.listeners):
                listener.sink.close()

    def _whole(self, channel: _Channel[S], view: str) -> bytes | None:
        try:
            return channel.newest(self._state, self._ident)
        except Exception as error:  # noqa: BLE001 - told to whoever made the hub
            self._on_error(view, error)
            return None

    def _send(self, channel: _Channel[S], message: bytes) -> None:
        channel.sent_at = self._clock()
        for listener in tuple(channel.listeners):
            if not listener.behind:
                listener.behind = not self._push(channel, listener, message)

    def _push(self, channel: _Channel[S], listener: Listener, message: bytes) -> bool:
        taken = listener.sink.push(message)
        channel.tally.deliveries += taken
        channel.tally.skipped += not taken
        return taken
