"""A show on its way to relays: what the audience sees, as a picture, and the viewers that come back."""

from collections.abc import Callable

from demo.conductor import Conductor
from demo.relay.feed import FeedMessage, Publisher, RelayStore
from demo.show import commands as c
from demo.views import snapshot
from demo.web.app import Web

WHO = "relays"
"""Who speaks in the presenter's log when Redis is lost, and when it is back."""


class Broadcast:
    """Publishes one show until it is cancelled. Nothing of the show waits for it. `tell`: lines for the terminal."""

    def __init__(self, web: Web, conductor: Conductor, store: RelayStore, tell: Callable[[str], None]) -> None:
        self._web = web
        self._conductor = conductor
        self._tell = tell
        self._publisher = Publisher(store, self._picture, self._count, self._say, conductor.clock)
        web.on_show = self._publisher.changed

    async def run(self) -> None:
        await self._publisher.run()

    def _picture(self, publisher: Publisher) -> FeedMessage | None:
        """The stage's regions and the audience's `/state` only: notes, errors and addresses never get into Redis."""
        web, clock = self._web, self._conductor.clock
        (state, ident), now = web.hub.newest, clock.now()
        epoch, _, seq = ident.rpartition("-")
        try:
            regions = web.hub.regions("stage")
        except Exception as error:  # noqa: BLE001 - a bug of ours, or of a deck: relays keep the last good picture
            web.cannot_render("stage", error)
            return None
        told = snapshot(state, epoch, web.viewers, private=False, now=now, ahead=clock.ahead)
        build = web.assets.fingerprint
        return FeedMessage(epoch, int(seq), publisher.run_id, now, state.title, build, regions, told)

    def _count(self, viewers: int) -> None:
        self._web.elsewhere = viewers

    def _say(self, text: str, is_trouble: bool) -> None:
        self._tell(f"relays     {text}")
        self._conductor.enqueue(WHO, c.Notice(text) if is_trouble else c.Notice(text, "note"))
