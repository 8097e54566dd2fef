"""Code with its words coloured: pieces of text by what they are, line by line. The style sheet has the colours."""

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from demo.errors import InvalidValue
from demo.narration import CodeInfo, parse_code_info
from demo.narration.code_info import LineRanges

if TYPE_CHECKING:
    from pygments.lexer import Lexer

MAX_COLOURED = 50_000
"""Characters. Longer code is shown plain: a lexer may need seconds for it, and nobody reads it on a stage."""

WIDTHS = (8, 14, 20, 26, 32, 40, 50, 60, 70, 80)
"""Columns of code: the style sheet has a class for each; wider code is wrapped."""

CodeLine = tuple[tuple[str, str], ...]
"""Pieces of a line, each with its class; "" for plain text."""

_ALIASES = {
    "ascii": "text",
    "bzl": "starlark",
    "cmd": "batch",
    "conf": "ini",
    "cql": "sql",
    "csv": "text",
    "dotenv": "bash",
    "env": "bash",
    "gql": "graphql",
    "gradle": "groovy",
    "jenkinsfile": "groovy",
    "json5": "json",
    "jsonc": "json",
    "jsonl": "json",
    "kt": "kotlin",
    "log": "text",
    "node": "javascript",
    "none": "text",
    "patch": "diff",
    "pgsql": "postgresql",
    "plain": "text",
    "plaintext": "text",
    "redis": "text",
    "sh-session": "console",
    "sqlite": "sql",
    "svelte": "html",
    "terminal": "console",
    "txt": "text",
    "viml": "vim",
    "vue": "html",
    "yml": "yaml",
}
"""Names that other tools know and Pygments does not."""

_CLASSES = (
    ("Comment", "comment"),
    ("Keyword.Constant", "number"),
    ("Keyword.Type", "type"),
    ("Keyword", "keyword"),
    ("Operator.Word", "keyword"),
    ("Literal.String", "string"),
    ("Literal.Number", "number"),
    ("Name.Function", "function"),
    ("Name.Class", "type"),
    ("Name.Tag", "keyword"),
    ("Name.Attribute", "function"),
    ("Name.Builtin", "type"),
    ("Name.Decorator", "function"),
    ("Name.Variable", "function"),
    ("Name.Constant", "number"),
    ("Generic.Deleted", "deleted"),
    ("Generic.Inserted", "inserted"),
    ("Generic.Prompt", "comment"),
    ("Generic.Output", ""),
    ("Generic.Heading", "keyword"),
    ("Generic.Subheading", "keyword"),
)
"""What Pygments says of a piece, and the class that it gets; the first that fits. Anything else is plain."""


def read_info(info: str) -> CodeInfo:
    """Return what stands behind the backticks; wrong steps are none, for they were told when the file was read."""
    try:
        return parse_code_info(info)
    except InvalidValue:
        return CodeInfo((info.split() or [""])[0])


def shown_lines(info: CodeInfo) -> LineRanges:
    """Return the lines that stand out; none where the whole code is shown, as it is with several steps."""
    return info.steps[0] if len(info.steps) == 1 else ()


def stands_out(number: int, ranges: LineRanges) -> bool:
    """Return whether a line, from 1, is one of those; every line is if there are none."""
    return not ranges or any(first <= number <= last for first, last in ranges)


def code_to_html(code: str, info: str) -> str:
    """Return a code block as safe HTML; lines that do not stand out have the class `dim`.

    Its class `upto-40` tells the style sheet how wide it is: in a narrow place its type gets smaller.
    """
    parsed = read_info(info)
    width = max(len(line.expandtabs(4)) for line in code.split("\n"))
    most = next((most for most in WIDTHS if width <= most), WIDTHS[-1])
    ranges = shown_lines(parsed)
    shown = []
    for number, line in enumerate(colour_code(code, parsed.language), 1):
        pieces = "".join(_piece_to_html(text, name) for text, name in line)
        kind = "" if not ranges else " lit" if stands_out(number, ranges) else " dim"
        shown.append(f'<span class="line{kind}">{pieces}\n</span>')
    return f'<pre dir="auto" class="code upto-{most}"><code>{"".join(shown)}</code></pre>\n'


def _piece_to_html(text: str, name: str) -> str:
    return f'<span class="c-{name}">{escape(text)}</span>' if name else escape(text)


@lru_cache(maxsize=128)
def colour_code(code: str, language: str) -> Sequence[CodeLine]:
    """Return the lines of code in pieces; plain where the language is not known."""
    lexer = _find_lexer(language) if len(code) <= MAX_COLOURED else None
    plain = tuple(((line, ""),) if line else () for line in code.removesuffix("\n").split("\n"))
    if lexer is None:
        return plain
    lines: list[list[tuple[str, str]]] = [[]]
    for kind, text in lexer.get_tokens(code):
        name = _class_of(str(kind).removeprefix("Token."))
        for index, piece in enumerate(text.split("\n")):
            if index:
                lines.append([])
            if piece:
                lines[-1].append((piece, name))
    coloured = tuple(tuple(line) for line in lines[: len(plain)])
    # A lexer that would leave anything out, or add to it, is not believed.
    is_whole = ["".join(text for text, _ in line) for line in coloured] == code.removesuffix("\n").split("\n")
    return coloured if is_whole else plain


@lru_cache(maxsize=256)
def _class_of(kind: str) -> str:
    return next((name for start, name in _CLASSES if kind == start or kind.startswith(f"{start}.")), "")


def is_language(name: str) -> bool:
    """Return whether code in this language is coloured, or is known to be plain text."""
    return not name or _find_lexer(name) is not None


def _find_lexer(name: str) -> "Lexer | None":
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - only a deck with code needs it
    from pygments.util import ClassNotFound  # noqa: PLC0415

    lowered = name.lower()
    try:
        return get_lexer_by_name(_ALIASES.get(lowered, lowered), stripnl=False, ensurenl=True) if name else None
    except ClassNotFound:
        return None
