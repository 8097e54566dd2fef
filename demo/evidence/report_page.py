"""A report as one HTML file: style, font and drawings are in it, so that it opens anywhere, without a network."""

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from demo.evidence.report_view import ReportView
from demo.evidence.report_words import date_text
from demo.show.health_sample import replace_surrogates
from demo.web.rendering.page_texts import EXTENSION, install_texts

SHEETS = ("base.css", "content.css", "report.css")
FONT = "vendor/inter-5.3.0.woff2"
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LIGHT = re.compile(r':root\[data-theme="light"\] (\{.*?\})', re.DOTALL)


def render_page(report: ReportView) -> str:
    """Return the document, in the language that is rendered now."""
    template = _environment().get_template("report.html")
    style = Markup(_style())  # noqa: S704 - our own files
    return replace_surrogates(template.render(report=report, style=style, policy=content_policy()))


@cache
def content_policy() -> str:
    """Return the content security policy of the document: it may use its own style and font, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; font-src data:; img-src data:"


@cache
def _style() -> str:
    """Return the whole style sheet: on paper it is light, whatever the screen is."""
    static = resources.files("demo") / "static"
    base, content, own = (_COMMENT.sub("", (static / name).read_text(encoding="utf-8")) for name in SHEETS)
    font = base64.b64encode((static / FONT).read_bytes()).decode()
    source = f'url("data:font/woff2;base64,{font}") format("woff2")'
    face = f'@font-face {{ font-family: "Stage"; src: {source}; font-weight: 400 760; }}'
    fonts = ':root { --sans: "Stage", ui-sans-serif, system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }'
    return "\n".join((face, base, content, fonts, own, _on_paper(base, content)))


def _on_paper(*sheets: str) -> str:
    """Return rules that make the colours of these sheets the light ones on paper."""
    lights = [_LIGHT.search(sheet) for sheet in sheets]
    if None in lights:
        raise LookupError("a style sheet of the report has no light colours")
    return "@media print { " + " ".join(f":root:root {light[1]}" for light in lights if light is not None) + " }"


@cache
def _environment() -> Environment:
    settings: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True, "extensions": [EXTENSION]}
    templates = str(resources.files("demo") / "templates")
    environment = Environment(
        loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined, auto_reload=False, **settings
    )
    environment.filters["utc"] = date_text
    environment.filters["as_markup"] = Markup  # of what `demo.markup.to_html` has made safe
    install_texts(environment, "")
    return environment
