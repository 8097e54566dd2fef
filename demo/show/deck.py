"""A deck that was edited between two starts: chapters are matched by their titles, and the show continues."""

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
    """Return the new number (1-based) of each chapter of an earlier deck; those whose title is gone are left out.

    Of several chapters with the same title the first is matched with the first, and so on.
    """
    # By title and not by number: one inserted chapter changes all numbers behind it (docs/decisions/0028).
    now = {title: number for number, title in enumerate(_number_duplicates(after), 1)}
    return {number: now[title] for number, title in enumerate(_number_duplicates(before), 1) if title in now}


def edited(state: ShowState) -> tuple[e.DeckChanged, ...]:
    """Return the event that puts a show on the edited deck of this process, none when the deck has not changed.

    The show continues at the chapter of the same title, or at the first.
    """
    before, now = titles_of(state.chapters), titles_of(state.deck)
    return () if before == now else (e.DeckChanged(now, renumbered(before, now).get(state.number, 1)),)


def with_deck(state: ShowState, titles: Sequence[str], number: int) -> ShowState:
    """Return the show with a deck of these titles, at chapter `number` (1-based).

    Chapters that this process has are used as they are; of others (the journal is of an older deck) only the title is
    known. What is known of a chapter, as its action and verdict, moves with it.
    """
    new = renumbered(titles_of(state.chapters), titles)
    # During the replay of old events the deck may have chapters that this process does not know.
    own = dict(zip(_number_duplicates(titles_of(state.deck)), state.deck, strict=True))
    chapters = tuple(own.get(key) or Chapter(key[0], "") for key in _number_duplicates(titles))
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
        spans=tuple(replace(span, chapter=new.get(span.chapter, 0)) for span in state.spans),
        held=state.held and _renumber_frozen(state.held, new),
    )


def _keep_step(step: int, chapter: Chapter, is_same: bool) -> int:
    """Return the step to be on: the same one, as far as the edited chapter has it."""
    return min(step, chapter.step_count) if is_same else 1


def _renumber_frozen(held: FrozenView, new: Mapping[int, int]) -> FrozenView | None:
    """Return what a frozen stage shows; None (no longer frozen) when its chapter is gone."""
    number = new.get(held.current + 1)
    if number is None:
        return None
    spans = tuple(replace(span, chapter=new.get(span.chapter, 0)) for span in held.spans)
    verdicts, reached = _renumber_verdicts(held.verdicts, new), max(number, _find_furthest(held.reached, new))
    return replace(held, current=number - 1, reached=reached, verdicts=verdicts, spans=spans)


def _renumber_verdicts(verdicts: Mapping[int, Verdict], new: Mapping[int, int]) -> dict[int, Verdict]:
    return {new[n]: replace(verdict, by=new.get(verdict.by, 0)) for n, verdict in verdicts.items() if n in new}


def _find_furthest(reached: int, new: Mapping[int, int]) -> int:
    return max((now for old, now in new.items() if old <= reached), default=0)


def _number_duplicates(titles: Iterable[str]) -> list[tuple[str, int]]:
    """Return each title with the number of equal titles before it."""
    seen: Counter[str] = Counter()
    numbered = []
    for title in titles:
        numbered.append((title, seen[title]))
        seen[title] += 1
    return numbered
