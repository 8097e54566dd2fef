"""When a vote opens and closes, what enters its tally, and what settles it."""

from dataclasses import replace

import pytest

from demo.ballots.vote import Vote
from demo.show import commands as c
from demo.show import create_initial_state
from demo.show.ballot import BallotState
from demo.show.deck import with_deck
from demo.show.stored import decode_state, encode_state
from demo.show.voting import open_ballot, outcome_of, shown_ballot
from tests.support.show_player import Player, chapter, fault

FAILS = Vote("Will a request fail?", ("Yes", "No"), predicted="No")
DECK = (
    chapter("one"),
    replace(chapter("two", claim="No request fails"), vote=FAILS),
    chapter("three"),
    replace(chapter("four"), vote=Vote("How long?", (), unit="s", measure="recovered")),
    chapter("five", claim="Another"),
)


@pytest.fixture
def show() -> Player:
    player = Player(create_initial_state("t", "s", "d", DECK, (fault("kill", 5.0), fault("other", 5.0))))
    player.play(c.Open())
    return player


def ballot(show: Player) -> BallotState:
    found = shown_ballot(show.state)
    assert found is not None
    return found


def voted(show: Player, *counts: int, values: tuple[float, ...] = ()) -> None:
    """Close the vote, if it is open, and count it for good."""
    show.play(c.CloseVote())
    show.play(c.CountVotes(ballot(show).id, counts, values, is_final=True))


def test_a_vote_opens_once_on_the_way_forward(show: Player) -> None:
    assert open_ballot(show.state) is None
    show.play(c.Advance())
    first = open_ballot(show.state)
    assert first is not None
    assert (first.number, first.question, first.options, first.counts) == (2, FAILS.question, ("Yes", "No"), (0, 0))
    show.play(c.CloseVote())
    show.play(c.Back())
    show.play(c.Advance())
    assert open_ballot(show.state) is None
    assert ballot(show).id == first.id


def test_going_back_leaves_an_open_vote_open(show: Player) -> None:
    show.play(c.Advance())
    show.play(c.Back())
    assert ballot(show).is_open


def test_the_next_injection_closes_it_also_in_a_later_chapter(show: Player) -> None:
    show.play(c.Goto(2))
    show.play(c.Advance())
    assert ballot(show).is_open
    show.play(c.Inject("kill"))
    assert (ballot(show).status, ballot(show).closed_by, ballot(show).closed_by_run) == ("closed", "kill", 1)


def test_a_chapter_with_a_prediction_or_a_vote_of_its_own_closes_it(show: Player) -> None:
    show.play(c.Goto(2))
    first = ballot(show).id
    show.play(c.Goto(4))
    assert ballot(show).id != first
    assert [one.is_open for one in show.state.ballots] == [False, True]
    show.play(c.Goto(5))
    assert not any(one.is_open for one in show.state.ballots)


def test_the_presenter_closes_it_and_opens_it_again_without_its_votes(show: Player) -> None:
    assert show.refused(c.OpenVote()) == "not_found"
    assert show.refused(c.CloseVote()) == "closed"
    show.play(c.Goto(2))
    first = ballot(show).id
    voted(show, 3, 4)
    show.play(c.Goto(3))
    assert show.refused(c.OpenVote()) is None
    assert ballot(show).is_open
    assert (ballot(show).id != first, ballot(show).number, ballot(show).votes) == (True, 2, 0)
    assert show.play(c.OpenVote()) == ()


def test_a_tally_enters_while_the_vote_is_open_and_once_more_when_it_is_closed(show: Player) -> None:
    show.play(c.Goto(2))
    ident = ballot(show).id
    show.play(c.CountVotes(ident, (1, 2)))
    assert ballot(show).counts == (1, 2)
    assert show.play(c.CountVotes(ident, (1, 2))) == ()
    assert show.play(c.CountVotes(ident, (9, 9), is_final=True)) == (), "it is still open"
    assert show.play(c.CountVotes(ident + 1, (9, 9))) == (), "there is no such vote"
    show.play(c.CloseVote())
    show.play(c.CountVotes(ident, (5, 2), is_final=True))
    assert show.play(c.CountVotes(ident, (9, 9), is_final=True)) == ()
    assert ballot(show).counts == (5, 2)


@pytest.mark.parametrize(
    ("counts", "held", "outcome"),
    [
        ((62, 38), True, "62 % said Yes. Measured: 0 of 580. The room was wrong."),
        ((38, 62), True, "62 % said No. Measured: 0 of 580. The room was right."),
        ((62, 38), False, "62 % said Yes. Measured: 0 of 580. The room was right."),
        ((5, 5), True, "The room was divided. Measured: 0 of 580."),
        ((62, 38), None, ""),
        ((0, 0), True, ""),
    ],
)
def test_the_verdict_tells_who_was_right(show: Player, counts: tuple[int, int], held: bool, outcome: str) -> None:
    show.play(c.Goto(2))
    voted(show, *counts)
    show.play(c.Conclude(3, held, "0 of 580."))
    assert outcome_of(show.state, ballot(show)) == outcome
    assert (show.state.log[-1].text == outcome) == bool(outcome)


def test_guesses_are_compared_with_what_was_measured_of_the_fault_that_closed_the_vote(show: Player) -> None:
    show.play(c.Goto(4))
    show.record_sample()
    run = show.inject("kill")
    show.play(c.CountVotes(ballot(show).id, (1, 4, 2), (0.5, 2.0, 30.0), is_final=True))
    show.record_sample(up=False, seen=["kill"])
    show.play(c.FaultDue("kill", run))
    show.play(c.HealEnd("kill", run))
    show.record_sample()
    measured = show.fault("kill").recovered_after_sec
    assert ballot(show).measured == measured
    text = outcome_of(show.state, ballot(show))
    assert text == f"Measured: {measured:g} s. Nearest: 2 s, guessed 4 times. Half of the room: 2 s to 30 s."
    assert show.state.log[-1].text == text


def test_another_fault_measures_nothing_for_it(show: Player) -> None:
    show.play(c.Goto(4))
    show.record_sample()
    show.inject("kill")
    show.inject("other")
    show.record_sample(up=False, seen=["other"])
    assert ballot(show).measured is None


def test_an_edit_of_the_deck_moves_a_vote_with_its_chapter_and_changes_nothing_that_was_asked(show: Player) -> None:
    show.play(c.Goto(2))
    moved = with_deck(show.state, ("zero", "one", "two"), 3, (2, 3, 0, 0, 0))
    assert [one.number for one in moved.ballots] == [3]
    assert moved.ballots[0].question == FAILS.question
    assert with_deck(show.state, ("one",), 1, (1, 0, 0, 0, 0)).ballots == ()


def test_a_snapshot_holds_votes(show: Player) -> None:
    show.play(c.Goto(4))
    show.play(c.CountVotes(ballot(show).id, (1, 1), (0.5, 3.0)))
    show.play(c.Inject("kill"))
    begun = create_initial_state("t", "s", "d", DECK, (fault("kill", 5.0), fault("other", 5.0)))
    assert decode_state(encode_state(show.state), begun) == show.state
