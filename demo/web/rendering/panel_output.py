"""The output in a panel as HTML: every text escaped, every look a class."""

from functools import lru_cache

from markupsafe import Markup, escape

from demo.panels.picture import PanelPicture, PanelRow, StyledText

WIDTHS = (40, 50, 60, 70, 80, 100, 120, 160)
HEIGHTS = (6, 8, 10, 12, 15, 20, 25, 30, 40, 60)
"""The steps of columns and lines for which `panels.css` has sizes of letters."""


@lru_cache(maxsize=64)
def output_rows(rows: tuple[PanelRow, ...]) -> Markup:
    """Return the rows of a panel, each an element of its own: the markup has no line breaks."""
    return Markup("").join(Markup("<i>{}</i>").format(_row(row)) for row in rows)


def _row(row: PanelRow) -> Markup:
    return Markup("").join(map(_span, row))


def _span(span: StyledText) -> Markup:
    if not span.words:
        return escape(span.text)
    return Markup('<span class="{}">{}</span>').format(" ".join(f"o-{word}" for word in span.words), span.text)


def output_size(picture: PanelPicture) -> str:
    """Return the classes for letters with which the output fits its panel."""
    wide = next((step for step in WIDTHS if picture.width <= step), WIDTHS[-1])
    high = next((step for step in HEIGHTS if picture.lines <= step), HEIGHTS[-1])
    return f"wide-{wide} high-{high}"
