"""A relay's application: the audience's pages and streams and nothing else, from messages of a conductor elsewhere."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp

from demo import __version__
from demo.hub import Hub
from demo.relay.feed import FeedMessage, RelayStore, Subscriber
from demo.relay.images import RelayImages
from demo.relay.votes import RelayBallotBox
from demo.views.state_json import moment
from demo.web.access.middleware import AccessMiddleware
from demo.web.access.policy import AccessPolicy
from demo.web.access.rules import Rule, Rules
from demo.web.problems import add_errors, problem, refuse_full
from demo.web.rendering.assets import Assets
from demo.web.rendering.page_cache import PageCache
from demo.web.rendering.regions import REGIONS
from demo.web.rendering.renderer import DocumentHead, Renderer, read_root
from demo.web.responses import AsciiJsonResponse
from demo.web.routes.fields import NoFields
from demo.web.routes.images import add_images
from demo.web.routes.openapi import EVERYWHERE, STREAM, Application, add_page, answer, operation_id, state_answer
from demo.web.routes.static_files import add_files
from demo.web.routes.vote import DirectVotes, VoteRoute
from demo.web.streaming.direct import DirectStreams
from demo.web.streaming.hub_views import encode_heartbeat, encode_message
from demo.web.streaming.polling_fallback import PollingFallback, page_of
from demo.web.streaming.stream_slots import StreamSlot, StreamSlots
from demo.web.streaming.view_stream import head_of_stream, view_stream

LOOK_EVERY_SEC = 0.25
"""How often a relay checks whether it has lost the show, and whether a heartbeat is due."""

VIEW = "stage"
TEMPLATE = "relay_regions.html"
WAITING = "The show has not begun"

AUDIENCE = Rules(
    {("POST", "/vote"): Rule.PARTICIPATE}
    | {
        ("GET", path): Rule.PUBLIC
        for path in (
            "/",
            "/stream/stage",
            "/state",
            "/healthz",
            "/openapi.json",
            "/favicon.ico",
            "/static/{path:path}",
            "/images/{name}",
        )
    }
)
"""The access rules of a relay: it has no control routes, and nothing that only the presenter may see. Votes it takes
only to pass them on."""


@dataclass(frozen=True, slots=True)
class RelayState:
    """The state of a relay: the newest message (None: none yet), and since when it has lost the show (None: live)."""

    message: FeedMessage | None = None
    lost_since: float | None = None


class Received:
    """The hub's view of a relay: regions rendered by the conductor, and those about the relay itself.

    The conductor may be of another version: regions unknown here are left out, missing ones are empty.
    """

    def __init__(self, pages: Renderer) -> None:
        self._pages = pages
        self._waiting = {"narration": pages.part(TEMPLATE, "waiting").encode()}

    def render(self, shown: RelayState) -> Mapping[str, bytes]:
        received = shown.message.regions if shown.message is not None else self._waiting
        # Not the conductor's: pages load their static files from this relay.
        build = self._pages.part(TEMPLATE, "build", language=language_of(received)).encode()
        feed = self._pages.part(TEMPLATE, "feed", shown.lost_since).encode()
        return {name: received.get(name, b"") for name in REGIONS[VIEW]} | {"build": build, "feed": feed}

    def frame(self, regions: Mapping[str, bytes], ident: str) -> bytes:
        return encode_message(self._pages, regions, ident)


def language_of(regions: Mapping[str, bytes]) -> str:
    """Return the language of the deck that these regions are of; "" for English."""
    return read_root(regions.get("look", b"").decode())["language"]


class RelayApp:
    """One relay's web application. `asgi` is the outermost middleware. `say` gets lines for the terminal."""

    def __init__(self, store: RelayStore, access: AccessPolicy, slots: StreamSlots, say: Callable[[str], None]) -> None:
        self.subscriber = Subscriber(store, self._receive, say)
        self._images = RelayImages(store, say)
        self._say = say
        self._slots = slots
        self._addresses = access.addresses
        self._votes = RelayBallotBox(store, lambda: self.subscriber.newest)
        self._other_builds: set[str] = set()
        self._reported: set[str] = set()
        self.assets = Assets(Path(str(resources.files("demo") / "static")))
        self._pages = Renderer(self.assets)
        self._page_cache = PageCache()
        self._view = Received(self._pages)
        self.hub: Hub[RelayState] = Hub({VIEW: self._view}, RelayState(), on_error=self._report_error)
        self._polling = PollingFallback(partial(self.hub.full_message, VIEW))
        self.app = self._build_app()
        self.asgi: ASGIApp = AccessMiddleware(
            DirectStreams(self.app, self.hub, self._take_slot, moves=True),
            access,
            self._report_error,
            self._get_language,
        )

    def viewers(self) -> int:
        """Count the open pages of this relay."""
        return self.hub.counts()[VIEW] + self._polling.viewers()

    async def keep_alive(self) -> None:
        """Send heartbeats, and mark the show when it is lost, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_SEC)
            self._slots.end_old()
            if moved := self._addresses.check():
                self._say(moved)
            if self._get_state() != self.hub.newest[0]:
                self._publish()
            self.hub.heartbeat(encode_heartbeat(self.subscriber.now()))

    def close(self) -> None:
        """End every stream: the server is about to stop."""
        self.hub.close()

    def _get_state(self) -> RelayState:
        return RelayState(self.subscriber.newest, self.subscriber.lost_since)

    def _get_language(self) -> str:
        message = self.subscriber.newest
        return language_of(message.regions) if message is not None else ""

    def _receive(self, message: FeedMessage) -> None:
        before = self.hub.newest[0].message
        if before is None or before.epoch != message.epoch:
            self._say(f"connected to the show: {message.title}")
        if message.build != self.assets.fingerprint and message.build not in self._other_builds:
            self._other_builds.add(message.build)
            self._say("the conductor runs another version than this relay: what only one of them supports is not shown")
        self._images.expect(message.regions.values())
        self._publish()

    def _publish(self) -> None:
        shown, before = self._get_state(), self.hub.newest[0]
        if (shown.lost_since is None) != (before.lost_since is None):
            self._say(
                "the show is live again"
                if shown.lost_since is None
                else "the connection to the show is lost: its last state stays on the pages"
            )
        self.hub.publish(shown, shown.message.ident if shown.message is not None else "")

    def _report_error(self, failed: str, error: Exception) -> None:
        text = f"{failed}: {type(error).__name__}: {error}"[:200]
        if text not in self._reported:
            self._reported.add(text)
            self._say(text)

    def _take_slot(self, request: Request, private: bool) -> StreamSlot | None:
        page = page_of(request)
        # A relay knows no presenter, so no stream of it is private.
        slot = self._slots.take(private=False, session=None, page=page)
        if slot is not None:
            self._polling.forget(page)
        return slot

    def _build_app(self) -> FastAPI:
        app = Application(
            title="chaos-stage relay",
            version=__version__,
            docs_url=None,
            redoc_url=None,
            responses=EVERYWHERE,
            generate_unique_id_function=operation_id,
        )

        app.relays = True

        async def page(request: Request) -> Response:
            # Rendered once for all who ask within 100 ms: after an outage a whole hall loads the page at once.
            shown = self._get_state()
            cache_key = (shown.message and shown.message.ident, shown.lost_since)
            return self._page_cache.answer(request, cache_key, partial(self._render_page, shown))

        add_page(app, "/", page, "The stage page.")
        voting = VoteRoute(self._votes, self._addresses.cookie_path)
        app.add_middleware(DirectVotes, voting=voting)
        app.router.routes += voting.routes().routes
        add_files(app, self.assets)
        add_images(app, self._images.find)
        self._add_machine_routes(app)
        add_errors(app)
        return app

    def _render_page(self, shown: RelayState) -> str:
        rendered = self._view.render(shown)
        regions, language = {name: html.decode() for name, html in rendered.items()}, language_of(rendered)
        since = shown.lost_since
        lost = self._pages.part(TEMPLATE, "words", since, language=language) if since is not None else ""
        title, epoch = (shown.message.title, shown.message.epoch) if shown.message is not None else (WAITING, "")
        return self._pages.document_of(VIEW, regions, DocumentHead(title, epoch, self.subscriber.now(), lost))

    def _add_machine_routes(self, app: FastAPI) -> None:
        @app.get("/state", tags=["machine"], responses=state_answer())
        async def state(fields: NoFields) -> Response:
            """Return the show's state as the audience may see it; `live` tells whether it is current."""
            return self._respond_with_state()

        @app.get("/stream/stage", tags=["machine"], response_class=Response, responses=STREAM)
        async def stream(request: Request) -> Response:
            """Stream the stage page's regions as they change."""
            if (response := self._polling.respond_if_polling(request, self._slots)) is not None:
                return response
            slot = self._take_slot(request, private=False)
            if slot is None:
                return self._polling.answer(page_of(request)) or refuse_full()
            return view_stream(self.hub, VIEW, slot)

        @app.get("/healthz", tags=["machine"], response_class=Response, responses=answer("Healthz"))
        async def healthz() -> AsciiJsonResponse:
            """Return 200 as soon as pages are served, with or without a show."""
            return AsciiJsonResponse({"status": "ok", "version": __version__, "live": self._is_live()})

        # Separate routes: FastAPI gives both methods of one route the same operation id.
        app.add_api_route("/state", state, methods=["HEAD"], include_in_schema=False)
        app.add_api_route("/healthz", healthz, methods=["HEAD"], include_in_schema=False)
        app.add_api_route("/stream/stage", head_of_stream, methods=["HEAD"], include_in_schema=False)

    def _is_live(self) -> bool:
        return self.subscriber.newest is not None and self.subscriber.lost_since is None

    def _respond_with_state(self) -> Response:
        shown, now = self._get_state(), self.subscriber.now()
        if shown.message is None:
            return problem("no_show", "no show has come from Redis yet: try again", {"retry-after": "1"})
        state = dict(shown.message.state) | {
            "live": self._is_live(),
            "lost_since": moment(shown.lost_since, time.time() - now),
        }
        # The timer goes on running after the message was sent.
        timer = state.get("timer")
        if isinstance(timer, dict) and timer.get("running") and isinstance(timer.get("elapsed_sec"), int | float):
            state["timer"] = timer | {"elapsed_sec": round(timer["elapsed_sec"] + max(0.0, now - shown.message.now), 3)}
        return AsciiJsonResponse(state)
