"""The show as its journal tells it: its newest snapshot, and what happened behind that."""

from collections.abc import Sequence

from demo import events as e
from demo.errors import JournalError, describe
from demo.journal import Journal
from demo.show import ShowState, apply


async def load_show(journal: Journal, show: ShowState, left: Sequence[str]) -> ShowState:
    """`show`, given as it is before its first event, as it is now. `left`: the faults that have left something.

    Raises `JournalError` for a journal that is damaged, or that of another deck.
    """
    state = await journal.restore(show)
    async for entries in journal.behind(state.seq):
        for entry in entries:
            _check_deck(journal, show, entry.event, left)
            state = _folded(journal, state, entry)
    return state


def _folded(journal: Journal, state: ShowState, entry: e.Entry) -> ShowState:
    try:
        return apply(state, entry)
    except Exception as error:  # noqa: BLE001 - whatever a damaged entry makes of the fold
        raise JournalError(
            f"the journal {journal.path} is damaged: its entry {entry.seq} fits no show "
            f"({describe(error)}); --fresh starts anew and keeps the old file beside it"
        ) from None


def _check_deck(journal: Journal, show: ShowState, event: e.Event, left: Sequence[str]) -> None:
    titles = tuple(chapter.title for chapter in show.chapters)
    if isinstance(event, e.ShowOpened) and event.chapters != titles:
        waits = f"; what it left broken is healed first: {', '.join(left)}" if left else ""
        raise JournalError(
            f"the journal {journal.path} belongs to another deck ({event.subject}, {len(event.chapters)}"
            f" chapters): name another file, or start anew with --fresh{waits}"
        )
