"""One chapter as it stands in its file: settings, title, text and notes."""

from dataclasses import dataclass

from demo.showfile.yaml_reader import YamlData


@dataclass(frozen=True)
class ChapterSource:
    """One chapter. `line` is where it begins in `file`, which is an include's own.

    `title` is the first heading without its markup, "" if there is none. `pages` are its Markdown, cut at each
    `<!-- pause -->`, without the title's heading, settings and comments. Comments that make columns stay in it:
    `demo.markup.columns` reads them. Images have the address by which they are served.
    """

    number: int
    file: str
    line: int
    settings: YamlData
    title: str
    pages: tuple[str, ...]
    notes: str
