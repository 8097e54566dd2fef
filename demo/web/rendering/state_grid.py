"""A group's nodes as cells, each in its state: where trouble sits is seen before a word is read. Plain data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

WIDER = 4.0
"""How many times wider than high a field of cells is, about."""


@dataclass(frozen=True, slots=True)
class StateGrid:
    """`paths`: by state, a line for each run of such cells in a row; its dashes are the cells."""

    columns: int
    rows: int
    paths: tuple[tuple[str, str], ...]


def cells(states: Sequence[str]) -> StateGrid:
    """Row by row, in the nodes' order: a node keeps its place whatever its state."""
    columns = max(1, math.ceil(math.sqrt(len(states) * WIDER)))
    rows = math.ceil(len(states) / columns)
    lines: dict[str, list[str]] = {}
    for row in range(rows):
        x = 0
        for state, run in groupby(states[row * columns : (row + 1) * columns]):
            length = len(list(run))
            lines.setdefault(state, []).append(f"M{x} {row}h{length}")
            x += length
    return StateGrid(columns, rows, tuple((state, "".join(found)) for state, found in lines.items()))
