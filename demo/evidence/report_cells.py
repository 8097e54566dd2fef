"""What a report is made of: sections of tables of cells, which HTML and Markdown both render."""

from dataclasses import dataclass

from demo.evidence.report_drawing import DrawnCurves


@dataclass(frozen=True, slots=True)
class Cell:
    """`lines` stand smaller below the text. `state`: of the verdict whose mark stands before the text, "" for none.

    `percent`: a bar of this length stands beside it.
    """

    text: str
    lines: tuple[str, ...] = ()
    state: str = ""
    is_number: bool = False
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`lead`: a sentence above it. The first column names the rows if `has_names`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    heading: str = ""
    lead: str = ""
    has_names: bool = False


@dataclass(frozen=True, slots=True)
class ChapterNarration:
    """What the stage said on a chapter, in the parts that it was shown in: as safe HTML, and as the deck has it."""

    heading: str
    html: tuple[str, ...]
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportSection:
    """`texts`: longer texts with their headings; `outputs`: the same of programs, whose lines stay as they are.

    `narration`: texts of the deck.
    """

    ident: str
    heading: str
    lead: str = ""
    tables: tuple[Table, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    narration: tuple[ChapterNarration, ...] = ()
    curves: DrawnCurves | None = None
