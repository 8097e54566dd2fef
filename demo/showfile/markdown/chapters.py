"""The chapters of one file: each with its settings, title, text cut into pages, and notes."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from demo.errors import InvalidValue
from demo.markup.code import is_language
from demo.narration import DeckImage, parse_code_info
from demo.showfile.chapter_source import ChapterSource
from demo.showfile.deck_files import DeckFiles
from demo.showfile.markdown.chapter_text import ChapterText
from demo.showfile.markdown.columns import ColumnOrder
from demo.showfile.markdown.directives import Directive, parse_comment
from demo.showfile.markdown.headings import find_heading
from demo.showfile.markdown.images import find_images, resolve_image
from demo.showfile.markdown.scan import Comment, Fence, MarkdownScan
from demo.showfile.markdown.snippets import is_snippet, read_snippet
from demo.showfile.problems import Position, Problem, shorten
from demo.showfile.settings_block import read_settings
from demo.showfile.yaml_reader import YamlData, empty

MAX_CHAPTERS = 5_000
MAX_SNIPPETS = 2_000_000
"""Characters that all code from files may have in one show file."""

_YAML = ("yaml", "yml")
_TOP_HEADING = re.compile(r" {0,3}#[ \t]+\S")
_SETTINGS = (
    *("on_enter", "require", "expect", "hypothesis", "auto_advance", "blocks_advance", "budget"),
    *("highlight", "vote"),
)
"""Keys of a chapter's settings that no other YAML is likely to have at the beginning of a line."""


