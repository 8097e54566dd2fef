"""Writes settings and chapters as the Markdown of a show file, as a person would: no anchors, commands on one line."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

_MARKDOWN = re.compile(r"([\\`*_<\[\]~|])")
_LINE_START = re.compile(r"^(\s*)([#>+=-]|\d+[.)])", re.MULTILINE)


@dataclass(frozen=True)
class ChapterDraft:
    """One chapter: its settings, its heading, and paragraphs of Markdown."""

    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    paragraphs: Sequence[str] = ()


class _Dumper(yaml.SafeDumper):
    """Lists of plain values on one line, mappings one key a line; every text that needs them has quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_list(dumper: _Dumper, data: Sequence[Any]) -> yaml.Node:
    is_plain = all(not isinstance(item, Mapping | list | tuple) for item in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=is_plain)


def _write_text(dumper: _Dumper, data: str) -> yaml.Node:
    # On several lines, or with a character that looks like nothing, only escapes keep a text as it is.
    style = '"' if any(not char.isprintable() for char in data) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(list, _write_list)
_Dumper.add_representer(tuple, _write_list)
_Dumper.add_representer(str, _write_text)


def to_yaml(settings: Mapping[str, Any]) -> str:
    """Return settings as YAML, in the order given."""
    return yaml.dump(
        dict(settings), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31, default_flow_style=False
    )


def to_show_text(front: Mapping[str, Any], comments: Iterable[str], chapters: Sequence[ChapterDraft]) -> str:
    """Return a whole show file; the comments stand at the top of its front matter."""
    told = "".join(f"# {_one_line(comment)}\n" for comment in comments)
    return f"---\n{told}{to_yaml(front)}---\n\n" + "\n---\n\n".join(map(_write_chapter, chapters))


def _write_chapter(chapter: ChapterDraft) -> str:
    block = f"```yaml\n{to_yaml(chapter.settings)}```\n\n" if chapter.settings else ""
    parts = [f"# {as_markdown(chapter.title) or 'Untitled'}", *(part for part in chapter.paragraphs if part.strip())]
    return block + "\n\n".join(parts) + "\n"


def as_markdown(text: str) -> str:
    """Return one line of plain text as Markdown that shows it as it is."""
    return _LINE_START.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\1", _one_line(text)))


def as_paragraphs(text: str) -> list[str]:
    """Return plain text as paragraphs of Markdown that show it as it is."""
    return [as_markdown(part) for part in re.split(r"\n\s*\n", text) if part.strip()]


def as_code(text: str) -> str:
    """Return text as a code span."""
    line = _one_line(text)
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
