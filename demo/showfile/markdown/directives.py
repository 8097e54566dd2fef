"""What a comment of a chapter asks for: a pause, columns, notes; or it is a remark. A misspelt one is an error."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from textwrap import dedent

from demo.errors import InvalidValue

MAX_COLUMNS = 6

NAMES = ("pause", "speaker_note", "column_layout", "column", "reset_layout")
ELSEWHERE = {
    "end_slide": "a line --- with a blank line after it ends a chapter",
    "include": "src: FILE in a chapter's settings includes chapters",
    "skip_slide": "hide: true in a chapter's settings hides it",
    "incremental_lists": "<!-- pause --> shows a chapter step by step",
    "snippet_output": "panels show the output of commands",
    "alignment": "layout: center in a chapter's settings centers it",
    "jump_to_middle": "layout: center in a chapter's settings centers it",
    "font_size": "text fits itself to the screen",
    "new_line": "a blank line begins a paragraph",
    "new_lines": "a blank line begins a paragraph",
    "no_footer": "a show has no footer",
    "list_item_newlines": "lists are spaced by the theme",
}
"""Comments of presenterm that a show file has not, each with what to use."""

_NAMED = re.compile(r"\s*([A-Za-z][A-Za-z_-]{2,30})\s*(?:(:)(?!//)|(?=\[)|$)(.*)", re.DOTALL)
_TOOL = re.compile(r"\s*(?://|prettier-|markdownlint-|vale |cspell:|textlint-|dprint-|eslint-|vim:|toc\b|omit)")
_WIDTHS = re.compile(r"\s*\[\s*(\d{1,2}(?:\s*,\s*\d{1,2})*)\s*\]\s*")
_INDEX = re.compile(r"\s*(\d{1,2})\s*")


@dataclass(frozen=True, slots=True)
class Directive:
    """`name` is one of NAMES, "remark" for a plain comment, or "tool" for one that is never shown to anybody.

    `text`: of a note or remark. `numbers`: the widths of a column layout, or the column's number.
    """

    name: str
    text: str = ""
    numbers: tuple[int, ...] = ()

    def __str__(self) -> str:
        numbers = ", ".join(map(str, self.numbers))
        argument = {"column_layout": f": [{numbers}]", "column": f": {numbers}"}.get(self.name, "")
        return f"<!-- {self.name}{argument} -->"


def parse_comment(text: str) -> Directive:
    """Return what a comment's text asks for. Raises `InvalidValue` if it is misspelt or its argument is wrong."""
    found = _NAMED.match(text)
    if found is None or _TOOL.match(text):
        return Directive("tool") if _TOOL.match(text) else Directive("remark", _unindent(text))
    name, argument = found[1], found[3]
    if name in ("speaker_note", "speaker_notes") and found[2]:
        return Directive("speaker_note", _read_note(argument))
    if name in _READERS:
        return Directive(name, numbers=_READERS[name](argument))
    if name in ("pause", "reset_layout"):
        if argument.strip():
            raise InvalidValue(f"{name} takes nothing behind it: write <!-- {name} -->")
        return Directive(name)
    _refuse_misspelt(name)
    return Directive("remark", _unindent(text))


def _refuse_misspelt(name: str) -> None:
    spelt = name.lower().replace("-", "_")
    if spelt in ELSEWHERE:
        raise InvalidValue(f"{name} is not a comment of a show file: {ELSEWHERE[spelt]}")
    if near := get_close_matches(spelt, [*NAMES, "speaker_notes"], 1, 0.75):
        nearest = {"speaker_notes": "speaker_note"}.get(near[0], near[0])
        example = {"speaker_note": ": text", "column_layout": ": [2, 1]", "column": ": 0"}.get(nearest, "")
        raise InvalidValue(f"{name} is not known: is <!-- {nearest}{example} --> meant?")


def _read_widths(argument: str) -> tuple[int, ...]:
    found = _WIDTHS.fullmatch(argument)
    widths = tuple(int(width) for width in found[1].split(",")) if found else ()
    if not widths or 0 in widths:
        raise InvalidValue("column_layout takes the widths of the columns: write <!-- column_layout: [2, 1] -->")
    if len(widths) > MAX_COLUMNS:
        raise InvalidValue(f"a chapter has at most {MAX_COLUMNS} columns")
    return widths


def _read_index(argument: str) -> tuple[int, ...]:
    if (found := _INDEX.fullmatch(argument)) is None:
        raise InvalidValue("column takes the number of a column, from 0: write <!-- column: 0 -->")
    return (int(found[1]),)


_READERS = {"column_layout": _read_widths, "column": _read_index}


def _read_note(argument: str) -> str:
    """Return a note's text; `|` before many lines is YAML's way, which presenterm has."""
    first, newline, rest = argument.partition("\n")
    if newline and first.strip() in ("|", ">", "|-", ">-"):
        return dedent(rest).strip("\n").rstrip()
    return _unindent(argument)


def _unindent(text: str) -> str:
    first, newline, rest = text.partition("\n")
    lines = [first.strip(), dedent(rest)] if newline else [first.strip()]
    return "\n".join(lines).strip("\n").rstrip()
