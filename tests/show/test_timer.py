"""The talk's timer: what starts it, what stops it, and what a blackout or a dead server does to it."""

import pytest

from demo.show import apply
from demo.show import commands as c
from demo.show import events as e
from tests.support.show_player import Player, chapter, player


def seconds(show: Player) -> float:
    return show.state.timer.elapsed(show.at)


def test_it_stands_at_zero_until_the_first_step_forward() -> None:
    show = player()
    show.at += 600
    assert (seconds(show), show.state.timer.is_running) == (0, False)
    show.play(c.Advance())
    show.at += 60
    assert (seconds(show), show.state.timer.is_running) == (60, True)
    show.play(c.Advance(), later=30)
    assert seconds(show) == 90, "the next step does not start it again"


def test_a_forward_goto_and_an_auto_advance_start_it_too() -> None:
    show = player()
    show.play(c.Goto(3))
    assert show.state.timer.is_running
    show = player(chapter("one", auto=True), chapter("two"))
    show.play(c.AutoAdvance(show.state.visit))
    assert show.state.timer.is_running


@pytest.mark.parametrize("refused", [c.Back(), c.Goto(1), c.Goto(9), c.Rerun(), c.Say("hello"), c.Halt()])
def test_nothing_else_starts_it(refused: c.Command) -> None:
    show = player()
    show.play(refused)
    assert not show.state.timer.is_running


def test_a_step_back_does_not_start_one_that_was_reset() -> None:
    show = player()
    show.play(c.Goto(3))
    show.play(c.ResetTimer())
    show.play(c.Back())
    assert not show.state.timer.is_running


def test_started_by_hand_before_the_first_step_it_counts_on_from_there() -> None:
    show = player()
    show.play(c.StartTimer())
    show.play(c.Advance(), later=40)
    assert seconds(show) == 40


def test_paused_by_hand_it_is_no_step_that_starts_it() -> None:
    show = player()
    assert show.play(c.PauseTimer()) == (e.TimerPaused(),)
    show.play(c.Advance())
    assert not show.state.timer.is_running
    show.play(c.StartTimer())
    show.play(c.PauseTimer(), later=20)
    show.play(c.Advance(), later=100)
    assert (seconds(show), show.state.timer.is_running) == (20, False)
    show.play(c.StartTimer())
    show.at += 5
    assert seconds(show) == 25


def test_starting_a_running_one_and_pausing_a_paused_one_changes_nothing() -> None:
    show = player()
    show.play(c.Advance())
    assert show.play(c.StartTimer()) == ()
    show.play(c.PauseTimer())
    assert show.play(c.PauseTimer()) == ()
    assert show.play(c.ResetTimer()) == (e.TimerReset(),)
    assert show.play(c.ResetTimer()) == ()


def test_after_a_reset_it_stands_at_zero_and_the_next_step_starts_it() -> None:
    show = player()
    show.play(c.Advance())
    show.play(c.ResetTimer(), later=50)
    show.at += 50
    assert (seconds(show), show.state.timer.is_running) == (0, False)
    show.play(c.Advance())
    show.at += 7
    assert seconds(show) == 7


def test_a_blackout_stops_it_and_the_light_lets_it_go_on() -> None:
    show = player()
    show.play(c.Advance())
    show.play(c.Blackout(True), later=10)
    show.at += 100
    assert (seconds(show), show.state.timer.is_running) == (10, False)
    show.play(c.Blackout(False), later=0)
    show.at += 5
    assert (seconds(show), show.state.timer.is_running) == (15, True)


@pytest.mark.parametrize("paused", ["before", "in the dark"])
def test_the_light_starts_none_that_was_paused_by_hand(paused: str) -> None:
    show = player()
    show.play(c.Advance())
    if paused == "before":
        show.play(c.PauseTimer())
    show.play(c.Blackout(True))
    if paused == "in the dark":
        assert show.play(c.PauseTimer()) == (e.TimerPaused(),)
    show.play(c.Blackout(False))
    assert not show.state.timer.is_running


@pytest.mark.parametrize("what", [c.Advance(), c.StartTimer()])
def test_what_starts_it_in_the_dark_lets_it_begin_with_the_light(what: c.Command) -> None:
    show = player()
    show.play(c.Blackout(True))
    show.play(what)
    show.at += 100
    assert (seconds(show), show.state.timer.is_running) == (0, False)
    assert show.play(c.StartTimer()) == ()
    show.play(c.Blackout(False))
    show.at += 3
    assert seconds(show) == 3


def test_the_light_starts_none_that_nobody_started() -> None:
    show = player()
    show.play(c.Blackout(True))
    show.play(c.Blackout(False))
    assert not show.state.timer.is_running


def test_it_counts_through_a_crash() -> None:
    show = player()
    show.play(c.Advance())
    show.play(c.Open(), later=120)
    assert (seconds(show), show.state.timer.is_running) == (120, True)


def test_a_clock_that_was_set_back_never_makes_it_negative() -> None:
    show = player()
    show.play(c.Advance())
    show.play(c.PauseTimer(), later=-500)
    assert seconds(show) == 0


def test_the_journal_alone_gives_the_same_timer() -> None:
    show = player()
    fresh = player().state
    for what in (c.Advance(), c.Blackout(True), c.Blackout(False), c.PauseTimer(), c.StartTimer()):
        show.play(what)
    for entry in show.entries[2:]:
        fresh = apply(fresh, e.JournalEntry(entry.seq, entry.at, entry.who, e.from_json(e.to_json(entry.event))))
    assert fresh.timer == show.state.timer
