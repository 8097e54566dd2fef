"""A relay's application: the audience's pages and nothing else, over pictures that come from elsewhere."""

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
from demo.views.state_json import moment
from demo.web.access.middleware import AccessMiddleware
from demo.web.access.policy import AccessPolicy
from demo.web.access.rules import Rule, Rules
from demo.web.problems import add_errors, full, problem
from demo.web.rendering.assets import Assets
from demo.web.rendering.page_cache import PageCache
from demo.web.rendering.renderer import REGIONS, Heading, Renderer
from demo.web.responses import AsciiJsonResponse
from demo.web.routes.fields import NoFields
from demo.web.routes.openapi import EVERYWHERE, STREAM, Application, add_page, operation_id, state_answer
from demo.web.routes.static_files import add_files
from demo.web.streaming.direct import DirectStreams
from demo.web.streaming.hub_views import beat, framed
from demo.web.streaming.polling_fallback import PollingFallback, page_of
from demo.web.streaming.stream_slots import StreamSlot, StreamSlots
from demo.web.streaming.view_stream import view_stream

LOOK_EVERY_SEC = 0.25
"""How often a relay looks whether it has lost the show, and for a silent view."""

VIEW = "stage"
TEMPLATE = "relay_regions.html"
WAITING = "The show has not begun"

AUDIENCE = Rules(
    {
        ("GET", path): Rule.PUBLIC
        for path in ("/", "/stream/stage", "/state", "/healthz", "/openapi.json", "/favicon.ico", "/static/{path:path}")
    }
)
"""There is nothing to control here, and nothing that only a presenter may see."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a relay has: the newest picture (None: none yet), and since when it is without the show."""

    picture: FeedMessage | None = None
    lost_since: float | None = None


class Received:
    """The hub's view of it: regions that were rendered elsewhere, under the names that this version knows."""

    def __init__(self, pages: Renderer) -> None:
        self._pages = pages
        self._own = {"build": pages.part(TEMPLATE, "build").encode()}
        self._waiting = {"tale": pages.part(TEMPLATE, "waiting").encode()}

    def render(self, shown: Shown) -> Mapping[str, bytes]:
        found = shown.picture.regions if shown.picture is not None else self._waiting
        feed = self._pages.part(TEMPLATE, "feed", shown.lost_since).encode()
        return {name: found.get(name, b"") for name in REGIONS[VIEW]} | self._own | {"feed": feed}

    def frame(self, regions: Mapping[str, bytes], ident: str) -> bytes:
        return framed(self._pages, regions, ident)


