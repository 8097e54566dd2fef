"""`ShowState` as HTML: a view's regions, the stream's frame of them, and the whole page.

The same state gives the same bytes: markup holds timestamps, and the page's script counts ages from them.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import demo
from demo.clock import CLOCK
from demo.markup import to_html, to_plain
from demo.show import ShowState
from demo.show.health_sample import encodable
from demo.views import clock_text, presenter_view, remote_view, stage_view
from demo.views.cards import NO_NUMBER
from demo.web.rendering import card_layout
from demo.web.rendering.assets import Assets
from demo.web.rendering.template_cache import TemplateCache

TEMPLATES = Path(demo.__file__).parent / "templates"

REGIONS = {
    "stage": (
        "spoken",
        "top",
        "tale",
        "cards",
        "sparks",
        "curves",
        "proof",
        "said",
        "banners",
        "line",
        "count",
        "veil",
        "feed",
        "build",
    ),
    "presenter": (
        "spoken",
        "bar",
        "controls",
        "room",
        "problems",
        "now",
        "next",
        "system",
        "faults",
        "said",
        "log",
        "drive",
        "jump",
        "build",
    ),
    "remote": ("spoken", "head", "room", "health", "notes", "thumb", "sheet", "build"),
}
"""The regions of each view: macros of its template, in the order they are sent."""

COUNTED = ("age", "left", "count", "since", "stamp", "date", "talk", "pace")
HTMX_CONFIG = {
    "extensions": "sse",
    "includeIndicatorCSS": False,
    "history": False,
    "defaultTimeout": 3000,
    "morphIgnore": ["data-htmx-powered", "data-live"],
    "morphSkipChildren": ",".join(f"[data-{name}]" for name in COUNTED),
}
"""Attributes `data-live*` and the texts that the script counts are the page's own: a swap leaves them."""


@dataclass(frozen=True, slots=True)
class PageRegion:
    """One part of a page: what lies in its element `#r-NAME`. Without line breaks."""

    name: str
    html: str


@dataclass(frozen=True, slots=True)
class Heading:
    """What a document says around its regions. `lost`: why it is not live, in words; empty while it is."""

    title: str
    epoch: str
    now: float
    lost: str = ""


class _Read:
    """A view model that notes what is read of it."""

    __slots__ = ("_model", "_seen")

    def __init__(self, model: object, seen: dict[str, object]) -> None:
        self._model, self._seen = model, seen

    def __getattr__(self, name: str) -> object:
        found = self._seen[name] = getattr(self._model, name)
        return found


class Drawing:
    """One region of a view. Its macro is a pure function of what it reads: the same again gives the same again."""

    __slots__ = ("_last", "_macro", "_name", "_seen")

    def __init__(self, name: str, macro: Callable[[Any], str]) -> None:
        self._name, self._macro = name, macro
        self._seen: dict[str, object] = {}
        self._last: PageRegion | None = None

    def of(self, model: object) -> PageRegion:
        if self._last is None or any(getattr(model, name) != value for name, value in self._seen.items()):
            seen: dict[str, object] = {}
            self._last = PageRegion(self._name, _one_line(str(self._macro(_Read(model, seen)))))
            self._seen = seen
        return self._last


class Renderer:
    """Renders the three views. Keeps of the show only what was drawn last."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._environment = _environment(assets)
        self._macros: dict[str, tuple[Drawing, ...]] = {}

    def regions(self, view: str, state: ShowState, viewers: Mapping[str, int]) -> tuple[PageRegion, ...]:
        """Every region of `view`, whether it changed or not. Raises `KeyError` for an unknown view."""
        drawings = self._macros.get(view) or self._load(view)
        model = _model(view, state, viewers)
        return tuple(drawing.of(model) for drawing in drawings)

    def _load(self, view: str) -> tuple["Drawing", ...]:
        """A view's macros, when it is first asked for: a start waits for no page that nobody looks at."""
        names = REGIONS[view]
        module = self._environment.get_template(f"{view}_regions.html").module
        self._macros[view] = found = tuple(Drawing(name, getattr(module, name)) for name in names)
        return found

    def frame(self, regions: Iterable[PageRegion]) -> str:
        """The regions as one message of the stream."""
        return "".join(
            f'<hx-partial hx-target="#r-{region.name}" hx-swap="innerMorph">{region.html}</hx-partial>'
            for region in regions
        )

    def document(self, template: str, **values: object) -> str:
        """A page, or a part of one, that shows no view of the show."""
        return encodable(self._environment.get_template(template).render(**values))

    def page(
        self, view: str, state: ShowState, viewers: Mapping[str, int], epoch: str, now: float | None = None
    ) -> str:
        """The whole document, complete without the stream. `now`: by the show's clock (None: this process's)."""
        regions = {region.name: region.html for region in self.regions(view, state, viewers)}
        return self.document_of(view, regions, Heading(state.title, epoch, CLOCK.now() if now is None else now))

    def document_of(self, view: str, regions: Mapping[str, str], heading: "Heading") -> str:
        """The whole document around regions that are rendered already."""
        document = self._environment.get_template(f"{view}.html").render(
            view=view,
            regions={name: Markup(html) for name, html in regions.items()},  # noqa: S704
            title=heading.title,
            epoch=heading.epoch,
            now=f"{heading.now:.3f}",
            lost=heading.lost,
            build=self._assets.fingerprint,
            htmx_config=json.dumps(HTMX_CONFIG),
        )
        return encodable(document)

    def part(self, template: str, name: str, *values: object) -> str:
        """One macro of a template, on one line as a region is."""
        return _one_line(str(getattr(self._environment.get_template(template).module, name)(*values)))


def _model(view: str, state: ShowState, viewers: Mapping[str, int]) -> object:
    if view == "stage":
        return stage_view(state)
    return presenter_view(state, viewers) if view == "presenter" else remote_view(state)


def _environment(assets: Assets) -> Environment:
    settings: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True}
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        bytecode_cache=TemplateCache(str(settings)),
        **settings,
    )
    environment.filters |= {
        "narration": _narration,
        "utc": _utc,
        "segment": lambda text: quote(text, safe="", errors="replace"),
        "middle_cut": card_layout.middle_cut,
        "spark": card_layout.spark,
        "mmss": _mmss,
    }
    environment.globals |= {
        "asset": assets.url,
        "fingerprint": assets.fingerprint,
        "wall": card_layout.wall,
        "full_most": card_layout.MAX_FULL,
        "narration_size": _narration_size,
        "heading_size": card_layout.heading_size,
    }
    return environment


@lru_cache(maxsize=512)
def _narration(text: str, written_in: str) -> Markup:
    """A line break that matters (in code) survives `_one_line` as a character reference."""
    return Markup(to_html(text, written_in).replace("\n", "&#10;"))  # noqa: S704 - to_html is the escaping


@lru_cache(maxsize=512)
def _narration_size(narration: str, written_in: str, *claim: str) -> int:
    return card_layout.narration_size(to_plain(narration, written_in), *claim)


def _one_line(html: str) -> str:
    """No line break in a message, so none can part it; and bytes that UTF-8 can hold."""
    return encodable(html.replace("\n", " ").replace("\r", " ").strip())


def _utc(at: float) -> str:
    """What stands in for an age until the script counts it, and without a script."""
    try:
        return f"{datetime.fromtimestamp(CLOCK.wall(at), UTC):%H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return NO_NUMBER


def _mmss(seconds: float) -> str:
    if not math.isfinite(seconds):
        return NO_NUMBER
    return clock_text(round(seconds))
