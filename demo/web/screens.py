"""The three views of the hub: a state as regions of a page, and regions as one message."""

import json
import time
from collections.abc import Callable, Mapping

from sse_starlette import ServerSentEvent

from demo.hub import Hub
from demo.show import ShowState
from demo.web.pages import Pages, Region

VIEWS = ("stage", "presenter", "remote")


class Screen:
    """One view, rendered by the same templates as its page."""

    def __init__(self, pages: Pages, name: str, viewers: Mapping[str, int]) -> None:
        self._pages = pages
        self._name = name
        self._viewers = viewers

    def render(self, state: ShowState) -> Mapping[str, bytes]:
        regions = self._pages.regions(self._name, state, self._viewers)
        return {region.name: region.html.encode() for region in regions}

    def frame(self, regions: Mapping[str, bytes], ident: str) -> bytes:
        markup = self._pages.frame([Region(name, body.decode()) for name, body in regions.items()])
        return ServerSentEvent(markup, id=ident, sep="\n").encode()


def new_hub(
    pages: Pages, state: ShowState, viewers: Mapping[str, int], on_error: Callable[[str, Exception], None]
) -> Hub[ShowState]:
    """The hub over the three views; `viewers` is read at each rendering."""
    return Hub({name: Screen(pages, name, viewers) for name in VIEWS}, state, on_error=on_error)


def beat() -> bytes:
    """A sign of life with the server's clock, for pages that have nothing new to show."""
    return ServerSentEvent(json.dumps({"now": round(time.time(), 3)}), event="beat", sep="\n").encode()
