"""The frozen stage: the story stands still for the room, what is measured does not, and nothing leaks."""

import json
from typing import Any

import pytest

from demo.show import ShowState
from demo.show import commands as c
from demo.show import events as e
from demo.types import Chapter
from demo.views import StageView, presenter_view, remote_view, snapshot, stage_view
from demo.views.audience_state import audience_state
from tests.support.show_player import Player, fault, player

DECK = (
    Chapter("Alpha", "the alpha story", notes="alpha notes", hypothesis="alpha holds"),
    Chapter("Beta", "the beta story", notes="beta notes", hypothesis="beta holds"),
    Chapter("Gamma", "the gamma story", notes="gamma notes", shows_evidence=True),
    Chapter("Omega", "the omega story", notes="omega notes", key_hint="omega hint", hypothesis="omega holds"),
)


def frozen_on_beta() -> Player:
    play = player(*DECK, faults=[fault("kill"), fault("burst")])
    play.play(c.Advance())
    play.record_sample()
    play.play(c.Say("hello room"))
    play.play(c.Freeze(True))
    return play


def story(view: StageView) -> dict[str, Any]:
    names = ("number", "total", "heading", "narration", "key_hint", "claim", "evidence", "said", "line")
    return {name: getattr(view, name) for name in names}


def public(state: ShowState) -> dict[str, Any]:
    return snapshot(state, "e", {}, private=False, now=2000.0)


def test_the_room_keeps_the_story_while_the_presenter_moves_on_and_speaks() -> None:
    play = frozen_on_beta()
    before, told = story(stage_view(play.state)), public(play.state)
    assert (before["number"], before["heading"], before["said"]) == (2, "Beta", "hello room")
    for what in (c.Advance(), c.Say("not yet"), c.Advance(), c.Conclude(4, True, "it did"), c.Back()):
        play.play(what)
        assert story(stage_view(play.state)) == before
        shown = public(play.state)
        for key in ("chapter", "progress", "complete", "said", "log"):
            assert shown[key] == told[key]
    assert stage_view(play.state, private=True).heading == "Gamma"


def test_a_verdict_that_changes_meanwhile_reaches_the_room_with_the_unfreezing() -> None:
    play = frozen_on_beta()
    play.play(c.Conclude(2, True, "it did"))
    claim = stage_view(play.state).claim
    assert claim is not None
    assert claim.verdict == ""
    play.play(c.Freeze())
    claim = stage_view(play.state).claim
    assert claim is not None
    assert claim.verdict == "it did"


def test_unfreezing_shows_where_the_show_stands() -> None:
    play = frozen_on_beta()
    play.play(c.Goto(4))
    play.play(c.Say("here we are"))
    play.play(c.Freeze())
    view = stage_view(play.state)
    assert (view.number, view.heading, view.said) == (4, "Omega", "here we are")
    assert any("Omega" in line["text"] for line in public(play.state)["log"])
    assert audience_state(play.state) is play.state


def test_nothing_of_another_chapter_leaks_to_the_audience() -> None:
    play = frozen_on_beta()
    play.play(c.Goto(4))
    play.play(c.Conclude(4, False, "omega broke"))
    play.play(c.StartCountdown(4, 30))
    play.play(c.Say("the omega line"))
    play.inject("burst")
    for text in (json.dumps(public(play.state)), repr(stage_view(play.state))):
        assert "mega" not in text
    assert public(play.state)["frozen"] is True


def test_what_is_measured_stays_live() -> None:
    play = frozen_on_beta()
    play.play(c.Goto(4))
    play.inject("kill")
    play.record_sample(up=False, seen=["kill"])
    view = stage_view(play.state)
    assert view.cards[0].state == "down"
    assert [banner.id for banner in view.banners] == ["kill"]
    assert view.sampled_at == play.at
    play.play(c.CheckFreshness(), later=5)
    assert stage_view(play.state).freshness == "stale"
    play.play(c.Halt())
    assert stage_view(play.state).halted
    shown = public(play.state)
    assert (shown["chaos"][0]["state"], shown["health"]["freshness"], shown["halted"]) == ("healing", "stale", True)


