"""Errors in a user's own deck or subject: file, line and function of their code, and a guess at a misspelt name.

Says nothing about errors inside this package or a library: those have no place in the user's files.
"""

import difflib
import functools
import re
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType

import demo
from demo import types
from demo.errors import DemoError, describe

_UNEXPECTED = re.compile(r"(?:(\w+)\.__init__|(\w+))\(\) got an unexpected keyword argument '(\w+)'")


@functools.cache
def is_users(file: str) -> bool:
    """Return whether a file is the user's own: neither this package's, nor Python's, nor an installed library's."""
    if file.startswith("<"):
        return False
    path = Path(file).absolute()
    paths = sysconfig.get_paths()
    foreign = [Path(paths[kind]) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    return not any(path.is_relative_to(place) for place in (Path(demo.__file__).parent, *foreign))


def displayed_path(file: str) -> str:
    """Return a file's path as people here would type it: relative to the working directory if it lies below it."""
    path = Path(file).absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def place_of(error: BaseException) -> str:
    """Return `lamp.py:12 in glow` where the user's own code raised or passed on an error, else an empty text."""
    if isinstance(error, SyntaxError) and error.filename and is_users(error.filename):
        return f"{displayed_path(error.filename)}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_users(frame.filename)]
    if not frames:
        return ""
    function = "" if frames[-1].name.startswith("<") else f" in {frames[-1].name}"
    return f"{displayed_path(frames[-1].filename)}:{frames[-1].lineno}{function}"


def describe_error(error: BaseException) -> str:
    """Return an error in one line for people: where in the user's code, what, and what was perhaps meant."""
    message = error.msg if isinstance(error, SyntaxError) else describe(error)
    place = place_of(error)
    if isinstance(error, SyntaxError):
        message = f"SyntaxError: {message}"
    return f"{place}: {message}{_suggest_field(error)}" if place else message


def place_of_code(code: CodeType) -> str:
    """Return `lamp.py:12`, the line on which a function begins."""
    return f"{displayed_path(code.co_filename)}:{code.co_firstlineno}"


def place_of_frame(frame: FrameType | None) -> tuple[str, str]:
    """Return the function and `lamp.py:12` of the user's innermost frame; both empty where there is none.

    The module level of the program that was started is on every stack, so only functions count.
    """
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None or frame.f_code.co_name == "<module>":
        return "", ""
    return frame.f_code.co_qualname, f"{displayed_path(frame.f_code.co_filename)}:{frame.f_lineno}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'off'?` for a name close to a known one, else ""."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _suggest_field(error: BaseException) -> str:
    """Return a suggestion where a field of one of our published types was misspelt, else ""."""
    found = _UNEXPECTED.search(str(error))
    if found is None or isinstance(error, DemoError):
        return ""
    fields = getattr(getattr(types, found[1] or found[2], None), "__dataclass_fields__", {})
    return nearest(found[3], fields) or (f"; it takes {', '.join(fields)}" if fields else "")
