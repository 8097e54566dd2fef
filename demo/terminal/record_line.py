"""The line of record, which says what is true now, and below it the whole show: chapters, faults, verdicts."""

from rich.text import Text

from demo.terminal.row_layout import Row, RowLayout, Rows, blank
from demo.terminal.style import BLUE, TEAL, VERMILION, age_text, left_text, mark, parts, verdict_mark
from demo.views import SegmentView
from demo.views.stage_status import StageStatusItem, StageStatusView

_BARS = {"past": ("━", TEAL), "now": ("▄", f"bold {BLUE}"), "ahead": ("─", "dim")}
_FAULT = "╋"


def draw_record(canvas: RowLayout, record: StageStatusView, now: float, size: tuple[int, int]) -> Rows:
    """Draw an item in each row, filled while something is broken; what has no row is counted in the last one."""
    width, height = size
    shown = record.items[: max(1, height)]
    more = record.more + len(record.items) - len(shown)
    return [
        _draw_item(canvas, item, now, width, is_live=record.is_live, more=more if item is shown[-1] else 0)
        for item in shown
    ]


def _draw_item(canvas: RowLayout, item: StageStatusItem, now: float, width: int, *, is_live: bool, more: int) -> Row:
    shape, tone = mark(item.mark)
    style = mark(item.state)[1]
    end = "E resumes" if item.mark == "halt" else item.end
    if item.ends_at is not None:
        end = f"{end} {left_text(item.ends_at - now)}"
    right = parts((f"+{more} · " if more else "", ""), (f"{end} ", "bold" if is_live else ""))
    if not end:
        right = parts((f"+{more} " if more else "", ""))
    right.truncate(max(0, width * 2 // 3), overflow="ellipsis")
    since = f" {age_text(now - item.since)} ago" if item.since is not None else ""
    text = parts((f" {shape} ", "" if is_live else tone), (item.title, "bold"))
    rest = parts((f"{item.text}{since}", ""))
    # Where the words are many, one cell between them is enough.
    fits = text.cell_len + 2 + rest.cell_len + 1 + right.cell_len <= width
    text.append("" if item.is_count or not rest else "  " if fits else " ").append_text(rest)
    return canvas.row(text, right, width, f"reverse {style}" if is_live else "")


def draw_progress(canvas: RowLayout, line: tuple[SegmentView, ...], width: int) -> Row:
    """Draw a bar for each chapter, a cross-stroke for each fault, and each verdict at the chapter that brought it."""
    total = len(line)
    if not total or total > width // 2:
        return blank(width)
    size = max(1, (width - total + 1) // total)
    text = Text(no_wrap=True)
    for segment in line:
        bar, style = _BARS.get(segment.state, _BARS["ahead"])
        text.append(" " if text.cell_len else "")
        shape, tone = verdict_mark(segment.verdict) if segment.verdict else ("", "")
        room = size - len(shape)
        # At most half of a segment: the bar says whether it is past, now or ahead.
        strokes = min(segment.faults, room // 2)
        middle = (room - strokes) // 2
        text.append(bar * middle, style).append(_FAULT * strokes, VERMILION)
        text.append(bar * (room - strokes - middle), style).append(shape, f"bold {tone}")
    return canvas.row(text, None, width)