def test_a_fault_that_the_room_saw_break_is_seen_healed_wherever_the_presenter_is() -> None:
    play = frozen_on_beta()
    play.play(c.Goto(4))
    run = play.inject("kill")
    play.record_sample(up=False, seen=["kill"])
    play.play(c.Heal("kill"))
    play.play(c.HealEnd("kill", run))
    play.play(c.Back())
    play.record_sample()
    (banner,) = stage_view(play.state).banners
    assert (banner.kind, "recovered in" in banner.text) == ("healed", True)
    assert [segment.faults for segment in stage_view(play.state).line] == [0, 0, 0, 0]
    play.play(c.Freeze(False))
    assert [segment.faults for segment in stage_view(play.state).line] == [0, 0, 0, 1]


def test_a_fault_of_the_held_chapter_keeps_its_mark_and_its_banner() -> None:
    play = player(*DECK, faults=[fault("kill")])
    play.play(c.Advance())
    run = play.inject("kill")
    play.play(c.Freeze())
    play.play(c.Advance())
    play.play(c.Heal("kill"))
    play.play(c.HealEnd("kill", run))
    view = stage_view(play.state)
    assert [segment.faults for segment in view.line] == [0, 1, 0, 0]
    assert [banner.kind for banner in view.banners] == ["healed"]
    assert stage_view(play.state, private=True).banners == ()


def test_the_held_chapter_is_at_work_only_while_it_is() -> None:
    async def act() -> None:
        pass

    play = player(Chapter("One", "one", on_enter=act), Chapter("Two", "two", on_enter=act))
    play.play(c.Freeze())
    play.play(c.Advance())
    assert stage_view(play.state).status == "running"
    play.play(c.ActionEnd(1, 1))
    assert stage_view(play.state).status == "done"
    assert public(play.state)["chapter"]["status"] == "done"


@pytest.mark.parametrize(("number", "shown"), [(2, True), (4, False)])
def test_a_countdown_is_shown_with_its_own_chapter_alone(number: int, shown: bool) -> None:
    play = frozen_on_beta()
    play.play(c.Goto(4))
    play.play(c.StartCountdown(number, 30))
    assert (stage_view(play.state).countdown_ends_at is not None) is shown
    assert presenter_view(play.state, {}).countdown_ends_at is not None


def test_the_blackout_wins() -> None:
    play = frozen_on_beta()
    play.play(c.Blackout(True))
    assert stage_view(play.state).blackout
    assert presenter_view(play.state, {}).room_text == "The curtain is closed, and chapter 2 is held"
    play.play(c.Blackout(False))
    assert stage_view(play.state).number == 2


def test_a_freeze_is_a_toggle_or_set_and_twice_changes_nothing() -> None:
    play = player(*DECK)
    assert play.play(c.Freeze()) == (e.FreezeSet(True),)
    play.play(c.Advance())
    held = play.state.frozen_view
    assert play.play(c.Freeze(True)) == ()
    assert play.state.frozen_view is held, "a second freeze does not take the chapter of now"
    assert play.play(c.Freeze()) == (e.FreezeSet(False),)
    assert play.play(c.Freeze(False)) == ()


def test_the_presenter_sees_where_both_stand() -> None:
    play = frozen_on_beta()
    play.play(c.Goto(4))
    for view in (presenter_view(play.state, {}), remote_view(play.state)):
        assert (view.number, view.heading) == (4, "Omega")
        assert (view.frozen_on, view.room_text) == (2, "Held: the audience sees chapter 2")
    claim = presenter_view(play.state, {}).claim
    assert claim is not None
    assert claim.hypothesis == "omega holds"
    shown = snapshot(play.state, "e", {})
    assert (shown["chapter"]["title"], shown["frozen"]) == ("Omega", True)


def test_it_survives_a_restart() -> None:
    play = frozen_on_beta()
    play.play(c.Goto(4))
    before = story(stage_view(play.state))
    play.play(c.Open())
    assert story(stage_view(play.state)) == before


def test_the_room_is_the_very_state_while_nothing_is_frozen() -> None:
    state = player(*DECK).state
    assert audience_state(state) is state
