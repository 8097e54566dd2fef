"""The rules of moving: entering, blocking, ending, auto-advance, `from`."""

import pytest

from demo.show import commands as c
from demo.show import events as e
from tests.support.show_player import chapter, player


def kinds(decision: object) -> list[str]:
    assert isinstance(decision, tuple)
    return [type(event).__name__ for event in decision]


def test_a_fresh_show_enters_chapter_one_forward_and_runs_its_action() -> None:
    show = player(chapter("one", action=True), chapter("two"))
    assert [type(entry.event).__name__ for entry in show.entries] == ["ShowOpened", "ChapterEntered", "ActionStarted"]
    assert show.state.number == 1
    assert show.state.forward


def test_entering_forward_runs_an_action_once_in_a_show() -> None:
    show = player(chapter("one"), chapter("two", action=True), chapter("three"))
    assert kinds(show.play(c.Advance())) == ["ChapterEntered", "ActionStarted"]
    show.play(c.ActionEnd(2, 1))
    show.play(c.Back())
    assert kinds(show.play(c.Advance())) == ["ChapterEntered"]


def test_back_never_runs_anything() -> None:
    show = player(chapter("one"), chapter("two", action=True), chapter("three"))
    show.play(c.Goto(3))
    assert kinds(show.play(c.Back())) == ["ChapterEntered"]
    assert show.state.action.status == "idle"


def test_a_forward_goto_runs_only_its_target() -> None:
    show = player(chapter("one"), chapter("two", action=True), chapter("three", action=True))
    events = show.play(c.Goto(3))
    assert kinds(events) == ["ChapterEntered", "ActionStarted"]
    assert show.state.actions[1].run == 0


def test_a_backward_goto_is_a_back_and_one_to_itself_does_nothing() -> None:
    show = player(chapter("one", action=True), chapter("two"), chapter("three"))
    show.play(c.ActionEnd(1, 1))
    show.play(c.Goto(3))
    assert kinds(show.play(c.Goto(1))) == ["ChapterEntered"]
    assert show.play(c.Goto(1)) == ()


def test_rerun_runs_an_action_again_on_purpose() -> None:
    show = player(chapter("one", action=True), chapter("two"))
    show.play(c.ActionEnd(1, 1, "it broke"))
    assert show.state.action.status == "failed"
    assert show.play(c.Rerun()) == (e.ActionStarted(1, 2, 1),)
    assert show.state.action.error is None


def test_rerun_of_a_chapter_without_an_action_does_nothing() -> None:
    assert player().play(c.Rerun()) == ()


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (c.Advance(), "blocked"),
        (c.Goto(3), "blocked"),
        (c.Rerun(), "running"),
        (c.Goto(9), "not_found"),
        (c.Goto(0), "not_found"),
        (c.Back(), None),
        (c.Goto(1), None),
        (c.Say("hello"), None),
        (c.Halt(), None),
        (c.Blackout(True), None),
    ],
)
def test_what_a_blocking_action_refuses(what: c.Command, code: str | None) -> None:
    show = player(chapter("one"), chapter("two", action=True, blocks=True), chapter("three"))
    show.play(c.Advance())
    assert show.refused(what) == code


def test_the_block_holds_after_going_back() -> None:
    show = player(chapter("one"), chapter("two", action=True, blocks=True), chapter("three"))
    show.play(c.Advance())
    show.play(c.Back())
    assert show.refused(c.Advance()) == "blocked"


@pytest.mark.parametrize("error", [None, "it broke"])
def test_the_end_of_the_action_lifts_the_block(error: str | None) -> None:
    show = player(chapter("one", action=True, blocks=True), chapter("two"))
    assert show.refused(c.Advance()) == "blocked"
    show.play(c.ActionEnd(1, 1, error))
    assert show.refused(c.Advance()) is None


def test_without_a_block_the_show_moves_on_and_the_end_is_reported_at_its_own_chapter() -> None:
    show = player(chapter("one", action=True), chapter("two"))
    show.play(c.Advance())
    show.play(c.ActionEnd(1, 1, "too late"))
    assert show.state.number == 2
    assert (show.state.actions[0].status, show.state.actions[0].error) == ("failed", "too late")
    assert show.state.action.status == "idle"


def test_the_ends_of_the_show_refuse() -> None:
    show = player()
    assert show.refused(c.Back()) == "at_start"
    show.play(c.Goto(3))
    assert show.refused(c.Advance()) == "at_end"
    assert show.refused(c.Back()) is None


