"""What to write instead where YAML cannot be read: the traps that hand-written show files fall into."""

import re
from collections.abc import Sequence

import yaml

from demo.showfile.problems import shorten

MAX_QUOTED = 60
"""Characters of a text that a message repeats."""

_VALUE = re.compile(
    r"""[ ]*(?:-[ ]+)*                                                # items of lists
        (?:(?:"[^"]*"|'[^']*'|[^\s#"'\[\]{},&*!|>%@`:][^:#]*):(?:[ ]+|$))?  # a key
        (\S.*)?""",
    re.VERBOSE,
)
_BLOCK_HEADER = re.compile(r"[|>](?:[1-9]?[+-]?|[+-][1-9])(?:[ \t]+#.*)?")
_NO_SPACE = re.compile(r"[ ]*(?:-[ ]+)*([A-Za-z_][\w.-]*):([^\s:/].*)")

_FIRST = {
    "@": "text cannot begin with @ here",
    "`": "text cannot begin with ` here",
    "%": "text cannot begin with % here",
    "*": "* at the beginning would be an alias of YAML",
    "&": "& at the beginning would be an anchor of YAML",
    "!": "! at the beginning would be a tag of YAML",
    "}": "text cannot begin with } here",
    "]": "text cannot begin with ] here",
    ",": "text cannot begin with , here",
}

_ESCAPE = "in \"…\" a backslash begins an escape: write it twice, or put the text into '…'"
_PLAIN_WORDS = {
    "did not find expected key": "a key was expected here: is this line indented like the ones it belongs to?",
    "did not find expected '-' indicator": "an item of the list above was expected here, with - before it",
    "mapping values are not allowed in this context": "a colon is too much here: put quotes around text that has one, "
    "or indent this line like the ones it belongs to",
    "block sequence entries are not allowed in this context": "a list begins on the line after its key",
    "found unexpected end of stream": "the quotes that begin here have no end",
    "could not find expected ':'": "a colon and a value are missing here: write key: value",
    "did not find expected <document start>": "this does not belong to what stands above it: is it indented like it?",
    "did not find expected node content": "a value was expected here",
    "found unknown escape character": _ESCAPE,
    "did not find expected hexdecimal number": _ESCAPE,
}
"""PyYAML's words for what a stranger should read."""


def explain(error: yaml.YAMLError, lines: Sequence[str]) -> tuple[int, int, str]:
    """Return line and column, both from 0, where the mistake stands in `lines`, and a sentence with a remedy."""
    if not isinstance(error, yaml.MarkedYAMLError):
        text = "\n".join(lines)
        position = min(getattr(error, "position", 0), len(text))
        line = text.count("\n", 0, position)
        return line, position - (text.rfind("\n", 0, position) + 1), "a character here cannot be part of a show file"
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return 0, 0, f"this is not valid YAML: {error.problem}"
    said = str(error.problem)
    if "quoted scalar" in str(error.context) and error.context_mark is not None:
        mark = error.context_mark if "end of" in said or "document indicator" in said else mark
    line = min(mark.line, len(lines) - 1)
    for candidate in _candidates(error, lines, line):
        if found := _find_trap(lines[candidate]):
            return candidate, *found
    if "flow" in str(error.context):
        place, said = _describe_flow(error, lines, line)
        return *place, said
    said = _PLAIN_WORDS.get(said, f"this is not valid YAML: {said}")
    line = min(mark.line, len(lines) - 1)
    return line, min(mark.column, len(lines[line])), said


def quote(text: str) -> str:
    """Return `text` in the quotes that keep it as it is, shortened for a message."""
    shown = shorten(text, MAX_QUOTED)
    if "'" not in shown:
        return f"'{shown}'"
    if '"' not in shown and "\\" not in shown:
        return f'"{shown}"'
    doubled = shown.replace("'", "''")
    return f"'{doubled}'"


def _candidates(error: yaml.MarkedYAMLError, lines: Sequence[str], line: int) -> list[int]:
    """Return the lines in which the mistake may stand: the parser often sees it only one line later."""
    found = [line]
    before = next((number for number in range(line - 1, -1, -1) if lines[number].strip()), None)
    # At the beginning of a line the parser looks at what has come too early: the cause is before it.
    mark = error.problem_mark
    early = mark is not None and not lines[line][: mark.column].strip()
    if before is not None and (early or _NO_SPACE.fullmatch(lines[before])):
        found.append(before)
    if error.context_mark is not None and "flow" in str(error.context):
        found.append(min(error.context_mark.line, len(lines) - 1))
    return found


