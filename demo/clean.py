"""Text on its way to a terminal: whatever could control the terminal is taken out of it."""

import re

_ESCAPE_SEQUENCE = re.compile(
    "\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?"  # OSC: titles, links, clipboard
    "|\x1b[PX^_][^\x1b]*(?:\x1b\\\\)?"  # DCS, SOS, PM, APC
    "|(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
    "|\x1b[ -/]*[0-~]?"  # other escapes
)
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text as one line, without escape sequences, C0 and C1 controls, and changes of writing direction."""
    return _INVISIBLE.sub("", _ESCAPE_SEQUENCE.sub("", re.sub(r"[\t\r\n\v\f]+", " ", text)))


def clean_lines(text: str) -> list[str]:
    """Clean a text line by line."""
    return [clean(line) for line in text.split("\n")]
