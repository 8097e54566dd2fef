"""docs/decks.md: its tables, made of the schema, and its examples. `scripts/deck-tables` writes the tables."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from demo.showfile.checks.fields import FIELDS
from demo.showfile.schema.descriptions import BOOK_FIELDS, CHECKS, CONDITIONS, LAYOUTS
from demo.showfile.schema.reference import tables

DOCUMENT = Path(__file__).parents[2] / "docs" / "decks.md"
_MARK = re.compile(r"(<!-- (?:table: )?(\w+) -->\n)(?:\|.*\n)*")
_FENCE = re.compile(r"^```yaml\n# (front matter|chapter)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_WHOLE = re.compile(r"^````markdown\n(---\n.*?)^````$", re.DOTALL | re.MULTILINE)


def with_tables(text: str) -> str:
    """Return the document with its tables as the schema has them now."""
    rows = {**tables(), **_lists()}
    return _MARK.sub(lambda found: f"{found[1]}{rows[found[2]]}\n" if found[2] in rows else found[0], text)


def _lists() -> Mapping[str, str]:
    fields = {kind: ", ".join(f"`{field}`" for field in names) for kind, names in FIELDS.items()}
    return {
        "fields": _table("probe", "its fields", fields),
        "layouts": _table("layout", "is", LAYOUTS),
        "checks": _table("check", "`expect` is watched", CHECKS),
        "book": _table("field", "counts", {f"book.{name}": text for name, text in BOOK_FIELDS.items()}),
        "conditions": _table("condition", "is", CONDITIONS),
    }


def _table(first: str, second: str, entries: Mapping[str, str]) -> str:
    return "\n".join(
        [f"| {first} | {second} |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in entries.items())]
    )


def whole_example(text: str) -> str:
    found = _WHOLE.search(text)
    assert found is not None
    return found[1]


def examples(text: str) -> Iterator[tuple[str, str]]:
    """Yield what each example is, `front matter` or `chapter`, and its YAML."""
    yield from ((found[1], found[2]) for found in _FENCE.finditer(text))


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8")), "utf-8")
