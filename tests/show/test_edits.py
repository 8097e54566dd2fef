"""A deck that is edited while its show goes on: what moves with its chapter, and what stays."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from demo.show import ShowState, apply, create_initial_state
from demo.show import commands as c
from demo.show import events as e
from demo.show.deck import with_own_deck
from demo.show.state import FaultState
from demo.show.stored import decode_state, encode_state
from demo.types import ChaosConfig, ChaosType, Chapter
from demo.views import presenter_view, stage_view
from tests.support.show_player import PLAIN, Player, chapter, fault, player


class Driver:
    """A driver of a fault that is only looked at."""

    def __init__(self, name: str, title: str = "", duration: float = 5.0) -> None:
        self.config = ChaosConfig(name, ChaosType.COMMAND, title or name, duration)
        self.target, self.observable = f"target of {title or name}", f"sign of {title or name}"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody calls {name} here")


def edit(
    play: Player, deck: Sequence[Chapter], places: Sequence[int], *drivers: Driver, gone_nodes: Sequence[str] = ()
) -> None:
    """Put an edited deck on the stage, as the conductor does."""
    command = c.ReplaceDeck(tuple(deck), tuple(places), drivers, "t", "d", tuple(gone_nodes), "edited")
    before = play.state
    decided = play.play(command)
    assert isinstance(decided, tuple)
    play.state = with_own_deck(before, command)
    for entry in play.entries[-len(decided) :]:
        play.state = apply(play.state, entry)


def test_a_chapter_before_the_present_one_moves_all_that_is_known_of_it() -> None:
    play = player(chapter("one"), chapter("two", action=True, claim="it holds"), chapter("three"))
    play.play(c.Advance())
    play.play(c.Conclude(2, True, "it did"))
    play.play(c.StartCountdown(2, 30.0))
    before = play.state
    edit(play, (chapter("zero"), *before.chapters), (2, 3, 4))
    now = play.state
    assert (now.number, now.total, now.chapter.title) == (3, 4, "two")
    assert now.actions[2] == before.actions[1]
    assert now.verdicts == {3: replace(before.verdicts[2], by=3)}
    assert now.countdown_number == 3
    assert now.visit == before.visit
    assert now.log[-1].text == "edited"
    play.play(c.ActionEnd(3, 1))
    play.play(c.Back())
    assert not [event for event in play.play(c.Advance()) if isinstance(event, e.ActionStarted)]  # type: ignore[union-attr]


def test_a_chapter_that_has_got_another_title_is_still_the_one_that_ran() -> None:
    play = player(chapter("one", action=True), chapter("two"))
    ran = play.state.actions[0]
    edit(play, (chapter("two"), chapter("uno", action=True)), (2, 1))
    assert (play.state.number, play.state.chapter.title, play.state.actions[1]) == (2, "uno", ran)


def test_a_show_whose_chapter_is_gone_goes_on_at_its_number_or_on_the_last() -> None:
    play = player(*PLAIN)
    play.play(c.Goto(2))
    edit(play, (PLAIN[0], PLAIN[2]), (1, 0, 2))
    assert (play.state.number, play.state.chapter.title) == (2, "three")
    edit(play, (PLAIN[0],), (1, 0))
    assert (play.state.number, play.state.chapter.title) == (1, "one")


def test_the_running_action_of_a_chapter_that_is_gone_has_failed() -> None:
    play = player(chapter("one", action=True, blocks=True), chapter("two"))
    assert [play.state.blocking] == [1]
    edit(play, (chapter("two"),), (0, 1))
    assert play.state.blocking is None
    assert any("removed from the deck" in line.text for line in play.state.log)


def test_the_step_is_kept_as_far_as_the_edited_chapter_has_it() -> None:
    stepped = Chapter("one", "a\n\nb\n\nc", steps=("a", "b", "c"))
    play = player(stepped, chapter("two"))
    play.play(c.Advance())
    play.play(c.Advance())
    assert play.state.step == 3
    edit(play, (replace(stepped, steps=("a", "b")), chapter("two")), (1, 2))
    assert play.state.step == 2
    edit(play, (replace(stepped, steps=()), chapter("two")), (1, 2))
    assert play.state.step == 1


def test_a_fault_in_place_stays_as_it_was_injected_and_others_change_at_once() -> None:
    play = player(*PLAIN, faults=[fault("kill"), fault("cut"), fault("idle")])
    play.inject("kill")
    play.inject("cut")
    placed = play.fault("kill")
    edit(play, PLAIN, (1, 2, 3), Driver("new"), Driver("kill", "Another", 9.0), Driver("idle", "Other", 9.0))
    assert [one.name for one in play.state.faults] == ["new", "kill", "idle", "cut"]
    assert play.fault("kill") == placed
    assert play.fault("idle").config.description == "Other"
    assert play.fault("idle").target == play.fault("idle").own_target == "target of Other"
    for name in ("kill", "cut"):
        play.play(c.Heal(name))
        play.play(c.HealEnd(name, 1))
    edit(play, PLAIN, (1, 2, 3), Driver("kill", "Another", 9.0))
    assert [one.name for one in play.state.faults] == ["kill"]
    assert play.fault("kill").config.description == "Another"
    assert play.fault("kill").run == 1
    assert play.refused(c.Heal("cut")) == "not_found"


def test_a_node_that_no_probe_tells_of_any_more_is_not_missed() -> None:
    play = player(*PLAIN)
    play.record_sample()
    edit(play, PLAIN, (1, 2, 3), gone_nodes=["n"])
    assert play.state.expected == ()


def test_a_rejected_edit_is_told_to_the_presenter_alone_until_a_good_one() -> None:
    play = player(*PLAIN)
    before = stage_view(play.state)
    play.play(c.RejectDeck("talk.md:3:1: no such key"))
    assert play.play(c.RejectDeck("talk.md:3:1: no such key")) == ()
    assert presenter_view(play.state, {}).problems == ("talk.md:3:1: no such key",)
    assert stage_view(play.state) == before
    edit(play, PLAIN, (1, 2, 3))
    assert presenter_view(play.state, {}).problems == ()


def test_a_frozen_stage_goes_on_showing_the_chapter_as_it_was() -> None:
    play = player(*PLAIN)
    play.play(c.Advance())
    play.play(c.Freeze(True))
    changed = replace(PLAIN[1], narration="better")
    edit(play, (chapter("zero"), PLAIN[0], changed, PLAIN[2]), (2, 3, 4))
    edit(play, (chapter("zero"), PLAIN[0], replace(changed, narration="best"), PLAIN[2]), (1, 2, 3, 4))
    assert stage_view(play.state).narration == "about two"
    assert stage_view(play.state, private=True).narration == "best"
    play.play(c.Freeze(False))
    assert stage_view(play.state).narration == "best"


def test_the_journal_replays_to_the_same_show_and_so_does_a_snapshot() -> None:
    play = player(chapter("one"), chapter("two", action=True), faults=[fault("kill")])
    play.play(c.Advance())
    play.play(c.RejectDeck("broken"))
    edited = (chapter("zero"), chapter("uno"), chapter("two", action=True))
    edit(play, edited, (2, 3), Driver("kill"))
    play.play(c.Freeze(True))
    faults = [FaultState.of(Driver("kill"))]
    fresh = create_initial_state("t", "test", "d", edited, faults)
    state = fresh
    for entry in play.entries:
        event = e.from_json(e.to_json(entry.event))
        state = apply(state, replace(entry, event=event))
    assert story(state) == story(play.state)
    assert story(decode_state(encode_state(play.state), fresh)) == story(play.state)


def story(state: ShowState) -> dict[str, Any]:
    names = (
        "number",
        "step",
        "actions",
        "verdicts",
        "reached",
        "visit",
        "said",
        "timer",
        "frozen_view",
        "spans",
        "log",
    )
    return {name: getattr(state, name) for name in names} | {"titles": [one.title for one in state.chapters]}


moves = st.lists(st.sampled_from(["advance", "back", "end", "edit"]), max_size=30)


@settings(deadline=None, max_examples=60)
@given(moves, st.randoms(use_true_random=False))
def test_however_a_deck_is_edited_no_action_runs_twice(presses: list[str], random: Any) -> None:
    names = [f"c{number}" for number in range(4)]
    play = player(*(chapter(name, action=True) for name in names))
    ran: list[str] = [play.state.chapter.title]
    for press in presses:
        seen = len(play.entries)
        titles = [one.title for one in play.state.chapters]
        if press == "edit":
            now = [*random.sample(titles, random.randint(1, len(titles))), f"c{len(play.entries)}x"]
            random.shuffle(now)
            stood = play.state.chapter.title
            places = [now.index(title) + 1 if title in now else 0 for title in titles]
            edit(play, [chapter(title, action=True) for title in now], places)
            assert play.state.chapter.title == stood or stood not in now
        elif press == "end":
            play.play(c.ActionEnd(play.state.number, play.state.action.run))
        else:
            play.play(c.Advance() if press == "advance" else c.Back())
        started = [entry for entry in play.entries[seen:] if isinstance(entry.event, e.ActionStarted)]
        ran += [play.state.chapter.title for _ in started]
    assert len(ran) == len(set(ran))
