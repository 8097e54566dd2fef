"""The web application of one conductor: pages, control routes and routes for programs, with hub and access policy."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from demo import __version__
from demo.ballots.ballot_box import BallotBox
from demo.ballots.vote_file import SUFFIX, VoteFile
from demo.conductor import ShowHost, get_live_show
from demo.errors import log_unexpected
from demo.notify.delivery import Delivery
from demo.questions.question_box import QuestionBox
from demo.questions.question_file import SUFFIX as QUESTIONS_SUFFIX
from demo.questions.question_file import QuestionFile
from demo.show import commands as c
from demo.views.questions import Questions, QuestionView
from demo.web.access.middleware import AccessMiddleware
from demo.web.access.policy import AccessPolicy, visitor_of
from demo.web.problems import add_errors, problem, refuse_full
from demo.web.rendering.assets import Assets
from demo.web.rendering.page_cache import PageCache
from demo.web.rendering.renderer import Renderer
from demo.web.responses import AsciiJsonResponse
from demo.web.routes.command_handler import CommandHandler
from demo.web.routes.control import control_routes
from demo.web.routes.fields import Events, EventsFields, NoFields
from demo.web.routes.images import DeckImages, add_images
from demo.web.routes.metrics import Metrics
from demo.web.routes.openapi import (
    EVERYWHERE,
    LAST_EVENT_ID,
    METRICS,
    STREAM,
    TO_PAIRING,
    Application,
    add_page,
    answer,
    in_path,
    operation_id,
    state_answer,
    takes,
)
from demo.web.routes.pairing import PairingRoutes
from demo.web.routes.print_page import add_print_page
from demo.web.routes.questions import QuestionRoutes
from demo.web.routes.report_page import MakeReport, add_report_page, no_report
from demo.web.routes.static_files import add_files
from demo.web.routes.vote import DirectVotes, VoteRoute, vote_control_routes
from demo.web.streaming.direct import DirectStreams
from demo.web.streaming.hub_views import VIEWS
from demo.web.streaming.live_views import LiveViews
from demo.web.streaming.polling_fallback import page_of
from demo.web.streaming.stream_slots import StreamSlot, StreamSlots
from demo.web.streaming.view_stream import EventStream, head_of_stream, view_stream

logger = logging.getLogger(__name__)

HEARTBEAT_CHECK_SEC = 0.25
"""How often `keep_alive` looks for views that need a heartbeat, for old sessions, and for a change of viewers."""

MAX_REPORTED_ERRORS = 20
"""How many distinct errors are reported: each report makes a new state, whose rendering may fail again."""


class Web:
    """The web application of one conductor. `asgi` is what a server runs, with the access policy outermost."""

    def __init__(
        self,
        conductor: ShowHost,
        access: AccessPolicy | None = None,
        stream_slots: StreamSlots | None = None,
        *,
        takes_questions: bool = False,
        make_report: MakeReport = no_report,
        deliveries: Sequence[Delivery[Any]] = (),
    ) -> None:
        self._conductor = conductor
        self.deck_images = DeckImages(conductor.images)
        self.access = access or AccessPolicy()
        self.stream_slots = stream_slots or StreamSlots()
        self.access.sessions.on_end = self.stream_slots.end
        self.on_moved: Callable[[str], None] = lambda text: None
        """Called with a text when the address in the links for phones has changed."""
        self.assets = Assets(Path(str(resources.files("demo") / "static")))
        self._make_report = make_report
        self.questions = _make_question_box(conductor) if takes_questions else None
        self.pages = Renderer(
            self.assets, conductor.panels, lambda: self.access.addresses.audience_url, self._list_questions
        )
        self._page_caches = {view: PageCache() for view in VIEWS}
        self._complaints: set[str] = set()
        self.live = LiveViews(conductor, self.pages, self.cannot_render)
        self.hub = self.live.hub
        self.metrics = Metrics(get_live_show(conductor), self.hub, deliveries)
        self.programs = EventStream(conductor)
        self.commands = CommandHandler(conductor, self.live.viewers)
        votes = conductor.journal.path.with_name(conductor.journal.path.name + SUFFIX)
        # What is recorded takes no votes; those of the show itself stay with it.
        live = get_live_show(conductor)
        self.ballots = BallotBox(live, VoteFile(votes, conductor.epoch), lambda: conductor.state.replay is None)
        if self.questions is not None:
            self.questions.on_change = self.live.publish_soon
        self.app = self._application()
        self.asgi: ASGIApp = AccessMiddleware(
            DirectStreams(self.app, self.hub, self._take_slot),
            self.access,
            self._broke,
            lambda: conductor.state.chapter.style.language,
        )
        self._end_subscription: Callable[[], None] = conductor.subscribe(lambda state: self.programs.notify())

    def _list_questions(self) -> Questions:
        if self.questions is None:
            return None
        return tuple(QuestionView(question.id, question.text) for question in self.questions.questions)

    def cannot_render(self, view: str, error: Exception) -> None:
        """Notify the presenter, once, that a view cannot be rendered; its listeners keep what they have."""
        log_unexpected(logger, f"drawing the {view} page", error)
        self._complain(f"the {view} page cannot be rendered: {type(error).__name__}: {error}"[:200])

    def _broke(self, what: str, error: Exception) -> None:
        log_unexpected(logger, what, error)
        self._complain(f"{what}: {type(error).__name__}: {error}"[:200])

    def _complain(self, text: str) -> None:
        if text not in self._complaints and len(self._complaints) < MAX_REPORTED_ERRORS:
            self._complaints.add(text)
            self._conductor.enqueue("web", c.Notice(text))

    async def keep_alive(self) -> None:
        """Send heartbeats, end old sessions and streams, count viewers and votes, until cancelled."""
        if self._conductor.state.replay is None:
            self._conductor.spawn(self.ballots.run(), "counting the votes")
        if self.questions is not None:
            self._conductor.spawn(self.questions.run(), "taking questions")
        while True:
            await asyncio.sleep(HEARTBEAT_CHECK_SEC)
            self.access.sessions.end_old()
            if moved := self.access.addresses.check():
                self._conductor.enqueue("web", c.Notice(moved))
                self.on_moved(moved)
            self.stream_slots.end_old()
            self.live.count_viewers()

    def close(self) -> None:
        """End every stream: the server is about to stop."""
        self._end_subscription()
        self.programs.close()
        self.live.close()

    def _application(self) -> FastAPI:
        app = Application(
            title="chaos-stage",
            version=__version__,
            docs_url=None,
            redoc_url=None,
            responses=EVERYWHERE,
            generate_unique_id_function=operation_id,
        )
        # Not `include_router`: FastAPI 0.165 would match each request twice, in the router and in its copy.
        app.router.routes += control_routes(self.commands).routes
        voting = VoteRoute(self.ballots, self.access.addresses.cookie_path)
        app.add_middleware(DirectVotes, voting=voting)
        app.router.routes += [*voting.routes().routes, *vote_control_routes(self.commands).routes]
        asking = QuestionRoutes(self.questions, self.commands, self.access.addresses.cookie_path)
        app.router.routes += [*asking.audience_routes().routes, *asking.control_routes().routes]
        app.router.routes += PairingRoutes(self.access, self.pages, self._conductor).routes().routes
        self._add_pages(app)
        self._add_machine(app)
        add_errors(app)
        return app

    def _add_pages(self, app: FastAPI) -> None:
        def add(path: str, view: str) -> None:
            async def page(request: Request) -> Response:
                return self._page(request, view)

            add_page(app, path, page, f"The {view} page.", {} if view == "stage" else TO_PAIRING)

        for path, view in (("/", "stage"), ("/presenter", "presenter"), ("/remote", "remote")):
            add(path, view)

        add_print_page(app, self._conductor, self.pages, self.cannot_render)
        add_report_page(app, self._conductor, self._make_report, self.cannot_render)
        add_files(app, self.assets)
        add_images(app, self.deck_images.find)

    def _page(self, request: Request, view: str) -> Response:
        conductor, viewers = self._conductor, dict(self.live.viewers)
        state = conductor.state
        asked = self.questions.version if self.questions is not None else 0
        shown = state.replay.shown if state.replay is not None else 0
        about = (state.seq, shown, conductor.panels.version, tuple(viewers.values()), asked)
        try:
            return self._page_caches[view].answer(
                request, about, lambda: self.pages.page(view, state, viewers, conductor.epoch, conductor.clock())
            )
        except Exception as error:  # noqa: BLE001 - a bug of ours, or of a deck: the presenter is notified
            self.cannot_render(view, error)
            return problem("broken", "this page cannot be rendered; the show continues")

    def _take_slot(self, request: Request, private: bool) -> StreamSlot | None:
        """Take a stream slot, or return None. With a session or token the reserved slots are open, for any view."""
        visitor = visitor_of(request)
        proven = visitor.by in ("session", "token")
        ident = visitor.session.ident if visitor.session else None
        slot = self.stream_slots.take(private or proven, ident, page_of(request))
        if slot is not None:
            self.live.stop_polling(request)
        return slot

    def _stream(self, request: Request, view: str) -> Response:
        polling = self.live.polling[view]
        if (response := polling.respond_if_polling(request, self.stream_slots)) is not None:
            return response
        slot = self._take_slot(request, private=view != "stage")
        if slot is None:
            return (polling.answer(page_of(request)) if view == "stage" else None) or refuse_full()
        return view_stream(self.hub, view, slot)

    def _add_machine(self, app: FastAPI) -> None:
        resumes = {"parameters": [LAST_EVENT_ID]}

        @app.get("/state", tags=["machine"], response_class=Response, responses=state_answer())
        async def state(request: Request, fields: NoFields) -> AsciiJsonResponse:
            """Return the whole show as JSON; for the audience without notes, errors and addresses."""
            return self.commands.state(request)

        @app.api_route("/thumbnails", methods=["GET", "HEAD"], include_in_schema=False)
        async def thumbnails(fields: NoFields) -> Response:
            """Return a small stage for every chapter, as HTML: the pictures of the presenter's overview."""
            return HTMLResponse(self.pages.thumbnails(self._conductor.state))

        formatted = resumes | takes(EventsFields)

        @app.get("/events", tags=["machine"], response_class=Response, responses=STREAM, openapi_extra=formatted)
        async def events(request: Request, fields: Events) -> Response:
            """Stream every event of the show; resumes behind `Last-Event-ID`."""
            slot, last_id = self._take_slot(request, private=True), request.headers.get("last-event-id")
            return refuse_full() if slot is None else self.programs.stream(last_id, slot, fields.format)

        described = in_path("view", {"type": "string", "enum": sorted(VIEWS)}, resumes)

        @app.get("/stream/{view}", tags=["machine"], response_class=Response, responses=STREAM, openapi_extra=described)
        async def stream(request: Request) -> Response:
            """Stream the regions of a page as they change."""
            view = request.path_params["view"]
            if view not in VIEWS:
                return self.commands.no_such("view", view)
            return self._stream(request, view)

        @app.get("/healthz", tags=["machine"], response_class=Response, responses=answer("Healthz"))
        async def healthz() -> AsciiJsonResponse:
            """Return 200 as soon as pages are served."""
            return AsciiJsonResponse({"status": "ok", "version": __version__})

        @app.get("/metrics", tags=["machine"], response_class=Response, responses=METRICS)
        async def metrics(request: Request) -> Response:
            """Return metrics of the server, its listeners and its show for Prometheus."""
            await self.metrics.load()
            body, media_type = self.metrics.answer(request.headers.get("accept", ""))
            return Response(body, headers={"content-type": media_type})

        # Separate routes: FastAPI gives both methods of one route the same operation id.
        app.add_api_route("/state", state, methods=["HEAD"], include_in_schema=False)
        app.add_api_route("/healthz", healthz, methods=["HEAD"], include_in_schema=False)
        app.add_api_route("/metrics", metrics, methods=["HEAD"], include_in_schema=False)
        for path in ("/events", "/stream/{view}"):
            app.add_api_route(path, head_of_stream, methods=["HEAD"], include_in_schema=False)


def _make_question_box(conductor: ShowHost) -> QuestionBox:
    path = conductor.journal.path.with_name(conductor.journal.path.name + QUESTIONS_SUFFIX)
    return QuestionBox(conductor, QuestionFile(path, conductor.epoch))
