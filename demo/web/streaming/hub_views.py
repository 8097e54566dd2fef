"""The hub's three views: they render a state as regions of a page, and regions as one message of a stream."""

import json
from collections.abc import Callable, Mapping

from sse_starlette import ServerSentEvent

from demo.hub import Hub
from demo.show import ShowState
from demo.web.rendering.regions import PageRegion
from demo.web.rendering.renderer import Renderer

VIEWS = ("stage", "presenter", "remote")


class HubView:
    """One view of the hub, rendered by the same templates as its page."""

    def __init__(self, pages: Renderer, name: str, viewers: Mapping[str, int]) -> None:
        self._pages = pages
        self._name = name
        self._viewers = viewers

    def render(self, state: ShowState) -> Mapping[str, bytes]:
        regions = self._pages.regions(self._name, state, self._viewers)
        return {region.name: region.html.encode() for region in regions}

    def frame(self, regions: Mapping[str, bytes], ident: str) -> bytes:
        return encode_message(self._pages, regions, ident)


def encode_message(pages: Renderer, regions: Mapping[str, bytes], ident: str) -> bytes:
    """Encode regions as one message; with an empty `ident` the client keeps its last event id."""
    markup = pages.frame([PageRegion(name, body.decode()) for name, body in regions.items()])
    return ServerSentEvent(markup, id=ident or None, sep="\n").encode()


def new_hub(
    pages: Renderer,
    state: ShowState,
    ident: str,
    viewers: Mapping[str, int],
    on_error: Callable[[str, Exception], None],
) -> Hub[ShowState]:
    """Create the hub with the three views; `viewers` (open pages by view) is read at each rendering."""
    return Hub({name: HubView(pages, name, viewers) for name in VIEWS}, state, ident, on_error=on_error)


def encode_heartbeat(now: float) -> bytes:
    """Encode a heartbeat with the show's time in epoch seconds, for listeners of a view that does not change."""
    return ServerSentEvent(json.dumps({"now": round(now, 3)}), event="beat", sep="\n").encode()
