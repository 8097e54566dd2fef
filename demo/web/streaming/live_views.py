"""The open pages of one show: their views, who watches them, and when they are updated."""

from collections.abc import Callable
from functools import partial

from starlette.requests import Request

from demo.conductor import ShowHost
from demo.hub import Hub
from demo.show import ShowState
from demo.web.rendering.renderer import Renderer
from demo.web.streaming.hub_views import VIEWS, encode_heartbeat, new_hub
from demo.web.streaming.polling_fallback import PollingFallback, page_of
from demo.web.streaming.update_rate import UpdateRate


class LiveViews:
    """Sends the conductor's states to every open page, by stream, or by polling where no stream gets through."""

    def __init__(self, conductor: ShowHost, pages: Renderer, on_error: Callable[[str, Exception], None]) -> None:
        self._conductor = conductor
        self.viewers: dict[str, int] = dict.fromkeys(VIEWS, 0)
        """The open pages by view, here and at relays, as they were counted last."""
        self.elsewhere = 0
        """The number of viewers of all relays."""
        self.on_published: Callable[[], None] = lambda: None
        """Called after each state that was sent to the pages."""
        state = conductor.state
        self.hub: Hub[ShowState] = new_hub(pages, state, self._ident(state), self.viewers, on_error)
        self.polling = {view: PollingFallback(partial(self.hub.full_message, view)) for view in VIEWS}
        self._rate = UpdateRate(self._publish, state)
        self._end_subscriptions = [
            conductor.subscribe(self._rate.publish),
            conductor.panels.subscribe(self._rate.publish_soon),
        ]

    def _publish(self, state: ShowState) -> None:
        self.hub.publish(state, self._ident(state))
        self.on_published()

    def _ident(self, state: ShowState) -> str:
        return f"{self._conductor.epoch}-{state.seq}"

    def publish_soon(self) -> None:
        """Update the pages within the limit for numbers: what is shown beside the state has changed."""
        self._rate.publish_soon()

    def count_viewers(self) -> None:
        """Count who watches, and show a change; send a heartbeat to views that were silent for long."""
        counts = {view: size + self.polling[view].viewers() for view, size in self.hub.counts().items()}
        counts["stage"] += self.elsewhere
        if counts != self.viewers:
            self.viewers.update(counts)
            self._rate.republish()
        self.hub.heartbeat(encode_heartbeat(self._conductor.clock()))

    def stop_polling(self, request: Request) -> None:
        """Stop counting a page among those that poll: it has a stream now."""
        page = page_of(request)
        for polling in self.polling.values():
            polling.forget(page)

    def close(self) -> None:
        """End every stream."""
        for end_subscription in self._end_subscriptions:
            end_subscription()
        self._rate.close()
        self.hub.close()
