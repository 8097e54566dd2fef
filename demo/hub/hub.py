"""The hub: the newest state to any number of listeners. Knows neither HTML nor sockets.

A stage carries state, not history: a listener gets the whole view first, then the regions that changed.
Each change is rendered and framed once a view; a listener that cannot take more is skipped and gets the newest
whole view when it can.
"""

import time
from collections.abc import Callable, Mapping
from typing import Generic, NoReturn, TypeVar

from demo.hub.channel import Listener, Sink, Tally, View, ViewChannel

S = TypeVar("S")

BEAT_AFTER_SEC = 1.0
"""A view that was silent for this long gets a beat, so that a page can tell a quiet show from a dead line."""

MAX_WAIT_SEC = 2.0
"""How long a listener that has seen a later state than this hub has is kept waiting for it."""


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
        self._channels = {name: ViewChannel(view) for name, view in views.items()}
        self._state = state
        self._ident = ident
        self._clock = clock
        self._on_error = on_error

    def publish(self, state: S, ident: str) -> None:
        """Show this state to everyone; views nobody watches are not rendered."""
        self._state, self._ident = state, ident
        for name, channel in self._channels.items():
            if not channel.size:
                channel.forget()
            else:
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

    def join(self, view: str, sink: Sink, seen: str = "", *, packed: bool = False) -> Listener:
        """A new listener; the whole view is its first message, as soon as it can be rendered.

        `seen`: the last ident it saw elsewhere. Where that is later than this hub's newest, it waits a while for
        what it has seen already, so that no screen ever steps back. `packed`: it reads gzip, whose header it has got.
        """
        channel = self._channels[view]
        listener = Listener(view, sink, packed)
        number = _later(seen, self._ident)
        if number is not None:
            channel.ahead[listener] = (number, self._clock() + MAX_WAIT_SEC)
            channel.held.add(listener)
            listener.behind = True
            return listener
        whole = self._whole(channel, view)
        if whole is None:
            channel.wait_for_first(listener)
        else:
            channel.give(listener, whole)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener; safe to call twice."""
        self._channels[listener.view].leave(listener)

    def pause(self, listener: Listener) -> None:
        """It can take no more for now: pass it over, until `resume`."""
        self._channels[listener.view].hold(listener)

    def mark_missed(self, listener: Listener) -> None:
        """`pause`, and what it was given just now is lost for it."""
        self.pause(listener)
        listener.behind = True

    def resume(self, listener: Listener) -> None:
        """The listener has room again: give it the newest whole view if it missed anything."""
        channel = self._channels[listener.view]
        if listener not in channel.held or listener in channel.ahead:
            return
        if not listener.behind:
            channel.let_in(listener)
            return
        whole = self._whole(channel, listener.view)
        if whole is not None:
            channel.tally.caught_up += 1
            channel.give(listener, whole)

    def regions(self, view: str) -> Mapping[str, bytes]:
        """All regions of a view at the newest state, whoever watches. Raises what rendering raises."""
        channel = self._channels[view]
        if channel.regions is not None and channel.shown == self._ident:
            return channel.regions
        return channel.render(self._state)

    @property
    def newest(self) -> tuple[S, str]:
        """The state that `regions` shows, and its ident."""
        return self._state, self._ident

    def full_message(self, view: str) -> bytes | None:
        """The newest whole view as one message; None when it cannot be rendered."""
        return self._whole(self._channels[view], view)

    def heartbeat(self, message: bytes) -> None:
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
            for listener in channel.everyone():
                listener.sink.close()

    def _let_in(self, channel: ViewChannel[S]) -> None:
        """Those who waited for a state that is here now, or have waited long enough."""
        now = self._clock()
        for listener, (number, until) in tuple(channel.ahead.items()):
            if now >= until or _number(self._ident) >= number:
                del channel.ahead[listener]
                self.resume(listener)

    def _whole(self, channel: ViewChannel[S], view: str) -> bytes | None:
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