@pytest.mark.parametrize("what", [c.Advance(), c.Back(), c.Goto(3), c.Rerun()])
def test_a_press_from_a_page_that_is_behind_does_nothing(what: c.Command) -> None:
    show = player()
    show.play(c.Advance())
    assert show.refused(what, pressed_on=1) == "stale"
    assert show.refused(what, pressed_on=2) is None


def test_a_second_tap_from_the_same_page_does_not_skip_a_chapter() -> None:
    show = player()
    assert show.refused(c.Advance(), pressed_on=1) is None
    assert show.refused(c.Advance(), pressed_on=1) == "stale"
    assert show.state.number == 2


def test_refusals_come_in_the_documented_order() -> None:
    """404 before stale before halted before blocked before the ends."""
    show = player(chapter("one", action=True, blocks=True))
    show.play(c.Halt())
    assert show.refused(c.Goto(7), pressed_on=5) == "not_found"
    assert show.refused(c.Inject("none"), pressed_on=5) == "not_found"
    assert show.refused(c.Inject("kill"), pressed_on=5) == "stale"
    assert show.refused(c.Inject("kill")) == "halted"
    show.play(c.Resume())
    show.play(c.Rerun())
    assert show.refused(c.Advance(), pressed_on=3) == "stale"
    assert show.refused(c.Advance()) == "blocked"
    show.play(c.ActionEnd(1, 2))
    assert show.refused(c.Advance()) == "at_end"


def test_auto_advance_follows_a_successful_action() -> None:
    show = player(chapter("one"), chapter("two", action=True, auto=True, blocks=True), chapter("three"))
    show.play(c.Advance())
    assert kinds(show.play(c.ActionEnd(2, 1))) == ["ActionSucceeded", "ChapterEntered"]
    assert show.state.number == 3


@pytest.mark.parametrize("hindrance", ["failed", "left", "came back", "halted", "blackout", "last"])
def test_auto_advance_only_from_the_visit_it_belongs_to(hindrance: str) -> None:
    deck = [chapter("one"), chapter("two", action=True, auto=True), chapter("three")]
    show = player(*(deck[:2] if hindrance == "last" else deck))
    show.play(c.Advance())
    error = "it broke" if hindrance == "failed" else None
    if hindrance in ("left", "came back"):
        show.play(c.Back())
    if hindrance == "came back":
        show.play(c.Advance())
    if hindrance == "halted":
        show.play(c.Halt())
    if hindrance == "blackout":
        show.play(c.Blackout(True))
    before = show.state.number
    show.play(c.ActionEnd(2, 1, error))
    assert show.state.number == before


def test_auto_advance_without_an_action_needs_its_own_visit() -> None:
    show = player(chapter("one", auto=True), chapter("two"), chapter("three"))
    stale = show.state.visit
    show.play(c.Advance())
    show.play(c.Back())
    show.play(c.AutoAdvance(stale))
    assert show.state.number == 1
    show.play(c.AutoAdvance(show.state.visit))
    assert show.state.number == 1, "a visit backwards never moves on by itself"


def test_a_chain_of_auto_advances_meets_a_block() -> None:
    deck = [chapter("one", action=True, blocks=True), chapter("two", auto=True), chapter("three")]
    show = player(*deck)
    show.play(c.ActionEnd(1, 1))
    show.play(c.Advance())
    visit = show.state.visit
    show.play(c.Back())
    show.play(c.Rerun())
    show.play(c.ActionEnd(1, 2))
    show.play(c.Advance())
    show.play(c.AutoAdvance(visit))
    assert show.state.number == 2
    show.play(c.AutoAdvance(show.state.visit))
    assert show.state.number == 3


def test_a_late_report_of_an_earlier_run_is_ignored() -> None:
    show = player(chapter("one", action=True), chapter("two"))
    show.play(c.ActionEnd(1, 1, "it broke"))
    show.play(c.Rerun())
    assert show.play(c.ActionEnd(1, 1)) == ()
    assert show.state.action.status == "running"


def test_picking_a_show_up_fails_what_was_running_and_fires_nothing() -> None:
    show = player(chapter("one"), chapter("two", action=True, auto=True, blocks=True), chapter("three"))
    show.play(c.Advance())
    assert kinds(show.play(c.Open())) == ["ShowPickedUp", "ActionFailed"]
    assert "interrupted" in (show.state.action.error or "")
    assert show.state.number == 2
    assert show.refused(c.Advance()) is None
