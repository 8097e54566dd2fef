"""Publishes a conductor's show for relays: what the audience sees goes out, the number of their viewers comes back."""

import asyncio
from collections.abc import Callable, Mapping

from demo.conductor import ShowHost
from demo.relay.feed import FeedMessage, Publisher, RelayStore
from demo.relay.votes import VoteReceiver
from demo.show import commands as c
from demo.views import snapshot
from demo.web.app import Web

WHO = "relays"
"""The name in the presenter's log of notices that Redis cannot be reached, or can be again."""


class Broadcast:
    """Publishes one show until cancelled; the show never waits for it. `tell` gets lines for the terminal."""

    def __init__(self, web: Web, conductor: ShowHost, store: RelayStore, tell: Callable[[str], None]) -> None:
        self._web = web
        self._conductor = conductor
        self._tell = tell
        self._publisher = Publisher(
            store, self._build_message, self._set_viewers, self._notify, self._now, self._images
        )
        self._votes = VoteReceiver(store, web.ballots, conductor.epoch)
        web.live.on_published = self._publisher.changed

    async def run(self) -> None:
        """Publish, and receive the votes of relays, until cancelled or until another conductor has the show."""
        receiving = asyncio.ensure_future(self._votes.run())
        try:
            await self._publisher.run()
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)

    def _build_message(self, publisher: Publisher) -> FeedMessage | None:
        """Build a message of the stage's regions and the audience's `/state`; None where the stage cannot be rendered.

        It contains nothing else: the presenter's notes, errors and addresses never get into Redis.
        """
        web, clock = self._web, self._conductor.clock
        (state, ident), now = web.hub.newest, clock.now()
        epoch, _, seq = ident.rpartition("-")
        try:
            regions = web.hub.regions("stage")
        except Exception as error:  # noqa: BLE001 - a bug of ours, or of a deck: relays keep the last good message
            web.cannot_render("stage", error)
            return None
        public_state = snapshot(state, epoch, web.live.viewers, private=False, now=now, ahead=clock.ahead)
        build = web.assets.fingerprint
        shown = state.replay.shown if state.replay is not None else 0
        return FeedMessage(epoch, int(seq), publisher.run_id, now, state.title, build, regions, public_state, shown)

    def _now(self) -> float:
        return self._conductor.clock.now()

    def _images(self) -> Mapping[str, bytes]:
        return {image.name: image.body for image in self._web.deck_images.all()}

    def _set_viewers(self, viewers: int) -> None:
        self._web.live.elsewhere = viewers

    def _notify(self, text: str, is_error: bool) -> None:
        self._tell(f"relays     {text}")
        self._conductor.enqueue(WHO, c.Notice(text) if is_error else c.Notice(text, "note"))
