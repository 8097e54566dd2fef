"""Prints branch coverage by floor of the architecture, from the data file that `scripts/coverage` leaves."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coverage import Coverage

from tests.test_architecture import FLOORS


def main() -> None:
    """Print a line for each floor, the lowest first, and one for all of it."""
    counts = dict.fromkeys(range(len(FLOORS)), (0, 0, 0))
    for module, summary in _summaries():
        floor = _floor_of(module)
        found = (summary["covered_branches"], summary["num_branches"], summary["num_statements"])
        counts[floor] = tuple(map(sum, zip(counts[floor], found, strict=True)))  # type: ignore[assignment]
    for floor, rooms in enumerate(FLOORS):
        print(_line(counts[floor], ", ".join(rooms)))
    print(_line(tuple(map(sum, zip(*counts.values(), strict=True))), "all of it"))


def _line(counts: tuple[int, ...], name: str) -> str:
    covered, branches, statements = counts
    share = f"{covered / branches:6.1%}" if branches else "     –"
    return f"{share}  of {branches:5} branches, {statements:6} statements: {name}"


def _summaries() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each module of the package with its counts."""
    measured = Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        measured.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    for file, data in files.items():
        parts = Path(file).with_suffix("").parts
        yield ".".join(parts[parts.index("demo") + 1 :]).removesuffix(".__init__"), data["summary"]


def _floor_of(module: str) -> int:
    """Return the floor of the longest room that the module's name begins with."""
    found = [
        (len(room), floor)
        for floor, rooms in enumerate(FLOORS)
        for room in rooms
        if module == room or module.startswith(f"{room}.")
    ]
    return max(found)[1] if found else 0


if __name__ == "__main__":
    main()
