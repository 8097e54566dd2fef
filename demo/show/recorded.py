"""A show that is read from its journal, where its deck and its system may be absent."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from demo.errors import JournalError, describe
from demo.show import events as e
from demo.show.apply import apply
from demo.show.deck import merged_faults, titles_of
from demo.show.state import FaultState, ShowState, create_initial_state
from demo.types import ChaosConfig, ChaosType, Chapter


def bare_show(opened: e.ShowOpened, faults: Iterable[str]) -> ShowState:
    """Return a show before its first event of which only the titles and the names of the faults are known."""
    known = [FaultState(ChaosConfig(name, ChaosType.COMMAND, "")) for name in dict.fromkeys(faults)]
    return create_initial_state(
        opened.subject, opened.subject, "", [Chapter(title, "") for title in opened.chapters], known
    )


def fold(
    show: ShowState, decks: Sequence[tuple[int, ShowState]], entries: Iterable[e.JournalEntry]
) -> Iterator[tuple[ShowState, e.JournalEntry]]:
    """Yield the show after each entry, and that entry. `decks`: shows before their first event, by their first entry.

    Raises `JournalError` for an entry that cannot be applied.
    """
    state, coming = show, list(decks)
    for entry in entries:
        while coming and coming[0][0] <= entry.seq:
            state = with_deck_of(state, coming.pop(0)[1])
        try:
            state = apply(state, entry)
        except Exception as error:  # noqa: BLE001 - a damaged entry may raise anything in the fold
            raise JournalError(f"entry {entry.seq} of the journal cannot be applied ({describe(error)})") from None
        yield state, entry


def with_deck_of(state: ShowState, show: ShowState) -> ShowState:
    """Return the show with another deck; chapters of other titles are exchanged by the event that follows."""
    state = replace(
        state,
        title=show.title,
        description=show.description,
        deck=show.chapters,
        faults=merged_faults(state.faults, show.faults),
    )
    return replace(state, chapters=show.chapters) if titles_of(state.chapters) == titles_of(show.chapters) else state
