"""`Undo`: one entry of the undo ledger, made from its row."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from demo.journal.undo_table import UndoRow
from demo.types import Plan


@dataclass(frozen=True, slots=True)
class Undo:
    """One entry of the ledger: what to undo for run `run` of a fault.

    `state`: intended, applied, healed, or moved (to the ledger of a journal begun after this one).
    `at`: when it was written, a moment of the show's clock.
    """

    id: str
    fault: str
    run: int
    plan: Plan
    state: str
    at: float = 0.0


def to_undos(rows: Sequence[UndoRow]) -> list[Undo]:
    """Return the undos of readable rows."""
    return [
        Undo(ident, fault, run, Plan(kind, target, json.loads(undo), manual, late), state, at)
        for ident, fault, run, kind, target, undo, manual, late, state, at in rows
    ]
