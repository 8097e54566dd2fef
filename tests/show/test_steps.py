"""A chapter that is shown step by step: what forward, back, goto and an automatic advance do."""

import asyncio
from dataclasses import replace

import pytest

from demo.show import Refusal, ShowState, apply, create_initial_state, decide
from demo.show import commands as c
from demo.show import events as e
from demo.show.deck import with_deck
from demo.types import Chapter

DECK = (
    Chapter("One", "a"),
    Chapter("Two", "b\n\nc\n\nd", steps=("b", "c", "d")),
    Chapter("Three", "e"),
)


def play(state: ShowState, *commands: c.Command, expected: tuple[int | None, int | None] = (None, None)) -> ShowState:
    for command in commands:
        decision = decide(state, c.CommandEnvelope("test", command, *expected), 10.0)
        assert not isinstance(decision, Refusal), decision
        for event in decision:
            state = apply(state, e.JournalEntry(state.seq + 1, 10.0, "test", event))
    return state


@pytest.fixture
def show() -> ShowState:
    return play(create_initial_state("a talk", "none", "", DECK), c.Open())


def place(state: ShowState) -> tuple[int, int]:
    return state.number, state.step


def test_forward_shows_each_step_and_then_the_next_chapter(show: ShowState) -> None:
    places = []
    for _ in range(4):
        show = play(show, c.Advance())
        places.append(place(show))
    assert places == [(2, 1), (2, 2), (2, 3), (3, 1)]


def test_a_step_shows_its_part_and_those_before_it(show: ShowState) -> None:
    show = play(show, c.Advance(), c.Advance())
    assert show.chapter.text_at(show.step) == "b\n\nc"


def test_back_shows_the_step_before_and_enters_a_chapter_at_its_last_step(show: ShowState) -> None:
    show = play(show, c.Goto(3))
    places = []
    for _ in range(4):
        show = play(show, c.Back())
        places.append(place(show))
    assert places == [(2, 3), (2, 2), (2, 1), (1, 1)]


def test_goto_enters_at_the_first_step_also_of_the_chapter_it_is_on(show: ShowState) -> None:
    show = play(show, c.Goto(2), c.Advance())
    assert place(play(show, c.Goto(2))) == (2, 1)


@pytest.mark.parametrize(
    ("expected", "is_stale"), [((2, 1), True), ((2, 2), False), ((2, None), False), ((1, 1), True)]
)
def test_a_press_on_another_step_is_stale(show: ShowState, expected: tuple[int, int | None], is_stale: bool) -> None:
    show = play(show, c.Goto(2), c.Advance())
    decision = decide(show, c.CommandEnvelope("test", c.Advance(), *expected), 10.0)
    assert isinstance(decision, Refusal) == is_stale


def test_steps_of_a_chapter_whose_action_holds_the_show_can_be_shown() -> None:
    deck = (replace(DECK[1], on_enter=lambda: asyncio.sleep(0), blocks_advance=True), DECK[2])
    show = play(create_initial_state("a talk", "none", "", deck), c.Open(), c.Advance(), c.Advance())
    assert place(show) == (1, 3)
    decision = decide(show, c.CommandEnvelope("test", c.Advance()), 10.0)
    assert isinstance(decision, Refusal)
    assert decision.code == "blocked"


def test_a_chapter_advances_by_itself_only_after_its_last_step() -> None:
    deck = (replace(DECK[1], auto_advance=True), DECK[2])
    show = play(create_initial_state("a talk", "none", "", deck), c.Open())
    assert place(play(show, c.AutoAdvance(show.visit))) == (1, 1)
    show = play(show, c.Advance(), c.Advance())
    assert place(play(show, c.AutoAdvance(show.visit))) == (2, 1)


def test_an_action_that_ends_before_the_last_step_leaves_the_show_there() -> None:
    deck = (replace(DECK[1], on_enter=lambda: asyncio.sleep(0), auto_advance=True), DECK[2])
    show = play(create_initial_state("a talk", "none", "", deck), c.Open(), c.ActionEnd(1, 1))
    assert place(show) == (1, 1)
    show = play(show, c.Advance(), c.Advance(), c.AutoAdvance(show.visit))
    assert place(show) == (2, 1)


def test_an_edited_deck_keeps_the_step_as_far_as_its_chapter_has_it(show: ShowState) -> None:
    show = play(show, c.Goto(2), c.Advance(), c.Advance())
    shorter = replace(DECK[1], narration="b\n\nc", steps=("b", "c"))
    edited = with_deck(replace(show, deck=(DECK[0], shorter, DECK[2])), ("One", "Two", "Three"), 2)
    assert place(edited) == (2, 2)


def test_a_frozen_stage_keeps_its_step(show: ShowState) -> None:
    show = play(show, c.Goto(2), c.Freeze(on=True), c.Advance())
    assert show.frozen_view is not None
    assert (show.frozen_view.step, show.step) == (1, 2)
