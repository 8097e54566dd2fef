"""How much room the stage gives a text at 1280×720, and how high the text is: the sizes of its style sheets.

`H` is 1 % of the stage's height, the unit of all its sizes, as `--h` is in `demo/static/base.css`. A text that does
not fit is set in smaller letters step by step, as `demo/static/fit.js` does; here only the smallest ones count.
"""

from dataclasses import dataclass, replace

from demo.text_fit.blocks import Blocks, BlockStyle, text_lines
from demo.text_fit.font import Letters
from demo.text_fit.lines import Piece, break_lines
from demo.text_fit.markup import Element
from demo.text_fit.text_sizes import heading_size, narration_size, prediction_size

WIDTH, HEIGHT = 1280, 720
H = HEIGHT / 100
SMALLEST = 0.42
"""The last of the steps in which `fit.js` makes letters smaller."""

MARK = 2.8 * H
"""The smallest letters of a text, in px."""

INSIDE = WIDTH - 10 * H
BODY = HEIGHT - (6.2 + 4 + 9 + 2.2 + 3 * 2.6) * H
FIGURE = 19 * H
"""What the main number takes of the story's column."""

BESIDE = min(max(50 * H, 0.326 * WIDTH), 58 * H)
GAP = 6 * H
HALF = (INSIDE - GAP) / 2
BESIDE_TALLY = INSIDE - 62 * H
ALONE = 130 * H
CENTERED = 120 * H

_SHARES = {"focus": 40 * H, "system": 30 * H, "split": HALF}
"""What a layout gives the story, whatever is beside it."""

_HEADINGS = ((5.0, 8.2), (5.0, 6.6), (4.6, 5.8), (4.2, 5.0))
"""The least and the largest size of a heading, in units, by its length."""

_PREDICTIONS = (10.6, 9.0, 7.2, 5.4)
_COVERS = (19.0, 15.0, 11.0, 11.0)
_HEADING_WEIGHT, _COVER_WEIGHT, _CLAIM_WEIGHT = 720, 740, 640


