"""What opens over the story: the list of faults, the overview of chapters, the table of keys."""

from rich.text import Text

from demo.invitation import Invitation
from demo.terminal.keymap import HELP, Keypad
from demo.terminal.row_layout import RowLayout, Rows
from demo.terminal.style import AMBER, BLUE, VERMILION, parts
from demo.views import PresenterView

BESIDE = 30
"""Columns that the words beside a symbol need at least."""


def overlay(
    canvas: RowLayout, pad: Keypad, desk: PresenterView, invitation: Invitation | None, size: tuple[int, int]
) -> Rows:
    """The rows of what is open; empty when nothing is."""
    width, height = size
    if pad.mode == "invite":
        return _invitation(canvas, invitation, width, height)
    if pad.mode == "faults":
        return _faults(canvas, pad, desk, width)
    if pad.mode == "jump":
        return _chapters(canvas, pad, desk, width, height)
    if pad.mode == "help":
        return _help(canvas, width)
    return []


def _headed(canvas: RowLayout, title: str, hint: str, width: int) -> Rows:
    return [canvas.row(Text(f" {title}", "bold"), Text(f"{hint} "), width, f"reverse {BLUE}")]


def _faults(canvas: RowLayout, pad: Keypad, desk: PresenterView, width: int) -> Rows:
    hint = "Enter fires it · Esc closes" if pad.typed else "digit selects · Esc closes"
    rows = _headed(canvas, "Faults", hint, width)
    for fault in desk.faults:
        chosen = pad.typed == str(fault.key)
        text = parts(
            (f" {'▸' if chosen else ' '} {fault.key:>2}  ", f"bold {BLUE}"),
            (fault.title, "bold" if chosen else ""),
            (f"  {fault.target}  {fault.lasts}", "" if chosen else "dim"),
        )
        state = "" if fault.state == "idle" else fault.state
        right = parts((" · ".join(part for part in (state, fault.text) if part), AMBER))
        if fault.error:
            right = Text("✗ failed", f"bold {VERMILION}")
        rows.append(canvas.row(text, right, width, "reverse" if chosen else ""))
    return rows if desk.faults else [*rows, canvas.row(Text("    this show has none", "dim"), None, width)]


def _chapters(canvas: RowLayout, pad: Keypad, desk: PresenterView, width: int, height: int) -> Rows:
    typed = f"go to {pad.typed} · Enter" if pad.typed else "number and Enter"
    rows = _headed(canvas, "Chapters", f"{typed} · Esc closes", width)
    focus = int(pad.typed) if pad.typed else desk.number
    room = max(1, height - len(rows))
    first = max(0, min(focus - 1 - room // 2, desk.total - room))
    for number, title in enumerate(desk.chapters[first : first + room], first + 1):
        here, chosen = number == desk.number, pad.typed == str(number)
        head = f" {'▸' if chosen else '●' if here else ' '} {number:>2}  "
        text = parts((head, f"bold {BLUE}"), (title, "bold" if here or chosen else ""))
        rows.append(canvas.row(text, Text("on screen", "dim") if here else None, width, "reverse" if chosen else ""))
    return rows


def _help(canvas: RowLayout, width: int) -> Rows:
    rows = _headed(canvas, "Keys", "? closes", width)
    for keys, meaning in HELP:
        rows.append(canvas.row(parts((f"  {keys:<28} ", f"bold {BLUE}"), (meaning, "")), None, width))
    return rows


def _invitation(canvas: RowLayout, invitation: Invitation | None, width: int, height: int) -> Rows:
    rows = _headed(canvas, "Pair a phone", "I closes", width)
    if invitation is None:
        text = "    nothing to pair here: demo serve --host 0.0.0.0 lets phones in"
        return [*rows, canvas.row(Text(text), None, width)]
    if invitation.lacking:
        return [*rows, canvas.row(Text(f"    {invitation.lacking}"), None, width)]
    symbol = invitation.halves(height - len(rows), width - BESIDE)
    link = Text(f"  or open {invitation.link}")
    words = [
        Text("  scan it, or type") if symbol else Text("  type"),
        Text(),
        Text(f"  {invitation.code}", f"bold {AMBER}"),
    ]
    words += [Text(), Text(f"  on {invitation.place}")]
    words += [Text(), Text("  No way there? Then on")] if invitation.others else []
    words += [Text(f"  {other}") for other in invitation.others]
    if not symbol:
        return rows + [canvas.row(text, None, width) for text in (*words, link)]
    lines = [Text(line, "rgb(0,0,0) on rgb(255,255,255)") for line in symbol]
    above = max(0, (len(lines) - len(words)) // 2)
    beside = [Text()] * above + words + [Text()] * (len(lines) - above - len(words))
    return rows + [
        canvas.row(Text.assemble("  ", line, word), None, width) for line, word in zip(lines, beside, strict=True)
    ]
