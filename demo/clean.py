"""Text on its way to a terminal, ours and others': whatever could steer the terminal is taken out of it."""

import re

_STEERING = re.compile(
    "\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?"  # OSC: titles, links, clipboard
    "|\x1b[PX^_][^\x1b]*(?:\x1b\\\\)?"  # DCS, SOS, PM, APC
    "|(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
    "|\x1b[ -/]*[0-~]?"  # other escapes
)
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ud800-\udfff]")


def clean(text: str) -> str:
    """One line: no escape sequence, no C0 or C1 control, nothing that turns the writing direction."""
    return _UNSEEN.sub("", _STEERING.sub("", re.sub(r"[\t\r\n\v\f]+", " ", text)))


def clean_lines(text: str) -> list[str]:
    """The same for text of several lines."""
    return [clean(line) for line in text.split("\n")]