class ChapterReader:
    """Reads the chapters of one file. `path` is that file's, relative to the show's folder.

    `images` are those that were found, by their paths, `problems` all that is wrong with the chapters.
    """

    def __init__(self, lines: Sequence[str], file: str, path: str, start: int, files: DeckFiles) -> None:
        self.lines = lines
        self.file = file
        self.path = path
        self.files = files
        self.images: dict[str, DeckImage] = {}
        self._scan = MarkdownScan(lines, file, start)
        self.problems: list[Problem] = list(self._scan.problems)
        self._starts = [0, *accumulate(len(line) + 1 for line in lines)]
        self._fence_lines = [fence.first for fence in self._scan.fences]
        self._comment_lines = [comment.line for comment in self._scan.comments]
        self._start = start
        self._snippet_size = 0

    def read(self) -> list[ChapterSource]:
        """Return the chapters; an empty one is left out, and told if it is not the last."""
        chapters: list[ChapterSource] = []
        begin, settings_line = self._start, None
        ends = [(found.line, found.last) for found in self._scan.breaks]
        for line, last in [*ends, (len(self.lines), len(self.lines))]:
            if settings_line is not None or any(self.lines[number].strip() for number in range(begin, line)):
                if len(chapters) >= MAX_CHAPTERS:
                    self._report(begin, 0, f"a show file has at most {MAX_CHAPTERS} chapters")
                    break
                chapters.append(self._read_chapter(len(chapters) + 1, settings_line, begin, line))
            elif chapters and line < len(self.lines):
                self._warn(line, "there is no chapter before this ---: nothing stands between it and the one above")
            settings_line = line if last > line else None
            begin = last + 1
        return chapters

    def _read_chapter(self, number: int, dashes: int | None, begin: int, end: int) -> ChapterSource:
        """Read the chapter in the lines from `begin` to before `end`; its settings may begin at the line `dashes`."""
        fences = self._scan.fences[bisect_left(self._fence_lines, begin) : bisect_left(self._fence_lines, end)]
        comments = self._scan.comments[bisect_left(self._comment_lines, begin) : bisect_left(self._comment_lines, end)]
        text = ChapterText(self.lines, self._starts, begin, end)
        for comment in comments:
            text.hide(comment.line, comment.column, comment.end_line, comment.end_column)
        content = next((line for line in range(begin, end) if text.line(line).strip()), begin)
        first = content
        block = fences[0] if fences and fences[0].first == content and _language(fences[0]) in _YAML else None
        settings = empty(self.file, Position(begin + 1))
        if dashes is not None:
            first = dashes
            settings = read_settings(self.lines, dashes + 1, begin - 1, self.file, "dashes", self.problems)
            if block is not None:
                self._report(
                    block.first,
                    0,
                    "this chapter has settings twice, between dashes above and in this yaml code "
                    "block: keep one of them; or, if this is code to be shown, put text before it",
                )
        if block is not None:
            fences = fences[1:]
            if dashes is None:
                settings = read_settings(
                    self.lines, block.first + 1, block.last, self.file, "code block", self.problems
                )
            text.cut(block.first, block.last)
        for fence in fences:
            text.hide(fence.first, 0, fence.last, len(self.lines[fence.last]))
            self._check_code(fence)
        notes = self._read_comments(comments, text)
        title = self._take_title(settings, text)
        if not settings.data:
            self._warn_of_late_settings(fences)
        self._read_lines(text)
        return ChapterSource(number, self.file, first + 1, settings, title, text.pages(), notes)

    # Parts of a chapter.

    def _read_comments(self, comments: Sequence[Comment], text: ChapterText) -> str:
        """Put pauses and columns into the text, take all other comments out, and return the notes."""
        notes: list[tuple[int, str]] = []
        last_remark: tuple[int, str] | None = None
        columns = ColumnOrder()
        for index, comment in enumerate(comments):
            instead = ""
            try:
                directive = parse_comment(comment.text)
                columns.take(directive)
            except InvalidValue as error:
                self._report(comment.line, comment.column, str(error))
                directive = Directive("tool")
            if directive.name == "pause":
                instead = ChapterText.PAUSE
            elif directive.name in ("column_layout", "column", "reset_layout"):
                instead = f"\n\n{directive}\n\n"
            elif directive.name == "speaker_note":
                notes.append((index, directive.text))
            elif directive.name == "remark" and directive.text:
                last_remark = (index, directive.text)
            text.replace(comment.line, comment.column, comment.end_line, comment.end_column, instead)
        if last_remark is not None:
            notes.append(last_remark)
        return "\n\n".join(note for _, note in sorted(notes) if note)

    def _take_title(self, settings: YamlData, text: ChapterText) -> str:
        """Return the first heading, and take it out of the text unless the settings give another title."""
        heading = find_heading([text.line(number) for number in range(text.begin, text.end)])
        if heading is None:
            return ""
        first, last = text.begin + heading.first, text.begin + heading.last
        given = settings.data.get("title")
        if given is None or str(given).strip() == heading.text:
            text.cut_visible(first, last)
        if _TOP_HEADING.match(self.lines[first]):
            self._warn_of_second_title(range(last + 1, text.end), text)
        return heading.text

    def _warn_of_second_title(self, numbers: range, text: ChapterText) -> None:
        second = next((number for number in numbers if _TOP_HEADING.match(text.line(number))), None)
        if second is not None:
            self._warn(
                second, "this heading begins no chapter: chapters are separated by a line of --- and a blank line"
            )

    def _warn_of_late_settings(self, fences: Sequence[Fence]) -> None:
        for fence in fences:
            inner = self.lines[fence.first + 1 : fence.last] if _language(fence) in _YAML else ()
            if any(line.partition(":")[0] in _SETTINGS for line in inner):
                self._warn(
                    fence.first,
                    "this yaml code block is shown as code: settings of a chapter come before its heading and its text",
                )
                return

    def _read_lines(self, text: ChapterText) -> None:
        """Put code from files into the text, and check images."""
        for number in range(text.begin, text.end):
            line = text.line(number)
            if "<<<" in line and is_snippet(line):
                self._insert_code(number, line, text)
            elif "![" in line:
                self._check_images(number, line, text)

    def _insert_code(self, number: int, line: str, text: ChapterText) -> None:
        try:
            code = self._read_code(line)
        except InvalidValue as error:
            self._report(number, len(line) - len(line.lstrip()), str(error))
            return
        text.replace(number, 0, number, len(line), f"\n{code}\n")

    def _read_code(self, line: str) -> str:
        code = read_snippet(line, self.files, self.path)
        self._snippet_size += len(code)
        if self._snippet_size > MAX_SNIPPETS:
            raise InvalidValue(f"all code from files is longer than {MAX_SNIPPETS:,} characters, which is the limit")
        return code

    def _check_images(self, number: int, line: str, text: ChapterText) -> None:
        for image in find_images(line):
            try:
                path = resolve_image(image, self.files, self.path)
                found = self.files.image(path)
            except InvalidValue as error:
                self._report(number, image.start, str(error))
                continue
            if found is not None:
                self.images[path] = found
                text.replace(number, image.start, number, image.end, found.address)

    def _check_code(self, fence: Fence) -> None:
        line = self.lines[fence.first]
        try:
            info = parse_code_info(fence.info, fence.line_count)
        except InvalidValue as error:
            self._report(fence.first, line.rfind(fence.info), str(error))
            return
        if not is_language(info.language):
            message = f"the language {shorten(info.language)} is not known: this code is shown without colours"
            place = Position(fence.first + 1, line.rfind(fence.info) + 1)
            self.problems.append(Problem(self.file, place, message, "warning"))
        if info.rest:
            column = line.rfind(info.rest) + 1
            message = f"{shorten(info.rest)} is ignored: a code block has a language, and steps as in {{1|3-5|all}}"
            self.problems.append(Problem(self.file, Position(fence.first + 1, column), message, "warning"))

    def _report(self, line: int, column: int, message: str) -> None:
        self.problems.append(Problem(self.file, Position(line + 1, column + 1), message))

    def _warn(self, line: int, message: str) -> None:
        self.problems.append(Problem(self.file, Position(line + 1), message, "warning"))


def _language(fence: Fence) -> str:
    return "" if fence.inside else fence.info.lower()
