"""Asks given probes once, now, for a healer in a process without a show."""

from collections.abc import Mapping, Sequence
from typing import Any

from demo.showfile.board import ProbeBoard
from demo.showfile.probing.kinds import Sources
from demo.showfile.schema.probes import ProbeSettings


async def fresh_facts(
    probes: Mapping[str, ProbeSettings | Mapping[str, Any]],
    sources: Sources,
    groups: Mapping[str, Sequence[str]] | None = None,
    expected: Mapping[str, Sequence[str]] | None = None,
) -> ProbeBoard:
    """Return what the probes say now; each is asked once, with its own timeout. Raises `InvalidValue`.

    `probes`: settings, or the JSON of them (`ProbeSettings.model_dump(mode="json", by_alias=True)`). `expected`: the
    rows that their answers should name, as `ProbeBoard.expected` told them before.
    """
    settings = {
        name: given if isinstance(given, ProbeSettings) else ProbeSettings.model_validate(given)
        for name, given in probes.items()
    }
    board = ProbeBoard({name: one.model_copy(update={"retries": 1}) for name, one in settings.items()}, sources, groups)
    board.expect(expected or {})
    try:
        await board.ask_once()
    finally:
        await board.close()
    return board
