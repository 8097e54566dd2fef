"""The text of a file that people wrote: what is not text is refused with the place."""

import os
import re
import stat
from pathlib import Path

from demo.errors import InvalidValue
from demo.showfile.problems import Position, Problem

MAX_SHOW_BYTES = 2_000_000
MAX_LINE = 20_000
"""Characters. Nobody writes longer ones, and what is looked for in a line takes time."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


class UnreadableFile(InvalidValue):
    """A file without text to read; `position` is where that shows."""

    def __init__(self, message: str, position: Position = Position(1)) -> None:  # noqa: B008 - immutable
        super().__init__(message)
        self.position = position


def read_text(path: Path, max_bytes: int = MAX_SHOW_BYTES) -> str:
    """Return the text of a UTF-8 file, line ends as they are. Raises `UnreadableFile`."""
    return _decode(read_bytes(path, max_bytes))


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """Return the content of a file. Raises `UnreadableFile`."""
    try:
        # Without waiting: a pipe that nobody writes to would never be opened.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            kind = os.fstat(descriptor).st_mode
            data = _read_all(descriptor, max_bytes + 1) if stat.S_ISREG(kind) else None
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise UnreadableFile(_describe(error)) from error
    if data is None:
        raise UnreadableFile("this is a directory: name a file" if stat.S_ISDIR(kind) else "this is not a file")
    if len(data) > max_bytes:
        raise UnreadableFile(f"this file is larger than {max_bytes / 1e6:g} MB, which is the limit")
    return data


def _read_all(descriptor: int, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    while max_bytes > 0 and (part := os.read(descriptor, max_bytes)):
        parts.append(part)
        max_bytes -= len(part)
    return b"".join(parts)


def _describe(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "this file may not be read: its permissions forbid it"
    return f"this file cannot be read: {getattr(error, 'strerror', None) or error}"


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableFile("this file is in UTF-16: save it as UTF-8")
    if (nul := data.find(b"\x00")) >= 0:
        place = _locate(data, nul)
        raise UnreadableFile(f"this is not text: byte {nul} is NUL (line {place.line})", place)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _locate(data, error.start)
        raise UnreadableFile(
            f"this is not UTF-8: byte {error.start} is 0x{data[error.start]:02x} (line {place.line}). Save the file as "
            "UTF-8; it may be Latin-1 or Windows-1252",
            place,
        ) from error


def _locate(data: bytes, offset: int) -> Position:
    begin = data.rfind(b"\n", 0, offset) + 1
    return Position(data.count(b"\n", 0, offset) + 1, len(data[begin:offset].decode("utf-8", "replace")) + 1)


def _bound_line(line: str, number: int, file: str, problems: list[Problem]) -> str:
    if len(line) <= MAX_LINE:
        return line
    message = f"this line has {len(line):,} characters: {MAX_LINE:,} are allowed"
    problems.append(Problem(file, Position(number, MAX_LINE + 1), message))
    return line[:MAX_LINE]


def split_text(text: str, file: str) -> tuple[list[str], list[Problem]]:
    """Return the lines of a text, whatever ends them; control characters are replaced, and a problem each line."""
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    problems: list[Problem] = []
    if _CONTROL.search(text):
        for number, line in enumerate(text.split("\n"), 1):
            if found := _CONTROL.search(line):
                message = f"the character U+{ord(found[0]):04X} controls a terminal and is not text: delete it"
                problems.append(Problem(file, Position(number, found.start() + 1), message))
        text = _CONTROL.sub("\ufffd", text)
    lines = text.split("\n")
    if len(text) > MAX_LINE:
        lines = [_bound_line(line, number, file, problems) for number, line in enumerate(lines, 1)]
    return lines, problems
