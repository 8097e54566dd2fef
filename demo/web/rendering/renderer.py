"""Renders a `ShowState` as HTML: a view's regions, a stream's message of regions, and the whole page.

The same state gives the same bytes: markup contains timestamps, from which the page's script computes ages.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import demo
from demo.clock import CLOCK
from demo.invitation import to_svg
from demo.markup import to_html, to_plain
from demo.panels.picture import NoPanels, Panels
from demo.show import ShowState
from demo.show.health_sample import replace_surrogates
from demo.text_fit import text_sizes
from demo.texts import current_catalogue, localize_number, use_language
from demo.views import clock_text, presenter_view, remote_view, stage_view
from demo.views.cards import NO_NUMBER, number_text
from demo.views.key_bars import draw_bar
from demo.views.questions import Questions
from demo.web.rendering import text_shortening
from demo.web.rendering.assets import Assets
from demo.web.rendering.page_texts import EXTENSION, install_texts, script_texts
from demo.web.rendering.panel_output import output_rows, output_size
from demo.web.rendering.plot_layout import draw_timeline
from demo.web.rendering.regions import OF_QUESTIONS, REGIONS, STAGE_ALONE, PageRegion, ViewRenderer, join_lines
from demo.web.rendering.small_stage import PreviewRenderer, lay_out_stage
from demo.web.rendering.system_layout import draw_many_nodes, draw_system, fit_rest
from demo.web.rendering.template_cache import TemplateCache
from demo.web.rendering.text_direction import direction_class

TEMPLATES = Path(demo.__file__).parent / "templates"

ROOT = {name: re.compile(rf'data-{name}="([\w-]+)"') for name in ("base", "language", "direction")}

COUNTED = ("age", "left", "count", "since", "stamp", "date", "talk", "pace", "mine", "thumb")
HTMX_CONFIG = {
    "extensions": "sse",
    "includeIndicatorCSS": False,
    "history": False,
    "defaultTimeout": 3000,
    "morphIgnore": ["data-htmx-powered", "data-live", "srcset"],
    "morphSkipChildren": ",".join(f"[data-{name}]" for name in COUNTED),
}
"""A swap leaves what the page's scripts set as it is: attributes `data-live*`, `srcset`, and the texts of `COUNTED`."""


@dataclass(frozen=True, slots=True)
class DocumentHead:
    """What a document contains around its regions. `lost`: why it is not live, as text; empty while it is.

    `now` is the show's time in epoch seconds.
    """

    title: str
    epoch: str
    now: float
    lost: str = ""


class Renderer:
    """Renders the three views. Of the show it keeps only the regions that were rendered last."""

    def __init__(
        self,
        assets: Assets,
        panels: Panels | None = None,
        audience_url: Callable[[], str] = lambda: "",
        questions: Callable[[], Questions] = lambda: None,
    ) -> None:
        """Set `audience_url`: returns where the audience opens the stage, "" where it cannot."""
        self._assets = assets
        self._audience_url = audience_url
        self._panels = panels or NoPanels()
        self._questions = questions
        self._environment = _build_environment(assets)
        self._view_renderers: dict[str, ViewRenderer] = {}
        self._previews = PreviewRenderer(self._environment)

    def regions(self, view: str, state: ShowState, viewers: Mapping[str, int]) -> tuple[PageRegion, ...]:
        """Render every region of `view`, changed or not. Raises `KeyError` for an unknown view."""
        renderer = self._view_renderers.get(view) or self._load(view)
        with use_language(state.chapter.style.language):
            regions = renderer.render(self._build_model(view, state, viewers))
            if view != "presenter":
                return regions
            if self._questions() is None:
                regions = tuple(region for region in regions if region.name not in OF_QUESTIONS)
            return (*regions, *self._draw_stage_picture(state, viewers))

    def _draw_stage_picture(self, state: ShowState, viewers: Mapping[str, int]) -> list[PageRegion]:
        """Return what the presenter's page shows of the stage: just what the audience sees, and what comes next."""
        seen = [region for region in self.regions("stage", state, viewers) if region.name not in STAGE_ALONE]
        return [*seen, self._previews.of(state)]

    def _load(self, view: str) -> ViewRenderer:
        """Load a view's macros; done when it is first needed, so that a start does not wait for unused pages."""
        if view not in REGIONS:
            raise KeyError(view)
        module = self._environment.get_template(f"{view}_regions.html").module
        self._view_renderers[view] = renderer = ViewRenderer(view, module)
        return renderer

    def _build_model(self, view: str, state: ShowState, viewers: Mapping[str, int]) -> object:
        if view == "stage":
            return stage_view(state, panels=self._panels).with_join(self._audience_url(), viewers.get("stage", 0))
        if view == "presenter":
            return replace(presenter_view(state, viewers, self._panels), questions=self._questions())
        return remote_view(state)

    def thumbnails(self, state: ShowState) -> str:
        """Render a small stage for every chapter of the show, as the overview shows them."""
        with use_language(state.chapter.style.language):
            return self._previews.chapters(state)

    def frame(self, regions: Iterable[PageRegion]) -> str:
        """Join regions to the data of one message of the stream."""
        return "".join(
            f'<hx-partial hx-target="#r-{region.name}" hx-swap="innerMorph">{region.html}</hx-partial>'
            for region in regions
        )

    def document(self, template: str, language: str = "", **values: object) -> str:
        """Render a page, or a part of one, that is not a view of the show, as the pairing page."""
        with use_language(language):
            spoken = current_catalogue().language
            texts = script_texts(template.removesuffix(".html")) if template == "pair.html" else ""
            return replace_surrogates(
                self._environment.get_template(template).render(language=spoken, texts=texts, **values)
            )

    def page(
        self, view: str, state: ShowState, viewers: Mapping[str, int], epoch: str, now: float | None = None
    ) -> str:
        """Render a view's whole document, complete without the stream.

        `now` is the show's time in epoch seconds; None stands for this process's clock.
        """
        regions = {region.name: region.html for region in self.regions(view, state, viewers)}
        return self.document_of(view, regions, DocumentHead(state.title, epoch, CLOCK.now() if now is None else now))

    def document_of(self, view: str, regions: Mapping[str, str], heading: "DocumentHead") -> str:
        """Render a view's whole document around regions that are rendered already."""
        marked = {name: Markup(html) for name, html in regions.items()}  # noqa: S704
        root = read_root(regions["look"])
        with use_language(root["language"]):
            document = self._environment.get_template(f"{view}.html").render(
                view=view,
                root=root,
                regions=marked,
                stage_slots=lay_out_stage(self._environment, marked) if view == "presenter" else "",
                title=heading.title,
                epoch=heading.epoch,
                now=f"{heading.now:.3f}",
                lost=heading.lost,
                texts=script_texts(view),
                takes_questions=self._questions() is not None,
                htmx_config=json.dumps(HTMX_CONFIG),
            )
        return replace_surrogates(document)

    def part(self, template: str, name: str, *values: object, language: str = "") -> str:
        """Render one macro of a template, on one line as a region is."""
        with use_language(language):
            return join_lines(str(getattr(self._environment.get_template(template).module, name)(*values)))


