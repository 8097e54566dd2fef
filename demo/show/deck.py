"""A deck that was edited between two starts: its chapters are known again by their titles, and the show goes on."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from demo.show import events as e
from demo.show.state import ActionState, FrozenView, ShowState, Verdict
from demo.types import Chapter


def titles_of(chapters: Iterable[Chapter]) -> tuple[str, ...]:
    """Return the titles in their order, as the journal holds them."""
    return tuple(chapter.title for chapter in chapters)


def renumbered(before: Sequence[str], after: Sequence[str]) -> dict[int, int]:
    """Return for each chapter (1-based) of an earlier deck its number now; those whose title is gone are left out.

    Of several chapters with one title the first goes with the first, and so on.
    """
    now = {title: number for number, title in enumerate(_told_apart(after), 1)}
    return {number: now[title] for number, title in enumerate(_told_apart(before), 1) if title in now}


def edited(state: ShowState) -> tuple[e.DeckChanged, ...]:
    """Return the event that puts a show on the edited deck of this process, none where the deck is still the same.

    It goes on at the chapter of the same title, or at the first.
    """
    before, now = titles_of(state.chapters), titles_of(state.deck)
    return () if before == now else (e.DeckChanged(now, renumbered(before, now).get(state.number, 1)),)


def with_deck(state: ShowState, titles: Sequence[str], number: int) -> ShowState:
    """Return the show over a deck of these titles, standing on chapter `number` (1-based).

    Chapters that this process has are taken whole, others (the journal tells of an older deck) by their titles alone.
    What is known of a chapter goes with it.
    """
    new = renumbered(titles_of(state.chapters), titles)
    own = dict(zip(_told_apart(titles_of(state.deck)), state.deck, strict=True))
    chapters = tuple(own.get(key) or Chapter(key[0], "") for key in _told_apart(titles))
    actions = [ActionState() for _ in chapters]
    for old, now in new.items():
        actions[now - 1] = state.actions[old - 1]
    return replace(
        state,
        chapters=chapters,
        actions=tuple(actions),
        current=number - 1,
        reached=max(number, _furthest(state.reached, new)),
        countdown_number=new.get(state.countdown_number, 0),
        verdicts=_verdicts(state.verdicts, new),
        spans=tuple(replace(span, chapter=new.get(span.chapter, 0)) for span in state.spans),
        held=state.held and _story(state.held, new),
    )


def _story(held: FrozenView, new: Mapping[int, int]) -> FrozenView | None:
    """What a frozen stage shows; it is thawed where its chapter is gone."""
    number = new.get(held.current + 1)
    if number is None:
        return None
    spans = tuple(replace(span, chapter=new.get(span.chapter, 0)) for span in held.spans)
    verdicts, reached = _verdicts(held.verdicts, new), max(number, _furthest(held.reached, new))
    return replace(held, current=number - 1, reached=reached, verdicts=verdicts, spans=spans)


def _verdicts(verdicts: Mapping[int, Verdict], new: Mapping[int, int]) -> dict[int, Verdict]:
    return {new[n]: replace(verdict, by=new.get(verdict.by, 0)) for n, verdict in verdicts.items() if n in new}


def _furthest(reached: int, new: Mapping[int, int]) -> int:
    return max((now for old, now in new.items() if old <= reached), default=0)


def _told_apart(titles: Iterable[str]) -> list[tuple[str, int]]:
    """Each title with how often it came before."""
    seen: Counter[str] = Counter()
    found = []
    for title in titles:
        found.append((title, seen[title]))
        seen[title] += 1
    return found
