"""A block of settings in a show file: front matter, and what a chapter has between dashes or in a yaml code block."""

from collections.abc import Sequence
from typing import Literal

from demo.showfile.markdown.scan import BOTH_READINGS, looks_like_prose
from demo.showfile.problems import Position, Problem
from demo.showfile.yaml_reader import YamlData, empty, read_yaml

_NO_SETTINGS = {
    "front matter": (
        "a file whose first line is --- begins with settings: write `key: value` on each line, or delete that line if "
        "the file begins with a chapter"
    ),
    "dashes": BOTH_READINGS,
    "code block": (
        "a yaml code block that a chapter begins with is its settings: write `key: value` on each line; or put a "
        "heading or a sentence before it, if it is code to be shown"
    ),
}


def read_settings(
    lines: Sequence[str],
    first: int,
    end: int,
    file: str,
    kind: Literal["front matter", "dashes", "code block"],
    problems: list[Problem],
) -> YamlData:
    """Read the lines from `first` to before `end`, which count from 0; what is wrong is added to `problems`."""
    own = lines[first:end]
    data, found = read_yaml("".join(f"{line}\n" for line in own), file, first + 1)
    problems += found
    start = Position(first + 1)
    if data is None or (not data.complete and not data.data):
        if kind == "dashes" and looks_like_prose(own):
            problems.append(Problem(file, start, f"this can be read neither way. {BOTH_READINGS}"))
        return empty(file, start, complete=False)
    if isinstance(data.data, dict):
        return data
    if data.data is None and not any(line.startswith("#") for line in own):
        return empty(file, start, data.complete)
    if not found:
        what = "only comments, which are no headings here" if data.data is None else "no `key: value`"
        place = start if data.data is None else data.values[()]
        problems.append(Problem(file, place, f"these settings hold {what}: {_NO_SETTINGS[kind]}"))
    return empty(file, start, complete=False)


def begin_front_matter(lines: Sequence[str], file: str, problems: list[Problem]) -> tuple[YamlData, int]:
    """Read the front matter, and return it with the line behind it; a file without one begins with a chapter."""
    if lines[0].rstrip() != "---":
        return empty(file, Position(1)), 0
    end = next((number for number in range(1, len(lines)) if lines[number].rstrip() == "---"), None)
    if end is None:
        message = f"the front matter that begins here has no end: write --- after it; {_NO_SETTINGS['front matter']}"
        problems.append(Problem(file, Position(1), message))
        return empty(file, Position(1), complete=False), 1
    return read_settings(lines, 1, end, file, "front matter", problems), end + 1
