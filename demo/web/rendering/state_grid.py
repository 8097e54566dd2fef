"""A grid with one cell for each node of a group, as SVG paths by state. Plain data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

WIDER = 4.0
"""About how many times wider than high the grid is."""


@dataclass(frozen=True, slots=True)
class StateGrid:
    """A grid of cells. `paths`: a state and its SVG path, with one line for each run of cells; its dashes are cells."""

    columns: int
    rows: int
    paths: tuple[tuple[str, str], ...]


def lay_out_grid(states: Sequence[str]) -> StateGrid:
    """Lay out the cells row by row in the nodes' order: a node keeps its place whatever its state."""
    columns = max(1, math.ceil(math.sqrt(len(states) * WIDER)))
    rows = math.ceil(len(states) / columns)
    lines: dict[str, list[str]] = {}
    for row in range(rows):
        x = 0
        for state, run in groupby(states[row * columns : (row + 1) * columns]):
            length = len(list(run))
            lines.setdefault(state, []).append(f"M{x} {row}h{length}")
            x += length
    return StateGrid(columns, rows, tuple((state, "".join(segments)) for state, segments in lines.items()))