def _find_trap(line: str) -> tuple[int, str] | None:
    """Return the column and the hint of a known trap in a line."""
    indent = len(line) - len(line.lstrip())
    if "\t" in line[:indent]:
        return line.index("\t"), "there is a tab before this line: indent with spaces"
    if found := _NO_SPACE.fullmatch(line):
        return found.start(2), f"a space is missing after the colon: write {found[1]}: {shorten(found[2], MAX_QUOTED)}"
    value = _VALUE.fullmatch(line)
    if value is None or not value[1]:
        return None
    text, column = value[1].rstrip(), value.start(1)
    hint = _find_value_trap(text)
    return None if hint is None else (column, hint)


def _find_value_trap(text: str) -> str | None:
    first, alone = text[0], text[1:2] in ("", " ")
    if first in "[{":
        return _find_bracket_trap(text)
    if first in "\"'":
        return _find_quote_trap(text)
    if first == "-" and alone:
        return "a list begins on the line after its key: put this item there, or quotes around it if it is text"
    why = None
    if first in _FIRST:
        why = _FIRST[first]
    elif first in "?:" and alone:
        why = f"{first} at the beginning would be part of a mapping"
    elif first in "|>":
        why = None if _BLOCK_HEADER.fullmatch(text) else f"{first} at the beginning would start a text of many lines"
    elif ": " in (body := text.partition(" #")[0]) or body.endswith(":"):
        return f"text with a colon and a space needs quotes: {quote(text)}"
    return why and f"{why}: put quotes around it, {quote(text)}"


def _find_bracket_trap(text: str) -> str | None:
    """Look at a value that begins like a list or mapping in brackets."""
    closing = _find_closing(text)
    if closing is None:
        return None
    rest = text[closing + 1 :].strip()
    if rest and not rest.startswith("#"):
        kind = "list" if text[0] == "[" else "mapping"
        return f"text that begins with {text[0]} is read as a {kind}: put quotes around the whole, {quote(text)}"
    inner = re.search(r"""[^\s\[\]{},:"'][\[{]""", text[1:])
    if inner:
        return (
            "inside [ ] and { }, text with brackets or a comma needs quotes of its own; or write it in lines, one key "
            "or one - item on each"
        )
    return None


def _find_closing(text: str) -> int | None:
    """Return where the bracket that `text` begins with is closed; quotes hide brackets."""
    depth, quoted = 0, ""
    for position, character in enumerate(text):
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in "\"'":
            quoted = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
            if depth == 0:
                return position
    return None


def _find_quote_trap(text: str) -> str | None:
    """Look at a value that begins with quotes: they have to be around the whole."""
    first = text[0]
    pattern = r'"(?:[^"\\]|\\.)*"' if first == '"' else r"'(?:[^']|'')*'"
    found = re.match(pattern, text)
    if found is None:
        return f"the {first} that begins here has no end: write one at the end of the text"
    rest = text[found.end() :].strip()
    if not rest or rest.startswith("#"):
        return None
    if first == "'" and rest[0].isalpha() and text[found.end()] not in " \t":
        return "a ' inside '…' is written twice, or put the text into \"…\""
    return f"text stands behind the quotes: put quotes around the whole, {quote(text)}"


def _describe_flow(error: yaml.MarkedYAMLError, lines: Sequence[str], line: int) -> tuple[tuple[int, int], str]:
    """Return where a value in brackets begins that cannot be read, and what may be wrong with it."""
    if error.context_mark is not None and "node" not in str(error.context):
        place = error.context_mark.line, error.context_mark.column
    else:  # the parser names no beginning: it is the bracket before
        before = ((number, max(lines[number].rfind("["), lines[number].rfind("{"))) for number in range(line, -1, -1))
        place = next((found for found in before if found[1] >= 0), (line, 0))
    kind, end = ("mapping", "}") if lines[place[0]][place[1] : place[1] + 1] == "{" else ("list", "]")
    return place, (
        f"this {kind} in brackets cannot be read: is a comma or its {end} missing? Text with one of [ ] {{ }} , needs "
        "quotes; or write it in lines"
    )
