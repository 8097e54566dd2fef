"""Code from a file: a line `<<< ./file.sql#region sql {1|3-5}` becomes a code block."""

import re
from textwrap import dedent

from demo.errors import InvalidValue
from demo.narration import parse_code_info
from demo.showfile.deck_files import DeckFiles
from demo.showfile.file_text import split_text
from demo.showfile.problems import shorten

MAX_SNIPPET_BYTES = 100_000

_LINE = re.compile(r" {0,3}<<<(?:[ \t]+(.*))?")
_PARTS = re.compile(r"([^\s#]+)(?:#([^\s{]+))?(?:[ \t]+([\w+#-]+))?(?:[ \t]*(\{[^{}]*\}))?[ \t]*")
_LANGUAGES = {
    "bash": "bash",
    "cs": "csharp",
    "ex": "elixir",
    "h": "c",
    "hs": "haskell",
    "js": "javascript",
    "kt": "kotlin",
    "md": "markdown",
    "mjs": "javascript",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "tf": "hcl",
    "ts": "typescript",
    "yml": "yaml",
    "txt": "text",
}
"""Languages whose name is not the file's suffix."""


def is_snippet(line: str) -> bool:
    """Return whether a line asks for code from a file."""
    return line.lstrip(" ").startswith("<<<") and _LINE.fullmatch(line) is not None


def read_snippet(line: str, files: DeckFiles, beside: str) -> str:
    """Return the code block for a line `<<< …` of the file `beside`. Raises `InvalidValue`."""
    found = _LINE.fullmatch(line)
    parts = _PARTS.fullmatch((found[1] or "").strip()) if found else None
    if parts is None:
        raise InvalidValue("code from a file is written <<< ./file.sql#region, with {1|3-5} behind it for steps")
    written, region, language, steps = parts.groups()
    whole = written.startswith("@/")  # as seen from the show's folder, whichever file names it
    path = files.resolve(written[2:] if whole else written, "" if whole else beside)
    lines, problems = split_text(files.text(path, MAX_SNIPPET_BYTES), path)
    if problems:
        raise InvalidValue(str(problems[0]))
    if region is not None:
        lines = _find_region(lines, region, path)
    while lines and not lines[-1].strip():
        lines.pop()
    code = dedent("\n".join(lines))
    parse_code_info(f"x {steps or ''}", code.count("\n") + 1)
    suffix = path.rpartition(".")[2].lower() if "." in path else ""
    info = language or _LANGUAGES.get(suffix, suffix)
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}{info}{f' {steps}' if steps else ''}\n{code}\n{mark}"


_MARK = re.compile(r"\s*(?:#|//|--|/\*|<!--|;|%|REM\b)\s*#?\s*(?:pragma\s+)?(end\s?)?region\b[: ]?\s*([^\s*]*).*")
"""`// #region NAME`, `# region NAME`, `-- #endregion`: what editors fold by, in a comment of any language."""


def _find_region(lines: list[str], region: str, path: str) -> list[str]:
    """Return the lines between `#region NAME` and `#endregion`, without the marks of other regions."""
    marks = [
        (number, found) for number, line in enumerate(lines) if "region" in line and (found := _MARK.fullmatch(line))
    ]
    start = next((number for number, found in marks if not found[1] and found[2] == region), None)
    if start is None:
        raise InvalidValue(
            f"{shorten(path)} has no region {shorten(region)}: write #region and its name before it, "
            "and #endregion after it, in comments"
        )
    depth = 0
    for number, found in marks:
        if number >= start:
            depth += -1 if found[1] else 1
            if depth == 0:
                inside = {number for number, _ in marks}
                return [lines[line] for line in range(start + 1, number) if line not in inside]
    raise InvalidValue(f"the region {shorten(region)} of {shorten(path)} has no end: write #endregion after it")
