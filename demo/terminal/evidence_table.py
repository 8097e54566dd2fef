"""The evidence of the whole show as a table: verdict, fault, prediction, what was measured, and both times."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.text import Text

from demo.terminal.row_layout import Row, RowLayout, Rows, blank
from demo.terminal.style import parts, verdict_mark
from demo.views.evidence import EvidenceRow, EvidenceView

WIDE = 130
"""From this width on the prediction has a column of its own, and texts may take several rows."""

_VERDICT, _FAULT, _TIME, _GAP = 13, 24, 12, 2
_WIDE_LINES, _NARROW_LINES = (3, 2, 1), (5, 3, 2, 1)
"""How many rows one prediction may take, the most first: in a wide table those of one text, in a narrow one all."""

_LABEL = 13


def draw_evidence(canvas: RowLayout, view: EvidenceView, size: tuple[int, int]) -> Rows:
    """Draw as many rows as fit `size` (columns, rows); the last one says how many there are besides."""
    width, height = size
    if not view.rows:
        return [canvas.row(Text("Nothing was predicted, and nothing was broken yet.", "dim"), None, width)][:height]
    counts = canvas.row(parts((" · ".join(view.counts), "bold")), None, width)
    head = _draw_head(canvas, width)
    room = height - 2
    for lines in _WIDE_LINES if width >= WIDE else _NARROW_LINES:
        drawn = [_draw_item(canvas, row, width, lines) for row in view.rows]
        if sum(map(len, drawn)) + (view.more > 0) <= room:
            break
    else:
        drawn = drawn[: max(0, room - 1)]
    left_out = len(view.rows) - len(drawn) + view.more
    rows = [row for item in drawn for row in item]
    return [counts, head, *rows, *_draw_more(canvas, left_out, width)][: max(0, height)]


def _draw_head(canvas: RowLayout, width: int) -> Row:
    if width < WIDE:
        times = f"{'Detected in':>{_TIME}}  {'Recovered in':>{_TIME}}"
        return canvas.row(Text("Verdict      Fault", "dim"), Text(times, "dim"), width)
    words = ("Verdict", "Fault", "Prediction", "Measured", "Detected in", "Recovered in")
    return _draw_line(canvas, [Text(word) for word in words], _share_width(width), width, "dim")


def _share_width(width: int) -> tuple[int, ...]:
    rest = width - _VERDICT - _FAULT - 2 * _TIME - 5 * _GAP
    return (_VERDICT, _FAULT, rest // 2, rest - rest // 2, _TIME, _TIME)


def _draw_item(canvas: RowLayout, row: EvidenceRow, width: int, lines: int) -> Rows:
    """Draw a prediction or a fault: in columns, or in rows of its own where columns would be too narrow to read."""
    shape, style = verdict_mark(row.state)
    verdict = parts((f"{shape} {row.word}" if row.word else "–", f"bold {style}" if row.word else "dim"))
    fault = parts((row.fault or "–", "bold"), (f" {row.target}" if row.target else "", "dim"))
    detected, recovered = (parts((duration_text(sec), "bold")) for sec in (row.detected_sec, row.recovered_sec))
    if width < WIDE:
        return _draw_narrow_item(canvas, row, (verdict, fault, detected, recovered), width, lines)
    cells = (verdict, fault, parts((row.predicted or "–", "")), parts((row.measured or "–", "")), detected, recovered)
    widths = _share_width(width)
    wrapped = [_wrap(canvas, cell, size, lines) for cell, size in zip(cells, widths, strict=True)]
    return [_join(wrapped, widths, width, index) for index in range(max(map(len, wrapped)))]


def _draw_narrow_item(
    canvas: RowLayout, row: EvidenceRow, head: tuple[Text, Text, Text, Text], width: int, lines: int
) -> Rows:
    verdict, fault, detected, recovered = head
    verdict.truncate(_VERDICT, pad=True)
    right = Text(" " * (_TIME - detected.cell_len)).append_text(detected)
    right.append(" " * (_TIME + _GAP - recovered.cell_len)).append_text(recovered)
    if lines == 1 and (text := row.measured or row.predicted):
        fault = parts((f"{row.fault} " if row.fault else "", "bold"), (text, "dim"))
    rows = [canvas.row(verdict.append_text(fault), right, width)]
    texts = [("  Prediction", row.predicted), ("  Measured", row.measured)]
    # With one row less, what was measured stays.
    told = [one for one in texts if one[1]][-2 if lines > 2 else -1 :] if lines > 1 else []
    for label, text in told:
        wrapped = _wrap(canvas, parts((text, "")), max(1, width - _LABEL), 2 if lines > 3 else 1)
        heads = [canvas.row(Text(label if place == 0 else "", "dim"), None, _LABEL) for place in range(len(wrapped))]
        rows += [Segment.adjust_line_length([*head, *line], width) for head, line in zip(heads, wrapped, strict=True)]
    return rows


def _wrap(canvas: RowLayout, text: Text, width: int, lines: int) -> Rows:
    """Wrap a text into at most `lines` rows; the last one ends with an ellipsis where there is more."""
    rows = canvas.rows(text, width)
    if len(rows) <= lines:
        return rows
    if lines == 1:
        return [canvas.row(text, None, width)]
    end = Text("".join(segment.text for segment in rows[lines - 1]).rstrip() + "…")
    return [*rows[: lines - 1], canvas.row(end, None, width)]


def _join(cells: Sequence[Rows], widths: Sequence[int], width: int, index: int) -> Row:
    row: Row = []
    for place, (cell, size) in enumerate(zip(cells, widths, strict=True)):
        row += [*(blank(_GAP) if place else []), *(cell[index] if index < len(cell) else blank(size))]
    return row + blank(max(0, width - sum(widths) - _GAP * (len(widths) - 1)))


def _draw_line(canvas: RowLayout, texts: Sequence[Text], widths: Sequence[int], width: int, style: str = "") -> Row:
    line = Text(no_wrap=True, style=style)
    for place, (text, size) in enumerate(zip(texts, widths, strict=True)):
        cell = text.copy()
        cell.truncate(size, overflow="ellipsis", pad=True)
        line.append(" " * _GAP if place else "").append_text(cell)
    return canvas.row(line, None, width)


def _draw_more(canvas: RowLayout, more: int, width: int) -> Rows:
    return [canvas.row(Text(f"and {more} more", "dim"), None, width)] if more else []


def duration_text(seconds: float | None) -> str:
    """Format a time as the table of the stage does: – for none, never 0."""
    if seconds is None:
        return "–"
    return "< 0.1 s" if seconds < 0.05 else f"{seconds:.1f} s"