def read_root(look: str) -> dict[str, str]:
    """Return what the region `look` says of the root element: a relay has the regions alone."""
    return {name: found[1] if (found := ROOT[name].search(look)) else "" for name in ROOT}


def _build_environment(assets: Assets) -> Environment:
    settings: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True, "extensions": [EXTENSION]}
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,  # A misspelt name raises instead of rendering as nothing.
        auto_reload=False,  # Otherwise each lookup of a template would check its file.
        bytecode_cache=TemplateCache(str(settings)),
        **settings,
    )
    environment.filters |= {
        "narration": _render_narration,
        "printed_text": _render_printed_text,
        "utc": _format_utc,
        "segment": lambda text: quote(text, safe="", errors="replace"),
        "shorten_middle": text_shortening.shorten_middle,
        "direction_class": direction_class,
        "mmss": _format_minutes,
        "three_digits": number_text,
        "localized": localize_number,
        "sentence": lambda text: f"{text[:1].upper()}{text[1:]}",
        "output_rows": output_rows,
        "output_size": output_size,
    }
    environment.globals |= {
        "asset": assets.url,
        "draw_system": draw_system,
        "draw_many_nodes": draw_many_nodes,
        "draw_timeline": draw_timeline,
        "draw_bar": draw_bar,
        "fit_rest": fit_rest,
        "draw_symbol": _draw_symbol,
        "narration_size": _measure_narration,
        "heading_size": text_sizes.heading_size,
        "prediction_size": text_sizes.prediction_size,
    }
    install_texts(environment, assets.fingerprint)
    return environment


@lru_cache(maxsize=8)
def _draw_symbol(url: str) -> Markup:
    """Draw a URL as a QR code; nothing for one that is too long."""
    try:
        return Markup(to_svg(url))  # noqa: S704 - holds no text
    except ValueError:
        return Markup()


@lru_cache(maxsize=512)
def _render_narration(text: str, written_in: str) -> Markup:
    """Convert a narration to HTML; its line breaks (in code) become character references, to survive `join_lines`."""
    return Markup(to_html(text, written_in).replace("\n", "&#10;"))  # noqa: S704 - to_html is the escaping


def _render_printed_text(text: str, written_in: str) -> Markup:
    """Convert a text to HTML for a page without scripts."""
    return Markup(to_html(text, written_in, images_at_once=True))  # noqa: S704 - to_html is the escaping


@lru_cache(maxsize=512)
def _measure_narration(narration: str, written_in: str, *claim: str) -> int:
    return text_sizes.narration_size(to_plain(narration, written_in), *claim)


def _format_utc(at: float) -> str:
    """Format a moment as the text in place of an age, until the page's script computes it or where there is none."""
    try:
        return f"{datetime.fromtimestamp(CLOCK.wall(at), UTC):%H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return NO_NUMBER


def _format_minutes(seconds: float) -> str:
    if not math.isfinite(seconds):
        return NO_NUMBER
    return clock_text(round(seconds))
