"""Reads the facts of a show from its journal: while it goes on, after its server was killed, or long after its end."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from demo.errors import DemoError, JournalError, describe
from demo.evidence.facts import FaultRun, ShowFacts, Unreadable
from demo.evidence.facts_fold import FactsFold
from demo.evidence.facts_panels import with_panels
from demo.evidence.safe_text import sanitize_for_report
from demo.journal.library.inspect import SUFFIX
from demo.journal.library.recording import Recording
from demo.journal.sqlite_file import is_in_use
from demo.narration.image import find_image_names
from demo.show import ShowState
from demo.show import events as e
from demo.show.recorded import bare_show, with_deck_of


class _UnreadableCounter:
    """Counts what cannot be read, and keeps the reason of the first."""

    def __init__(self) -> None:
        self.count, self.first = 0, ""

    def __call__(self, text: str) -> None:
        self.count += 1
        self.first = self.first or sanitize_for_report(text)


def read_facts(path: Path, *, with_notes: bool = False) -> ShowFacts:
    """Return what happened in a show. Raises `JournalError` for a file that is not a journal, or has no show in it.

    An entry that this version does not know, or that does not fit, is left out and counted.
    """
    recording, counter = Recording(path), _UnreadableCounter()
    decks = _read_decks(recording, counter)
    entries = recording.entries(on_unreadable=counter)
    first = next(entries, None)
    if first is None:
        raise JournalError(f"{path} has no entries: nothing was shown")
    show = _find_first_show(path, decks, first)
    fold = FactsFold(path.name.removesuffix(SUFFIX), show, first.at)
    coming = [deck for deck in decks if deck[1] is not show]
    for entry in _chain(first, entries):
        while coming and coming[0][0] <= entry.seq:
            fold.take_deck(with_deck_of(fold.state, coming.pop(0)[1]))
        try:
            fold.add(entry)
        except Exception as error:  # noqa: BLE001 - an entry that does not fit may raise anything in the rules
            counter(f"entry {entry.seq} does not fit what is before it ({describe(error)})")
    unreadable = Unreadable(counter.count, counter.first)
    is_running = is_in_use(path)
    facts = fold.facts(unreadable, has_deck=bool(decks), is_running=is_running, with_notes=with_notes)
    facts = replace(facts, runs=_with_heals(facts.runs, recording))
    return _with_images(with_panels(facts, recording, fold.state.chapters), recording)


def _with_heals(runs: tuple[FaultRun, ...], recording: Recording) -> tuple[FaultRun, ...]:
    """Note what the watchdog has healed: it writes no entry, only into the ledger of undos."""
    if not any(run.fault.is_running for run in runs):
        return runs
    verified = recording.verified_undos()
    return tuple(
        replace(run, was_healed_by_watchdog=run.fault.is_running and (run.fault.name, run.fault.run) in verified)
        for run in runs
    )


def _with_images(facts: ShowFacts, recording: Recording) -> ShowFacts:
    """Add the images in the texts of the chapters that were shown."""
    texts = "".join(part for chapter in facts.shown_chapters for part in chapter.pages)
    named = find_image_names(texts)
    if not named:
        return facts
    return replace(facts, images=tuple(image for image in recording.files() if image.name in named))


def _read_decks(recording: Recording, counter: _UnreadableCounter) -> list[tuple[int, ShowState]]:
    try:
        return recording.decks()
    except DemoError as error:
        counter(describe(error))
        return []


def _find_first_show(path: Path, decks: list[tuple[int, ShowState]], first: e.JournalEntry) -> ShowState:
    if decks and decks[0][0] <= first.seq:
        return decks[0][1]
    if isinstance(first.event, e.ShowOpened) and first.event.chapters:
        return bare_show(first.event, ())
    raise JournalError(f"{path} does not begin with the opening of a show: there is nothing to tell of it")


def _chain(first: e.JournalEntry, rest: Iterator[e.JournalEntry]) -> Iterator[e.JournalEntry]:
    yield first
    yield from rest
