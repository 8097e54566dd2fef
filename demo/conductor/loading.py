"""Loads a show from its journal: the newest snapshot, and the events after it."""

from collections.abc import Sequence

from demo.errors import JournalError, describe
from demo.journal import Journal
from demo.show import ShowState, apply
from demo.show import events as e
from demo.show.deck import map_chapter_numbers, titles_of


async def load_show(
    journal: Journal, show: ShowState, left: Sequence[str], is_chapter_given: bool = False
) -> ShowState:
    """Return the current state of a show, given in `show` as it is before its first event.

    `left`: the faults with an undo that is still pending, for the error message. `is_chapter_given`: the command line
    names the chapter to continue at, so the current one need not exist in this deck.
    Raises `JournalError` for a journal that is damaged or belongs to another deck.
    """
    state = await journal.restore(show)
    async for entries in journal.entries_after(state.seq):
        for entry in entries:
            state = _apply_entry(journal, state, entry)
    if not is_chapter_given:
        _check_chapter(journal, state, left)
    return state


def _apply_entry(journal: Journal, state: ShowState, entry: e.JournalEntry) -> ShowState:
    try:
        return apply(state, entry)
    except Exception as error:  # noqa: BLE001 - a damaged entry may raise anything in the fold
        raise JournalError(
            f"the journal {journal.path} is damaged: its entry {entry.seq} cannot be applied "
            f"({describe(error)}); --fresh starts a new show and keeps the old file beside it"
        ) from None


def _check_chapter(journal: Journal, state: ShowState, left: Sequence[str]) -> None:
    """Check that this deck has a chapter with the title of the current one, where an edited deck continues.

    Raises `JournalError` when it does not.
    """
    before, now = titles_of(state.chapters), titles_of(state.deck)
    if state.opened and state.number not in map_chapter_numbers(before, now):
        waits = f"; what it left broken is healed first: {', '.join(left)}" if left else ""
        raise JournalError(
            f"the journal {journal.path} belongs to another deck, {len(before)} chapters of {state.subject!r}: it "
            f"is on chapter {state.number}, {state.chapter.title!r}, and this deck of {len(now)} has no chapter of "
            f"that title. --from N continues at one of its chapters, --fresh starts a new show{waits}"
        )
