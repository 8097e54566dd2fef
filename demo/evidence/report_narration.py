"""The section of a report with the text of the deck: what the stage said on each chapter that was shown."""

import base64
import re
from textwrap import wrap

from demo.clean import clean, clean_lines
from demo.evidence.facts import ChapterFacts, ShowFacts
from demo.evidence.report_cells import ChapterNarration, ReportSection
from demo.markup import to_html
from demo.markup.columns import without_marks
from demo.narration.image import FOLDER, image_media_type
from demo.texts import translate

MAX_COLUMNS = 100
"""Of prose where a program does not wrap lines by itself, as in Markdown's blocks of code."""

_IMAGE = re.compile(rf"!\[([^\]]*)\]\(\s*<?{FOLDER}[^)]*\)")

_ABSENT = re.compile(rf'<img class="picture" src="{FOLDER}[^"]*" alt="([^"]*)"[^>]*>')
"""An image that the journal does not have."""

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_ENTRY = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?")


def narration_section(facts: ShowFacts) -> ReportSection | None:
    """Return the section, in the language that is rendered now; None if the journal has no text of the deck."""
    addresses = {image.address: _data_url(image.name, image.body) for image in facts.images}
    texts = tuple(_chapter_text(chapter, addresses) for chapter in facts.shown_chapters if chapter.pages)
    lead = translate("What the stage said on each chapter that was shown.")
    return ReportSection("deck", translate("The text of the deck"), lead, narration=texts) if texts else None


def _chapter_text(chapter: ChapterFacts, addresses: dict[str, str]) -> ChapterNarration:
    heading = f"{chapter.number} {clean(chapter.title)}" if chapter.number else clean(chapter.title)
    html = tuple(_render(part, chapter.text_format, addresses) for part in chapter.pages)
    return ChapterNarration(heading, html, tuple(map(_as_text, chapter.pages)))


def _render(text: str, text_format: str, addresses: dict[str, str]) -> str:
    """Return a text as HTML that has its images in it."""
    html = to_html(text, text_format, images_at_once=True)
    for address, url in addresses.items():
        # Only where the renderer wrote it: in a text these characters would be escaped.
        html = html.replace(f'src="{address}"', f'src="{url}"')
    return _ABSENT.sub(r"[\1]", html)


def _as_text(part: str) -> str:
    """Return a text as the deck has it, with long lines of prose wrapped.

    Of an image, whose address leads nowhere outside a show, what it shows; of columns what is in them.
    """
    lines, fence = list[str](), ""
    for line in clean_lines(without_marks(part).strip("\n")):
        mark = _FENCE.match(line)
        if fence:
            lines.append(line)
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark or line.lstrip().startswith("|"):
            lines.append(line)
            fence = mark[1] if mark else ""
        else:
            lines += _wrapped(_IMAGE.sub(r"[image: \1]", line))
    return "\n".join(lines)


def _wrapped(line: str) -> list[str]:
    """Return a line of prose in lines of `MAX_COLUMNS`; those of a list's entry stand below its text."""
    if len(line) <= MAX_COLUMNS:
        return [line]
    indent = " " * len(_ENTRY.match(line)[0])  # type: ignore[index] # matches whatever there is
    return wrap(line, MAX_COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _data_url(name: str, body: bytes) -> str:
    return f"data:{image_media_type(name)};base64,{base64.b64encode(body).decode()}"
