"""The stage inside the presenter's page: its own slots, whose sizes hang on the box around them."""

import re
from collections.abc import Mapping

from jinja2 import Environment
from markupsafe import Markup

from demo.show import ShowState
from demo.views import StageView, stage_view
from demo.views.preview import chapter_state, preview_state
from demo.web.rendering.regions import PREVIEW, PageRegion, ViewRenderer, join_lines

MAX_THUMBNAILS = 60
"""A show of more chapters has an overview of words for those behind."""

_IDENT = re.compile(r' id="[^"]*"')


def lay_out_stage(environment: Environment, regions: Mapping[str, Markup]) -> Markup:
    """Return the slots of the stage's page with these regions in them. Raises `UndefinedError` if one is missing."""
    stage = environment.get_template("stage.html")
    context = stage.new_context({"regions": {"feed": "", **regions}})
    return Markup("".join(stage.blocks["show"](context)))  # noqa: S704 - the template escapes


class PreviewRenderer:
    """The stage as the next step will begin, as one region; rendered again only when that changes."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._renderer: ViewRenderer | None = None
        self._about: StageView | None = None
        self._last: PageRegion | None = None
        self._thumbnails: dict[int, tuple[StageView, str]] = {}

    def of(self, state: ShowState) -> PageRegion:
        """Return the region for this state; empty at the end of the show."""
        following = preview_state(state)
        about = stage_view(following) if following is not None else None
        if self._last is None or about != self._about:
            self._last = PageRegion(PREVIEW, "" if about is None else self._draw(about))
            self._about = about
        return self._last

    def chapters(self, state: ShowState) -> str:
        """Return a picture of every chapter, of the first MAX_THUMBNAILS; each is drawn again only when it changes."""
        for number in range(1, min(state.total, MAX_THUMBNAILS) + 1):
            about = stage_view(chapter_state(state, number))
            if number not in self._thumbnails or self._thumbnails[number][0] != about:
                self._thumbnails[number] = (about, f'<div data-number="{number}">{self._draw(about)}</div>')
        return "".join(html for number, (_, html) in sorted(self._thumbnails.items()) if number <= state.total)

    def _draw(self, model: StageView) -> str:
        if self._renderer is None:
            self._renderer = ViewRenderer("stage", self._environment.get_template("stage_regions.html").module)
        regions = {region.name: Markup(region.html) for region in self._renderer.render(model)}  # noqa: S704
        slots = lay_out_stage(self._environment, regions)
        # The picture of now has the same elements: an id may stand on a page only once.
        return join_lines(f'<div class="stage preview">{_IDENT.sub("", slots)}</div>')