class RelayApp:
    """One relay's web side. `asgi` is the application, access rules outermost. `say`: to who runs the relay."""

    def __init__(self, store: RelayStore, access: AccessPolicy, lines: StreamSlots, say: Callable[[str], None]) -> None:
        self.follower = Subscriber(store, self._take, say)
        self._say = say
        self._lines = lines
        self._reach = access.reach
        self._builds: set[str] = set()
        self._complaints: set[str] = set()
        self.assets = Assets(Path(str(resources.files("demo") / "static")))
        self._pages = Renderer(self.assets)
        self._drawer = PageCache()
        self._view = Received(self._pages)
        self.hub: Hub[Shown] = Hub({VIEW: self._view}, Shown(), on_error=self._broke)
        self._polling = PollingFallback(partial(self.hub.full_message, VIEW))
        self.app = self._application()
        self.asgi: ASGIApp = AccessMiddleware(
            DirectStreams(self.app, self.hub, self._line, moves=True), access, self._broke
        )

    def viewers(self) -> int:
        """Open pages of this relay."""
        return self.hub.counts()[VIEW] + self._polling.viewers()

    async def keep_alive(self) -> None:
        """Send beats, and mark the show when it is lost, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_SEC)
            self._lines.end_old()
            if moved := self._reach.check():
                self._say(moved)
            if self._shown() != self.hub.newest[0]:
                self._show()
            self.hub.heartbeat(beat(self.follower.now()))

    def close(self) -> None:
        """End every stream: the server is about to stop."""
        self.hub.close()

    def _shown(self) -> Shown:
        return Shown(self.follower.picture, self.follower.lost_since)

    def _take(self, picture: FeedMessage) -> None:
        before = self.hub.newest[0].picture
        if before is None or before.epoch != picture.epoch:
            self._say(f"the show is here: {picture.title}")
        if picture.build != self.assets.fingerprint and picture.build not in self._builds:
            self._builds.add(picture.build)
            self._say("the conductor is of another version than this relay: what only one of them knows is not shown")
        self._show()

    def _show(self) -> None:
        shown, before = self._shown(), self.hub.newest[0]
        if (shown.lost_since is None) != (before.lost_since is None):
            self._say(
                "the show is live again" if shown.lost_since is None else "the show is lost: its last picture stays"
            )
        self.hub.publish(shown, shown.picture.ident if shown.picture is not None else "")

    def _broke(self, what: str, error: Exception) -> None:
        text = f"{what}: {type(error).__name__}: {error}"[:200]
        if text not in self._complaints:
            self._complaints.add(text)
            self._say(text)

    def _line(self, request: Request, private: bool) -> StreamSlot | None:
        page = page_of(request)
        line = self._lines.take(private=False, session=None, page=page)
        if line is not None:
            self._polling.forget(page)
        return line

    def _application(self) -> FastAPI:
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
            shown = self._shown()
            about = (shown.picture and shown.picture.ident, shown.lost_since)
            return self._drawer.answer(request, about, partial(self._document, shown))

        add_page(app, "/", page, "The stage page.")
        add_files(app, self.assets)
        self._add_machine(app)
        add_errors(app)
        return app

    def _document(self, shown: Shown) -> str:
        regions = {name: html.decode() for name, html in self._view.render(shown).items()}
        lost = self._pages.part(TEMPLATE, "words", shown.lost_since) if shown.lost_since is not None else ""
        title, epoch = (shown.picture.title, shown.picture.epoch) if shown.picture is not None else (WAITING, "")
        return self._pages.document_of(VIEW, regions, Heading(title, epoch, self.follower.now(), lost))

    def _add_machine(self, app: FastAPI) -> None:
        @app.get("/state", tags=["machine"], responses=state_answer())
        async def state(fields: NoFields) -> Response:
            """The whole show as JSON, as the audience may see it; `live` tells whether it is of now."""
            return self._state()

        @app.get("/stream/stage", tags=["machine"], response_class=Response, responses=STREAM)
        async def stream(request: Request) -> Response:
            """The stage page's stream: its regions as they change."""
            if (instead := self._polling.instead(request, self._lines)) is not None:
                return instead
            line = self._line(request, private=False)
            if line is None:
                return self._polling.answer(page_of(request)) or full()
            return view_stream(self.hub, VIEW, line)

        @app.get("/healthz", tags=["machine"])
        async def healthz() -> AsciiJsonResponse:
            """200 as soon as pages are served, with or without a show."""
            return AsciiJsonResponse({"status": "ok", "version": __version__, "live": self._is_live()})

        # Routes of their own: one route of two methods would have one operation id twice.
        app.add_api_route("/state", state, methods=["HEAD"], include_in_schema=False)
        app.add_api_route("/healthz", healthz, methods=["HEAD"], include_in_schema=False)

    def _is_live(self) -> bool:
        return self.follower.picture is not None and self.follower.lost_since is None

    def _state(self) -> Response:
        shown, now = self._shown(), self.follower.now()
        if shown.picture is None:
            return problem("no_show", "no show has come from Redis yet: try again", {"retry-after": "1"})
        told = dict(shown.picture.state) | {
            "live": self._is_live(),
            "lost_since": moment(shown.lost_since, time.time() - now),
        }
        timer = told.get("timer")
        if isinstance(timer, dict) and timer.get("running") and isinstance(timer.get("elapsed_sec"), int | float):
            told["timer"] = timer | {"elapsed_sec": round(timer["elapsed_sec"] + max(0.0, now - shown.picture.now), 3)}
        return AsciiJsonResponse(told)
