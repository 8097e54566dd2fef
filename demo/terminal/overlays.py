"""What opens over the story: the lists of faults and chapters, the table of keys, and what pairs a phone."""

from rich.text import Text

from demo.invitation import Invitation
from demo.terminal.keymap import HELP, Keypad
from demo.terminal.row_layout import RowLayout, Rows
from demo.terminal.style import AMBER, BLUE, VERMILION, parts
from demo.views import PresenterView

BESIDE = 30
"""Columns that the text beside a QR symbol needs at least."""


def overlay(
    canvas: RowLayout, pad: Keypad, desk: PresenterView, invitation: Invitation | None, size: tuple[int, int]
) -> Rows:
    """Return the rows of the open overlay; empty when none is open."""
    width, height = size
    if pad.mode == "invite":
        return _draw_invitation(canvas, invitation, width, height)
    if pad.mode == "faults":
        return _draw_faults(canvas, pad, desk, width)
    if pad.mode == "jump":
        return _draw_chapters(canvas, pad, desk, width, height)
    if pad.mode == "help":
        return _draw_help(canvas, width)
    return []


def _draw_header(canvas: RowLayout, title: str, hint: str, width: int) -> Rows:
    return [canvas.row(Text(f" {title}", "bold"), Text(f"{hint} "), width, f"reverse {BLUE}")]


def _draw_faults(canvas: RowLayout, pad: Keypad, desk: PresenterView, width: int) -> Rows:
    hint = "Enter fires it · Esc closes" if pad.typed else "digit selects · Esc closes"
    rows = _draw_header(canvas, "Faults", hint, width)
    for fault in desk.faults:
        chosen = pad.typed == str(fault.key)
        text = parts(
            (f" {'▸' if chosen else ' '} {fault.key:>2}  ", f"bold {BLUE}"),
            (fault.title, "bold" if chosen else ""),
            (f"  {fault.target}  {fault.lasts}", "" if chosen else "dim"),
        )
        state = "" if fault.state == "idle" else fault.state_word
        right = parts((" · ".join(part for part in (state, fault.text) if part), AMBER))
        if fault.error:
            right = Text("✗ failed", f"bold {VERMILION}")
        rows.append(canvas.row(text, right, width, "reverse" if chosen else ""))
    return rows if desk.faults else [*rows, canvas.row(Text("    this show has no faults", "dim"), None, width)]


def _draw_chapters(canvas: RowLayout, pad: Keypad, desk: PresenterView, width: int, height: int) -> Rows:
    typed = f"go to {pad.typed} · Enter" if pad.typed else "number and Enter"
    rows = _draw_header(canvas, "Chapters", f"{typed} · Esc closes", width)
    focus = int(pad.typed) if pad.typed else desk.number
    room = max(1, height - len(rows))
    first = max(0, min(focus - 1 - room // 2, desk.total - room))
    for number, title in enumerate(desk.chapters[first : first + room], first + 1):
        here, chosen = number == desk.number, pad.typed == str(number)
        head = f" {'▸' if chosen else '●' if here else ' '} {number:>2}  "
        text = parts((head, f"bold {BLUE}"), (title, "bold" if here or chosen else ""))
        rows.append(canvas.row(text, Text("on screen", "dim") if here else None, width, "reverse" if chosen else ""))
    return rows


def _draw_help(canvas: RowLayout, width: int) -> Rows:
    rows = _draw_header(canvas, "Keys", "? closes", width)
    room = max(len(keys) for keys, _meaning in HELP)
    for keys, meaning in HELP:
        rows.append(canvas.row(parts((f"  {keys:<{room}} ", f"bold {BLUE}"), (meaning, "")), None, width))
    return rows


def _draw_invitation(canvas: RowLayout, invitation: Invitation | None, width: int, height: int) -> Rows:
    rows = _draw_header(canvas, "Pair a phone", "I closes", width)
    if invitation is None:
        text = "    no pairing here: demo serve --host 0.0.0.0 lets phones in"
        return [*rows, canvas.row(Text(text), None, width)]
    if invitation.why_unreachable:
        return [*rows, canvas.row(Text(f"    {invitation.why_unreachable}"), None, width)]
    symbol = invitation.halves(height - len(rows), width - BESIDE)
    link = Text(f"  or open {invitation.link}")
    instructions = [
        Text("  scan it, or type") if symbol else Text("  type"),
        Text(),
        Text(f"  {invitation.code}", f"bold {AMBER}"),
    ]
    instructions += [Text(), Text(f"  on {invitation.place}")]
    instructions += [Text(), Text("  Cannot be reached? Open")] if invitation.others else []
    instructions += [Text(f"  {other}") for other in invitation.others]
    if not symbol:
        return rows + [canvas.row(text, None, width) for text in (*instructions, link)]
    lines = [Text(line, "rgb(0,0,0) on rgb(255,255,255)") for line in symbol]
    above = max(0, (len(lines) - len(instructions)) // 2)
    beside_symbol = [Text()] * above + instructions + [Text()] * (len(lines) - above - len(instructions))
    return rows + [
        canvas.row(Text.assemble("  ", line, word), None, width)
        for line, word in zip(lines, beside_symbol, strict=True)
    ]
