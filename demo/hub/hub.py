"""The hub: sends the newest state to any number of listeners. Knows neither HTML nor sockets.

A listener gets a full message of its view first, then the regions that changed. There is no history: a listener that
cannot keep up is skipped, and gets the newest full message when it has room again. Each change is rendered and framed
once for each view.
"""

import time
from collections.abc import Callable, Mapping
from typing import Generic, NoReturn, TypeVar

from demo.hub.channel import Listener, Sink, Tally, View, ViewChannel

S = TypeVar("S")

HEARTBEAT_AFTER_SEC = 1.0
"""A view that was silent for this long gets a heartbeat: a page can tell a quiet show from a dead connection.

Pages call a connection dead after `SILENT_MS` in demo/static/link.js, which has to be more than twice as long."""

MAX_WAIT_SEC = 2.0
"""How long a listener waits for a state that it has seen at another server and this hub does not have yet."""


def _raise(view: str, error: Exception) -> NoReturn:
    raise error


class Hub(Generic[S]):
    """Fan-out of the newest state. All methods must be called from the event loop's thread.

    `on_error` gets the name of a view that could not be rendered and the error; its listeners keep what they have on
    screen, and the other views go on. Without `on_error` the error is raised.
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
        """Send this state to all listeners; views without listeners are not rendered."""
        self._state, self._ident = state, ident
        for name, channel in self._channels.items():
            if not channel.size:
                # Nobody watches, so it is not rendered: what was rendered before is outdated from now on.
                channel.forget()
            else:
                try:
                    message = channel.refresh(state, ident)
                except Exception as error:  # noqa: BLE001 - a bug in one view must not stop the others
                    self._on_error(name, error)
                    continue
                if message is not None:
                    channel.sent_at = self._clock()
                    channel.send(message)
                if channel.waiting_for_newer:
                    self._resume_waiting(channel)

    def join(self, view: str, sink: Sink, seen: str = "", *, wants_gzip: bool = False) -> Listener:
        """Add a listener and return it. Its first message is the full view, as soon as that can be rendered.

        `seen`: the ident of the last state that it got from another server. When that is later than the newest state
        here, the listener waits up to `MAX_WAIT_SEC` for it, so that no screen goes back. `wants_gzip`: it asked for
        the compressed stream, and has got the header of one.
        """
        channel = self._channels[view]
        listener = Listener(view, sink, wants_gzip)
        number = _parse_later_number(seen, self._ident)
        if number is not None:
            channel.waiting_for_newer[listener] = (number, self._clock() + MAX_WAIT_SEC)
            channel.paused.add(listener)
            listener.needs_full = True
            return listener
        full = self._try_full_message(channel, view)
        if full is None:
            channel.wait_for_first(listener)
        else:
            channel.send_full(listener, full)
        return listener

    def leave(self, listener: Listener) -> None:
        """Remove a listener. Safe to call twice."""
        self._channels[listener.view].remove(listener)

    def pause(self, listener: Listener) -> None:
        """Skip a listener that can take no more, until `resume`."""
        self._channels[listener.view].pause(listener)

    def mark_missed(self, listener: Listener) -> None:
        """Pause a listener that has lost the message it was just given."""
        self.pause(listener)
        listener.needs_full = True

    def resume(self, listener: Listener) -> None:
        """Go on with a listener that has room again; send it the newest full message if it missed any."""
        channel = self._channels[listener.view]
        if listener not in channel.paused or listener in channel.waiting_for_newer:
            return
        # It was paused between two messages and missed none.
        if not listener.needs_full:
            channel.add_ready(listener)
            return
        full = self._try_full_message(channel, listener.view)
        if full is not None:
            channel.tally.caught_up += 1
            channel.send_full(listener, full)

    def regions(self, view: str) -> Mapping[str, bytes]:
        """Return all regions of a view at the newest state, with or without listeners. Raises what rendering raises."""
        channel = self._channels[view]
        if channel.regions is not None and channel.shown == self._ident:
            return channel.regions
        # Not kept: a view that nobody watches is not refreshed, so what is kept would soon be outdated.
        return channel.render(self._state)

    @property
    def newest(self) -> tuple[S, str]:
        """The state that `regions` shows, and its ident."""
        return self._state, self._ident

    def full_message(self, view: str) -> bytes | None:
        """Return the newest full message of a view; None when it cannot be rendered."""
        return self._try_full_message(self._channels[view], view)

    def heartbeat(self, message: bytes) -> None:
        """Send `message` on each view that was silent for `HEARTBEAT_AFTER_SEC`."""
        now = self._clock()
        for channel in self._channels.values():
            if channel.waiting_for_newer:
                self._resume_waiting(channel)
            # A busy view needs none: a page waits for any message, and shows a lost connection after 2.4 s without one
            # (docs/decisions/0002).
            if channel.size and now - channel.sent_at >= HEARTBEAT_AFTER_SEC:
                channel.sent_at = now
                channel.send(message)

    def counts(self) -> dict[str, int]:
        """Return the number of open streams by view."""
        return {name: channel.size for name, channel in self._channels.items()}

    @property
    def tally(self) -> Mapping[str, Tally]:
        """The statistics of each view."""
        return {name: channel.tally for name, channel in self._channels.items()}

    def close(self) -> None:
        """End all streams."""
        for channel in self._channels.values():
            for listener in channel.listeners():
                listener.sink.close()

    def _resume_waiting(self, channel: ViewChannel[S]) -> None:
        """Resume listeners whose awaited state has come, or that have waited long enough."""
        now = self._clock()
        for listener, (number, deadline) in tuple(channel.waiting_for_newer.items()):
            if now >= deadline or _parse_number(self._ident) >= number:
                del channel.waiting_for_newer[listener]
                self.resume(listener)

    def _try_full_message(self, channel: ViewChannel[S], view: str) -> bytes | None:
        try:
            return channel.newest(self._state, self._ident)
        except Exception as error:  # noqa: BLE001 - reported to the owner of the hub
            self._on_error(view, error)
            return None


def _parse_number(ident: str) -> int:
    digits = ident.rpartition("-")[2]
    # Pages send this: anything that is not a number of reasonable length counts as 0.
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 18 else 0


def _parse_later_number(seen: str, ident: str) -> int | None:
    """Return the number of `seen` if it is of the same epoch as `ident` and later, else None."""
    if not seen or seen.rpartition("-")[0] != ident.rpartition("-")[0] or _parse_number(seen) <= _parse_number(ident):
        return None
    return _parse_number(seen)