@dataclass(frozen=True, slots=True)
class Texts:
    """What a page of the stage says. `whole`: the narration with all its steps, without markup."""

    heading: str
    narration: Element
    whole: str
    hypothesis: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Where a text stands: its size in px. `scale`: of its letters; `words`: how wide a narration may be there."""

    width: float
    height: float
    scale: float = 1.0
    words: float = INSIDE
    image: float = 26.0
    fills: bool = False


@dataclass(frozen=True, slots=True)
class MeasuredText:
    """A text in its place, in px. `lines`: of the narration; `line`: the height of one."""

    height: float
    room: float
    lines: int
    line: float
    too_wide: float = 0.0

    @property
    def too_high(self) -> float:
        return self.height - self.room


def story(texts: Texts, place: TextPlace, fit: float = SMALLEST) -> MeasuredText:
    """Return the story beside the system, or alone, with its prediction under it."""
    unit = H * fit * place.scale
    least, wanted = _HEADINGS[heading_size(texts.heading)]
    has_image = place.fills and next(texts.narration.find("img"), None) is not None
    size = 5.6 * H if has_image else max(least * H, wanted * unit)
    space = 1.4 * H if has_image else 2.6 * unit
    heading = text_lines(texts.heading, place.width, Letters(size, _HEADING_WEIGHT, -0.03 * size)).count
    words = max(MARK, 4.2 * unit)
    style = _words(words, place.image * (H if has_image else unit), fills=has_image)
    blocks = Blocks()
    narration = blocks.narration(texts.narration, min(place.width, place.words), style)
    height = heading * 1.02 * size + space + narration + _claim(texts, place.width, unit)
    return MeasuredText(height, place.height, blocks.lines, style.line_height * words, blocks.too_wide)


def _words(size: float, images: float, *, fills: bool = False) -> BlockStyle:
    return BlockStyle(Letters(size, spacing=-0.008 * size), images=images, fills=fills)


def _claim(texts: Texts, width: float, unit: float) -> float:
    """Return the height of the prediction under a story: "Prediction: …", and what came of it."""
    if not texts.hypothesis:
        return 0.0
    size = max(MARK, 3.4 * unit)
    plain, bold = Letters(size), Letters(size, _CLAIM_WEIGHT)
    beside = width - 1.6 * size
    lines = break_lines([Piece("Prediction: ", bold), Piece(texts.hypothesis, plain)], beside).count
    height = lines * 1.3 * size + 4.0 * unit + 0.15 * H
    if texts.verdict:
        pieces = [Piece("Confirmed: ", replace(bold, weight=650)), Piece(texts.verdict, plain)]
        height += break_lines(pieces, beside).count * 1.3 * size + 0.25 * size
    return height


def prediction(texts: Texts, place: TextPlace, fit: float = SMALLEST) -> MeasuredText:
    """Return a prediction that has the body to itself, or leaves its right part to the vote."""
    unit = H * fit
    size = _PREDICTIONS[prediction_size(texts.hypothesis)] * unit
    letters = Letters(size, _HEADING_WEIGHT, -0.034 * size)
    heading = text_lines(texts.hypothesis, min(place.width, 20 * size), letters).count
    words = max(MARK, 4.2 * unit)
    style = _words(words, 26 * unit)
    blocks = Blocks()
    narration = blocks.narration(texts.narration, min(place.width, 36 * words), style)
    height = 1.3 * 3.7 * H + heading * 1.04 * size + 6 * unit + narration
    return MeasuredText(height, place.height, blocks.lines, style.line_height * words, blocks.too_wide)


def cover(texts: Texts, fit: float = SMALLEST) -> MeasuredText:
    """Return a cover: its title as large as there is room, its words at the foot beside the way in for phones."""
    unit = H * fit
    width = WIDTH - 16 * H
    size = _COVERS[heading_size(texts.heading)] * unit
    heading = text_lines(texts.heading, width, Letters(size, _COVER_WEIGHT, -0.042 * size)).count
    words = max(4.2 * H, 5 * unit)
    style = BlockStyle(Letters(words, spacing=-0.02 * words), line_height=1.2, images=26 * unit)
    blocks = Blocks()
    beside_join = min(width - JOIN, 30 * words)
    foot = max(21 * H, blocks.narration(texts.narration, beside_join, style))
    height = 1.3 * 4.2 * H + heading * 0.97 * size + foot
    return MeasuredText(height, HEIGHT - 14 * H, blocks.lines, 1.2 * words, blocks.too_wide)


JOIN = (21 + 2.6 + 6 + 52) * H
"""What the symbol and the address for phones take of a cover, with the gap beside them."""


def story_place(
    layout: str,
    *,
    texts: Texts,
    has_system: bool,
    panels: int = 0,
    has_large_panels: bool = False,
    has_vote: bool = False,
    is_quiet: bool = True,
) -> TextPlace:
    """Return where a story stands. `is_quiet`: nothing is broken, so that some layouts leave out the system."""
    is_alone = not has_system and not panels
    scale = 1.25 if is_alone else 0.8 if layout == "system" else 1.0
    image = 24.0 if is_alone else 26.0
    if layout in ("center", "image", "end") and (is_quiet or is_alone):
        words = INSIDE if layout == "image" else CENTERED
        width = ALONE if is_alone else INSIDE
        fills = layout == "image"
        return TextPlace(width, BODY, scale, words, 54.0 if fills else image, fills=fills)
    if layout in _SHARES:
        width = _SHARES[layout]
    elif is_alone:
        width = min(BESIDE_TALLY - GAP if has_vote else INSIDE, ALONE)
    elif panels >= 3:
        width = (INSIDE - GAP) * 0.3
    elif narration_size(texts.whole, texts.hypothesis, texts.verdict) >= 3:
        width = HALF
    else:
        width = (INSIDE - GAP) * 0.26 if has_large_panels else BESIDE
    has_figure = has_system and not panels
    return TextPlace(width, BODY - FIGURE if has_figure else BODY, scale, image=image)


def prediction_place(layout: str, *, has_vote: bool) -> TextPlace:
    """Return where a prediction stands before anything is broken."""
    width = BESIDE_TALLY - 9 * H if has_vote else _SHARES.get(layout, INSIDE)
    return TextPlace(width, BODY)
