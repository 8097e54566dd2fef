"""A deck that was edited, between two starts or while the show goes on: its chapters are matched, and it continues."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from demo.show import commands as c
from demo.show import events as e
from demo.show.ballot import BallotState
from demo.show.state import ActionState, FaultState, FrozenView, Level, ShowState, Verdict
from demo.types import Chapter


def titles_of(chapters: Iterable[Chapter]) -> tuple[str, ...]:
    """Return the titles in their order, as the journal holds them."""
    return tuple(chapter.title for chapter in chapters)


def map_chapter_numbers(before: Sequence[str], after: Sequence[str]) -> dict[int, int]:
    """Return the new number (1-based) of each chapter of an earlier deck; those whose title is gone are left out.

    Of several chapters with the same title the first is matched with the first, and so on.
    """
    # By title and not by number: one inserted chapter changes all numbers behind it (docs/decisions/0028).
    now = {title: number for number, title in enumerate(number_duplicates(after), 1)}
    return {number: now[title] for number, title in enumerate(number_duplicates(before), 1) if title in now}


def change_to_edited_deck(state: ShowState) -> tuple[e.DeckChanged, ...]:
    """Return the event that puts a show on the edited deck of this process, none when the deck has not changed.

    The show continues at the chapter of the same title, or at the first.
    """
    before, now = titles_of(state.chapters), titles_of(state.deck)
    return () if before == now else (e.DeckChanged(now, map_chapter_numbers(before, now).get(state.number, 1)),)


def decide_deck_replacement(state: ShowState, command: c.ReplaceDeck) -> Iterator[e.Event]:
    """Yield the events that put a running show on an edited deck.

    The show stays on its chapter; if that is gone, on the chapter that has its number now, or on the last.
    """
    for number, action in enumerate(state.actions, 1):
        if action.status == "running" and not command.places[number - 1]:
            yield e.ActionFailed(number, action.run, "its chapter was removed from the deck")
    number = command.places[state.number - 1] or min(state.number, len(command.deck))
    yield e.DeckChanged(titles_of(command.deck), number, command.places, command.gone_nodes, command.note)


def without_nodes(state: ShowState, gone: Collection[str]) -> ShowState:
    """Return the show without these nodes: else a node that nobody tells of any more would count as missing."""
    if state.sample is None or not gone:
        return state
    nodes = tuple(node for node in state.sample.nodes if node.id not in gone)
    return replace(state, sample=replace(state.sample, nodes=nodes))


def with_own_deck(state: ShowState, command: c.ReplaceDeck) -> ShowState:
    """Return the show with what a process knows by itself of the edited deck, for `DeckChanged` to refer to."""
    faults = merged_faults(state.faults, map(FaultState.of, command.drivers))
    return replace(state, title=command.title, description=command.description, deck=command.deck, faults=faults)


def merged_faults(before: Iterable[FaultState], fresh: Iterable[FaultState]) -> tuple[FaultState, ...]:
    """Return the faults of an edited deck, each with what is known of it. One that is in place stays as it is."""
    known = {fault.name: fault for fault in before}
    merged = [_edited_fault(known.pop(fault.name, None), fault) for fault in fresh]
    return (*merged, *(fault for fault in known.values() if fault.is_running))


def _edited_fault(before: FaultState | None, fresh: FaultState) -> FaultState:
    if before is None:
        return fresh
    if before.is_running:
        return before
    target = before.target if before.run else fresh.target
    return replace(before, config=fresh.config, observable=fresh.observable, own_target=fresh.own_target, target=target)


def describe_edit(event: e.DeckChanged, state: ShowState) -> tuple[str, Level]:
    """Return the line about an edit for the log of the show."""
    if event.places:
        return event.note or "the deck was change_to_edited_deck", "note"
    return f"the deck was edited: continuing at {event.number}: {state.chapter.title}", "move"


def with_deck(state: ShowState, titles: Sequence[str], number: int, places: Sequence[int] = ()) -> ShowState:
    """Return the show with a deck of these titles, at chapter `number` (1-based).

    Chapters that this process has are used as they are; of others (the journal is of an older deck) only the title is
    known. What is known of a chapter, as its action and verdict, moves with it. `places` as in `DeckChanged`.
    """
    by_place = {number: place for number, place in enumerate(places, 1) if place}
    new = by_place if places else map_chapter_numbers(titles_of(state.chapters), titles)
    frozen = state.frozen_view and _renumber_frozen(state.frozen_view, new)
    # During the replay of old events the deck may have chapters that this process does not know.
    own = dict(zip(number_duplicates(titles_of(state.deck)), state.deck, strict=True))
    chapters = tuple(own.get(key) or Chapter(key[0], "") for key in number_duplicates(titles))
    actions = [ActionState() for _ in chapters]
    for old, now in new.items():
        actions[now - 1] = state.actions[old - 1]
    return replace(
        state,
        chapters=chapters,
        actions=tuple(actions),
        current=number - 1,
        step=_keep_step(state.step, chapters[number - 1], new.get(state.number) == number),
        reached=max(number, _find_furthest(state.reached, new)),
        countdown_number=new.get(state.countdown_number, 0),
        verdicts=_renumber_verdicts(state.verdicts, new),
        ballots=_renumber_ballots(state.ballots, new),
        spans=tuple(replace(span, chapter=new.get(span.chapter, 0)) for span in state.spans),
        frozen_view=frozen,
        # A frozen stage does not move, so its text stays too.
        frozen_chapter=_find_frozen_chapter(state) if frozen else None,
        deck_error="",
    )


def _find_frozen_chapter(state: ShowState) -> Chapter | None:
    """Return the chapter that a frozen stage shows, as it was before any edit."""
    if state.frozen_view is None:
        return None
    return state.frozen_chapter or state.chapters[state.frozen_view.current]


def _keep_step(step: int, chapter: Chapter, is_same: bool) -> int:
    """Return the step to be on: the same one, as far as the edited chapter has it."""
    return min(step, chapter.step_count) if is_same else 1


def _renumber_frozen(frozen: FrozenView, new: Mapping[int, int]) -> FrozenView | None:
    """Return what a frozen stage shows; None (no longer frozen) when its chapter is gone."""
    number = new.get(frozen.current + 1)
    if number is None:
        return None
    spans = tuple(replace(span, chapter=new.get(span.chapter, 0)) for span in frozen.spans)
    verdicts, reached = _renumber_verdicts(frozen.verdicts, new), max(number, _find_furthest(frozen.reached, new))
    return replace(frozen, current=number - 1, reached=reached, verdicts=verdicts, spans=spans)


def _renumber_verdicts(verdicts: Mapping[int, Verdict], new: Mapping[int, int]) -> dict[int, Verdict]:
    return {new[n]: replace(verdict, by=new.get(verdict.by, 0)) for n, verdict in verdicts.items() if n in new}


def _renumber_ballots(ballots: Iterable[BallotState], new: Mapping[int, int]) -> tuple[BallotState, ...]:
    return tuple(replace(ballot, number=new[ballot.number]) for ballot in ballots if ballot.number in new)


def _find_furthest(reached: int, new: Mapping[int, int]) -> int:
    return max((now for old, now in new.items() if old <= reached), default=0)


def number_duplicates(titles: Iterable[str]) -> list[tuple[str, int]]:
    """Return each title with the number of equal titles before it."""
    seen: Counter[str] = Counter()
    numbered = []
    for title in titles:
        numbered.append((title, seen[title]))
        seen[title] += 1
    return numbered
