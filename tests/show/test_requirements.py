"""What a chapter requires before it is entered: who is refused, who may override, and what never asks."""

import asyncio

import pytest

from demo.show import Refusal, ShowState, apply, create_initial_state, decide
from demo.show import commands as c
from demo.show import events as e
from demo.types import Chapter

UNMET = {2: "start the load first"}


@pytest.fixture
def show() -> ShowState:
    deck = (Chapter("One", "a", on_enter=lambda: asyncio.sleep(0), auto_advance=True), Chapter("Two", "b"))
    return play(create_initial_state("a talk", "none", "", deck), c.Open())


def play(state: ShowState, command: c.Command) -> ShowState:
    decision = decide(state, c.CommandEnvelope("test", command, unmet=UNMET), 10.0)
    assert not isinstance(decision, Refusal), decision
    for event in decision:
        state = apply(state, e.JournalEntry(state.seq + 1, 10.0, "test", event))
    return state


@pytest.mark.parametrize("command", [c.Advance(), c.Goto(2)])
def test_a_move_forward_is_refused_with_the_message(show: ShowState, command: c.Command) -> None:
    decision = decide(show, c.CommandEnvelope("test", command, unmet=UNMET), 10.0)
    assert isinstance(decision, Refusal)
    assert (decision.code, decision.message) == ("required", "start the load first")


@pytest.mark.parametrize("command", [c.Advance(override=True), c.Goto(2, override=True)])
def test_the_presenter_may_override_it(show: ShowState, command: c.Command) -> None:
    assert play(show, command).number == 2


def test_an_automatic_advance_stays_but_the_action_has_ended(show: ShowState) -> None:
    ended = play(show, c.ActionEnd(1, 1))
    assert (ended.number, ended.action.status) == (1, "done")


def test_going_back_asks_nothing(show: ShowState) -> None:
    state = play(play(show, c.Goto(2, override=True)), c.Back())
    assert state.number == 1
