"""`GET /print`: the whole deck with the presenter's notes, for the browser to print."""

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import Response

from demo.conductor import ShowHost
from demo.texts import use_language
from demo.views.printed import printed_deck
from demo.web.problems import problem
from demo.web.rendering.page_cache import PageCache
from demo.web.rendering.renderer import Renderer
from demo.web.routes.fields import PrintFields, Printing
from demo.web.routes.openapi import TO_PAIRING, add_page, takes


def add_print_page(
    app: FastAPI, conductor: ShowHost, pages: Renderer, on_error: Callable[[str, Exception], None]
) -> None:
    """Add the page. `on_error` is called with its name and what was raised when it cannot be rendered."""
    caches = {with_notes: PageCache() for with_notes in (True, False)}

    async def page(request: Request, fields: Printing) -> Response:
        with_notes = fields.notes is not False
        state = conductor.state

        def draw() -> str:
            language = state.deck[0].style.language
            with use_language(language):
                deck = printed_deck(state, with_notes=with_notes)
            return pages.document("print.html", language, deck=deck)

        try:
            return caches[with_notes].answer(request, (state.deck, state.title, state.faults), draw)
        except Exception as error:  # noqa: BLE001 - a bug of ours, or of a deck: the presenter is notified
            on_error("print", error)
            return problem("broken", "this page cannot be rendered; the show continues")

    add_page(app, "/print", page, "The deck with the presenter's notes, to be printed.", TO_PAIRING, takes(PrintFields))
