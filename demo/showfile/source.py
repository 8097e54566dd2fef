"""What is in a show file: front matter and chapters with their settings, text and notes. No schema yet."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.showfile.markdown_scan import Comment, Fence, MarkdownScan
from demo.showfile.problems import Position, Problem, ShowFileError
from demo.showfile.yaml_reader import YamlData, empty, read_yaml

__all__ = ["ChapterSource", "ShowSource", "parse_source", "read_source"]


@dataclass(frozen=True)
class ChapterSource:
    """One chapter. `line` is where it begins in `file`, which is an include's own.

    `title` is the first heading without its markup, "" if there is none. `pages` are its Markdown, cut at each
    `<!-- pause -->`, without the title's heading, settings and comments.
    """

    number: int
    file: str
    line: int
    settings: YamlData
    title: str
    pages: tuple[str, ...]
    notes: str


@dataclass(frozen=True)
class ShowSource:
    """A show file. `files` has the text of every other file in it, by its path relative to `folder`."""

    file: str
    folder: Path | None
    text: str
    front_matter: YamlData
    chapters: tuple[ChapterSource, ...]
    files: Mapping[str, str]


_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_NOTE = re.compile(r"\s*speaker_notes?:(.*)", re.DOTALL)


def read_source(path: Path) -> tuple[ShowSource, list[Problem]]:
    """Read a show file. Raises `ShowFileError` if there is nothing to read."""
    file = str(path)
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ShowFileError([Problem(file, Position(1), f"this file cannot be read: {error}")]) from error
    return parse_source(text, file, path.parent)


def parse_source(
    text: str, file: str, folder: Path | None, files: Mapping[str, str] | None = None
) -> tuple[ShowSource, list[Problem]]:
    """Read a show out of its text; never raises. Other files come from `files` if given, else from the disk."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    problems: list[Problem] = []
    start, front_matter = 0, empty(file, Position(1))
    if lines[0].rstrip() == "---":
        end = next((i for i in range(1, len(lines)) if lines[i].rstrip() == "---"), None)
        if end is None:
            problems.append(
                Problem(file, Position(1), "the front matter that begins here has no end: write --- after it")
            )
        else:
            front_matter = _settings("\n".join(lines[1:end]), file, 2, problems)
            start = end + 1
    scan = MarkdownScan(lines, file, start)
    problems += scan.problems
    chapters: list[ChapterSource] = []
    begin, dashed = start, None
    for line, last in [*((b.line, b.last) for b in scan.breaks), (len(lines), len(lines))]:
        chapter = _chapter(len(chapters) + 1, lines, file, begin, line, dashed, scan, problems)
        if chapter is not None:
            chapters.append(chapter)
        dashed = (line + 1, last) if last > line else None
        begin = last + 1
    return ShowSource(file, folder, text, front_matter, tuple(chapters), dict(files or {})), sorted(problems)


def _settings(text: str, file: str, first_line: int, problems: list[Problem]) -> YamlData:
    data, found = read_yaml(text, file, first_line)
    problems += found
    if data is None:
        return empty(file, Position(first_line), complete=False)
    if data.data is None:
        return empty(file, Position(first_line))
    if not isinstance(data.data, dict):
        problems.append(Problem(file, data.values[()], "these are no settings: write one `key: value` on each line"))
        return empty(file, Position(first_line), complete=False)
    return data


def _chapter(
    number: int,
    lines: list[str],
    file: str,
    begin: int,
    end: int,
    dashed: tuple[int, int] | None,
    scan: MarkdownScan,
    problems: list[Problem],
) -> ChapterSource | None:
    own = list(lines[begin:end])
    fences = [fence for fence in scan.fences if begin <= fence.first < end]
    comments = [comment for comment in scan.comments if begin <= comment.line < end]
    if not dashed and not any(line.strip() for line in own):
        return None
    settings, first = empty(file, Position(begin + 1)), begin
    if dashed:
        settings = _settings("\n".join(lines[dashed[0] : dashed[1]]), file, dashed[0] + 1, problems)
        first = dashed[0] - 1
    content = next((i for i in range(begin, end) if lines[i].strip()), None)
    fence = fences[0] if fences else None
    if fence and fence.first == content and fence.info.lower() in ("yaml", "yml") and not dashed:
        settings = _settings("\n".join(lines[fence.first + 1 : fence.last]), file, fence.first + 2, problems)
        _blank(own, begin, fence.first, fence.last)
        first = fence.first
    notes = _take_comments(own, begin, comments)
    title = _take_title(own, begin, fences)
    pages = tuple(page.strip("\n").rstrip() for page in "\n".join(own).split("\x00"))
    return ChapterSource(number, file, first + 1, settings, title, pages, notes)


def _blank(own: list[str], begin: int, first: int, last: int) -> None:
    for line in range(first, last + 1):
        own[line - begin] = ""


def _take_comments(own: list[str], begin: int, comments: list[Comment]) -> str:
    notes, last = [], ""
    for comment in reversed(comments):
        pause = "\n\x00\n" if comment.text.strip() == "pause" else ""
        if found := _NOTE.match(comment.text):
            notes.insert(0, found[1].strip())
        elif not pause and not last:
            last = comment.text.strip()
        first, final = comment.line - begin, comment.end_line - begin
        tail = own[final][comment.end_column :]
        own[first] = own[first][: comment.column] + pause + (tail if first == final else "")
        if first != final:
            own[final] = tail
            for line in range(first + 1, final):
                own[line] = ""
    return "\n\n".join([*notes, last] if last else notes)


def _take_title(own: list[str], begin: int, fences: list[Fence]) -> str:
    code = {line - begin for fence in fences for line in range(fence.first, fence.last + 1)}
    for number, line in enumerate(own):
        if number not in code and "#" in line and (found := _HEADING.fullmatch(line)):
            own[number] = ""
            return (found[1] or "").strip()
    return ""
