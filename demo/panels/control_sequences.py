"""Splits a program's output into text and the few control sequences that draw; everything else in it is dropped.

What is dropped can neither steer a terminal nor ask it for an answer: titles, links, the clipboard, device queries,
modes, graphics, changes of the writing direction, and characters without a width.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_UNFINISHED = 256
"""Characters of a sequence that has not ended: a longer one is no sequence."""

MAX_STRING = 65_536
"""Characters of a title, picture or the like, which is dropped; what comes after so many is text again."""

MAX_NUMBERS = 32
MAX_NUMBER = 999

_TOKEN = re.compile(
    "(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    "|(?P<control>[\t\n\v\f\r\b])"
    "|\x1b\\[(?P<numbers>[0-9;:]*)(?P<final>[@-~])"
    "|\x1b\\[[0-?]*[ -/]*[@-~]"  # with a private marker or an intermediate byte: none of these draws
    "|\x1b\\](?:R|P[0-9A-Fa-f]{7})"  # the palette of a Linux console, which ends without a terminator
    "|(?P<string>\x1b[\\]PX^_k])"
    "|\x1b(?P<escape>[78DEMc])"
    "|\x1b[ -/]*[0-~]"
    "|."
    "|\n",
    re.DOTALL,
)
_UNFINISHED = re.compile("\x1b(?:\\[[0-?]*[ -/]*|\\](?:P[0-9A-Fa-f]{0,6})?|[ -/]*)\\Z")
_STRING_END = re.compile("\x07|\x1b\\\\|\x1b|\x18|\x1a")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
DRAWING = frozenset("@ABCDEFGHJKLMPXadefgmr")
"""The last characters of the sequences that move the cursor, erase, insert, delete, or set colours."""

_MAX_ARGUMENT = {"[J": 3, "[K": 2}
"""The greatest number that means anything to those that erase."""


class TerminalToken(NamedTuple):
    """Text (`kind` is "text"), or a control: its character, and its numbers."""

    kind: str
    text: str = ""
    numbers: tuple[int, ...] = ()


_CONTROLS = {control: TerminalToken(control) for control in "\t\n\v\f\r\b78DEMc"}


class SequenceParser:
    """Parses output as it comes; a sequence may be cut anywhere between two calls."""

    def __init__(self) -> None:
        self._unfinished = ""
        self._string_length = -1
        """Characters of the string that is being dropped; -1 outside of one."""

    def parse(self, text: str) -> Iterator[TerminalToken]:
        """Yield what is to be drawn of this output, in order."""
        text, self._unfinished = self._unfinished + text, ""
        at = 0
        while at < len(text):
            if self._string_length >= 0:
                at = self._skip_string(text, at)
                continue
            found = _TOKEN.match(text, at)
            assert found is not None
            if text[at] == "\x1b" and (cut := _UNFINISHED.match(text, at)) and len(cut[0]) <= MAX_UNFINISHED:
                self._unfinished = cut[0]
                return
            at = found.end()
            if token := self._read(found):
                yield token

    def _read(self, found: re.Match[str]) -> TerminalToken | None:
        match found.lastgroup:
            case "text":
                text = _INVISIBLE.sub("", found["text"])
                return TerminalToken("text", text) if text else None
            case "control":
                return _CONTROLS[found["control"]]
            case "final" if found["final"] in DRAWING:
                token = TerminalToken("[" + found["final"], numbers=_numbers(found["numbers"]))
                return token if max(token.numbers, default=0) <= _MAX_ARGUMENT.get(token.kind, MAX_NUMBER) else None
            case "escape":
                return _CONTROLS[found["escape"]]
            case "string":
                self._string_length = 0
        return None

    def _skip_string(self, text: str, at: int) -> int:
        """Return where to go on: behind the end of the string, as far as it has come."""
        room = MAX_STRING - self._string_length
        end = _STRING_END.search(text, at, at + room)
        if end is None:
            self._string_length += len(text) - at
            if self._string_length >= MAX_STRING:
                self._string_length = -1
            return min(len(text), at + room)
        if end[0] == "\x1b" and end.end() == len(text):
            self._unfinished = "\x1b"  # perhaps half of its terminator
            return len(text)
        self._string_length = -1
        return end.start() if end[0] == "\x1b" else end.end()


def _numbers(written: str) -> tuple[int, ...]:
    """Return the numbers of a sequence, 0 for those left out; of one with parts, as 4:3 for a wavy line, the first."""
    if not written:
        return ()
    parts = written.split(";", MAX_NUMBERS)[:MAX_NUMBERS]
    return tuple(min(MAX_NUMBER, int(digits)) if (digits := part.split(":")[0][:4]) else 0 for part in parts)
