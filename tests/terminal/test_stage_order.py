"""The terminal shows the show in the stage's order and words, in every state, on a small screen and a large one."""

import io
import re
from collections.abc import Sequence
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from demo.ballots.vote import Vote
from demo.clean import clean
from demo.show import FaultState, ShowState
from demo.show import commands as c
from demo.show.health_sample import read_sample
from demo.show.voting import shown_ballot
from demo.terminal.keymap import HELP, Keypad
from demo.terminal.screen_layout import TerminalState, draw_screen
from demo.terminal.verdict_pause import VerdictPause
from demo.types import ChaosConfig, ChaosType, Chapter
from demo.views import stage_view
from tests.support.show_player import Player, player

SMALL, LARGE = (80, 24), (200, 50)
BOTH = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
CLAIM = "One of three nodes dies and no request fails."
SAW = "None of 380 requests failed. All up 0.5 s after the repair began. Detected in 0.2 s."
LEFT_SAW = "125 of 100 admitted, so 25 too many. In one step never more than 100."


async def _act() -> None: ...


def _node(name: str, kind: str, health: str, rate: float | None, *links: str, **more: Any) -> dict[str, Any]:
    metrics = {} if rate is None else {"req/s": rate}
    return {"id": name, "name": name, "type": kind, "health": health, "metrics": metrics, "links": links, **more}


def sample(*down: str, admitted: float = 90, counted: float | None = None, **more: Any) -> dict[str, Any]:
    names = ("node-1", "node-2", "node-3")
    nodes = [_node("clients", "load", "up", 66, *names) | {"kind": "load"}]
    nodes += [
        _node(name, "node", "down" if name in down else "up", None if name in down else 22, "store") for name in names
    ]
    nodes = [one | {"detail": "killed" if one["health"] == "down" else ""} for one in nodes]
    nodes.append(_node("store", "store", "up", 66))
    metrics = [
        {"name": "requests", "label": "requests", "value": 66.0, "unit": "/s", "role": "load"},
        {"name": "latency", "label": "p99", "value": 12.0, "unit": "ms", "role": "latency"},
        {"name": "errors", "label": "errors", "value": 0.0, "unit": "%", "role": "errors"},
    ]
    missed = admitted - (admitted if counted is None else counted)
    key = {"key": "pay", "limit": 100, "window_sec": 10, "admitted": admitted, "ghosts": 0, "drift": 0}
    key["uncounted"] = missed
    return {"nodes": nodes, "metrics": metrics, "counters": [key], "interval_sec": 1.0} | more


def kill() -> FaultState:
    config = ChaosConfig("kill", ChaosType.CONTAINER_KILL, "Kill node-2", 12.0)
    return FaultState(config, "node-2", own_target="node-2")


DECK = (
    Chapter("Who takes over?", "A shop of three nodes."),
    Chapter("Three nodes", "Each request goes to one of them.", highlight=("errors", "node.req_s")),
    Chapter("What if one dies?", "No goodbye, no clean-up.", hypothesis=CLAIM),
    Chapter(
        "Kill a node",
        "At zero it is dead.",
        on_enter=_act,
        highlight=("errors", "node-2"),
        injects=("kill",),
    ),
    Chapter("A limit", "Count to a hundred.", hypothesis="Never more than 100.", highlight=("pay",), on_enter=_act),
    Chapter("What we measured", "Look back.", shows_evidence=True),
)


def show(number: int = 1, *chapters: Chapter) -> Player:
    play = player(*(chapters or DECK), faults=(kill(),))
    see(play, times=6)
    for _ in range(number - 1):
        play.play(c.Advance())
        see(play)
    return play


def see(play: Player, *down: str, times: int = 1, seen: Sequence[str] = (), **more: Any) -> None:
    for _ in range(times):
        play.play(c.RecordSample(read_sample(sample(*down, **more), play.at + 1), dict.fromkeys(seen, True)))


def killed() -> Player:
    play = show(4)
    assert play.refused(c.Inject("kill")) is None
    run = play.fault().run
    play.play(c.FaultPlanned("kill", run, "node-2"))
    play.play(c.FaultApplied("kill", run))
    see(play, "node-2", seen=["kill"])
    see(play, "node-2", times=2)
    return play


def recovered() -> Player:
    play = killed()
    play.play(c.Heal("kill"))
    play.play(c.HealEnd("kill", play.fault().run, None))
    see(play, times=2)
    return play


def judged(held: bool | None, text: str) -> Player:
    play = recovered()
    play.play(c.Conclude(4, held, text))
    play.play(c.ActionEnd(4, play.state.action.run))
    return play


def draw(state: ShowState, size: tuple[int, int], now: float = 0.0, **own: Any) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80, _environ={})
    newest = state.sample.updated_at if state.sample else 1000.0
    rows = draw_screen(console, state, TerminalState(now or newest + 0.2, **own), size)
    drawn = ["".join(segment.text for segment in row) for row in rows]
    assert len(drawn) == size[1]
    assert {cell_len(clean(row)) for row in drawn} == {size[0]}
    return drawn


def row_of(rows: Sequence[str], *words: str) -> int:
    """The number of the first row that has all of these."""
    found = [number for number, row in enumerate(rows) if all(word in row for word in words)]
    assert found, f"no row with {words}:\n" + "\n".join(rows)
    return found[0]


def stand_in_order(rows: Sequence[str], *words: str) -> None:
    places = [row_of(rows, word) for word in words]
    assert places == sorted(places), "\n".join(rows)


@BOTH
def test_a_cover_has_its_words_and_the_record_says_that_all_runs(size: tuple[int, int]) -> None:
    rows = draw(show().state, size)
    stand_in_order(rows, "[1/6]", "Who takes over?", "A shop of three nodes.", "● All running", "▄▄▄")
    assert "node-2" not in "\n".join(rows)
    assert "▄▄▄" in rows[row_of(rows, "● All running") + 1], "the whole show stands below what is true now"


@BOTH
def test_a_story_shows_title_words_number_nodes_curves_and_the_rest_in_this_order(size: tuple[int, int]) -> None:
    rows = draw(show(2).state, size)
    stand_in_order(rows, "[2/6]", "Three nodes", "Each request goes", "● All running")
    stand_in_order(rows, "● node-1", "● node-3", "1 key within limit", "next: a prediction")
    assert "● live" in rows[0]
    text = "\n".join(rows)
    assert "% errors" in text
    for name in ("node-1", "node-2", "node-3"):
        assert re.search(rf"{name} +22 req/s *$", text, re.M), "each node of the focus has its curve"
    stand_in_order(rows, "● clients", "now")
    assert row_of(rows, "30 s ago") < row_of(rows, "next: a prediction")


@pytest.mark.parametrize("size", [(60, 20), SMALL, (100, 30), (108, 30), (120, 36), LARGE])
def test_no_name_of_a_node_is_cut_for_the_word_of_its_state(size: tuple[int, int]) -> None:
    text = "\n".join(draw(show(2).state, size))
    for name in ("clients", "node-1", "node-2", "node-3", "store"):
        assert f"● {name} " in text


@BOTH
def test_nodes_stand_in_columns_along_their_links(size: tuple[int, int]) -> None:
    rows = draw(show(2).state, size)
    clients, store = row_of(rows, "● clients"), row_of(rows, "● store")
    assert rows[clients].index("clients") < rows[row_of(rows, "● node-1")].index("● node-1")
    assert rows[row_of(rows, "● node-1")].index("● node-1") < rows[store].index("● store")
    assert "──▸" in rows[row_of(rows, "● node-1")]


def test_a_large_screen_has_the_curves_of_all_metrics_and_names_each_number_once() -> None:
    small, large = ("\n".join(draw(show(2).state, size)) for size in (SMALL, LARGE))
    assert re.search(r"▁? p99 +12 ms *$", large, re.M)
    assert re.search(r"requests +66 /s *$", large, re.M)
    assert not re.search(r"requests +66 /s *$", small, re.M)
    assert "12 ms p99" not in large
    assert re.search(r"(^|  ) *12 ms p99", small, re.M), "neither good nor bad: it has no mark"


@BOTH
def test_a_countdown_is_large_stands_on_its_node_and_in_the_record(size: tuple[int, int]) -> None:
    play = show(4)
    play.play(c.StartCountdown(4, 3.0))
    rows = draw(play.state, size, now=play.at + 0.5)
    text = "\n".join(rows)
    assert "s to go" in text
    assert "in 3 s" in rows[row_of(rows, "● node-2 ")].split("● node-2 ")[1][:34]
    record = rows[row_of(rows, "Killing node-2")]
    assert record.rstrip().endswith("in 3 s")
    assert "Killing node-2…" in record


@BOTH
def test_a_kill_is_in_the_record_at_the_node_on_the_axis_and_in_the_whole_show(size: tuple[int, int]) -> None:
    play = killed()
    rows = draw(play.state, size)
    record = row_of(rows, "✗ node-2 killed  detected in", "restarts in")
    assert "╋" in rows[record + 1]
    assert any("✗ node-2" in row and "╌╌✗" in row for row in rows), "its link is broken"
    mark = row_of(rows, "node-2 killed · detected in", "✗")
    column = rows[mark].index("✗", rows[mark].index("detected"))
    assert rows[mark + 1][column] == "│"
    assert mark < record


@BOTH
@pytest.mark.parametrize(
    ("held", "text", "shape", "word", "number"),
    [
        (True, SAW, "✓", "Confirmed", "of 380 requests failed"),
        (False, LEFT_SAW, "✗", "Refuted", "of 100 admitted"),
        (None, "Not measurable: the client was down as well.", "?", "Not seen", ""),
    ],
)
def test_a_verdict_has_the_body_word_number_prediction_and_what_was_measured(
    size: tuple[int, int], held: bool | None, text: str, shape: str, word: str, number: str
) -> None:
    rows = draw(judged(held, text).state, size)
    joined = "\n".join(rows)
    stand_in_order(
        rows, "[4/6]", f"{shape} {word}", *([number] if number else []), "◇ Prediction: One of three", "all r"
    )
    assert f"{shape} {text[:30]}" in joined
    assert "Predicted in chapter 3" in joined
    assert "At zero it is dead." not in joined
    assert "recovered in" in rows[row_of(rows, "● node-2 killed  detected in")]
    assert shape in rows[row_of(rows, "╋")], "it stands in the whole show"
    record = row_of(rows, "● node-2 killed  detected in")
    assert any("● recovered in" in row for row in rows[:record]), "how it came about is still on the axis"


@BOTH
def test_no_curve_moves_when_a_fault_begins(size: tuple[int, int]) -> None:
    before, after = (draw(play.state, size) for play in (show(4), killed()))
    errors = re.compile(r"errors +0 % *$")
    places = [[number for number, row in enumerate(rows) if errors.search(row)] for rows in (before, after)]
    assert places[0] == places[1] != []
    assert row_of(before, "30 s ago") == row_of(after, "30 s ago")


@BOTH
def test_a_verdict_leaves_the_recovery_a_moment_to_be_seen(size: tuple[int, int]) -> None:
    before, after = recovered(), judged(True, SAW)
    pause = VerdictPause()
    assert not pause.waits(before.state, 10.0)
    assert pause.waits(after.state, 11.0)
    assert pause.waits(after.state, 13.4)
    assert not pause.waits(after.state, 13.6)
    rows = draw(after.state, size, verdict_waits=True)
    stand_in_order(rows, "Kill a node", "At zero it is dead.", "● node-2 killed  detected in")
    assert "● node-2 " in "\n".join(rows)
    assert "✓ Confirmed" not in "\n".join(rows)


@BOTH
def test_all_keys_are_listed_also_on_a_small_screen(size: tuple[int, int]) -> None:
    rows = draw(killed().state, size, pad=Keypad("help"))
    for _, meaning in HELP:
        row_of(rows, meaning)
    row_of(rows, "✗ node-2 killed", "restarts in")


@BOTH
def test_the_first_number_is_drawn_in_large_figures(size: tuple[int, int]) -> None:
    rows = draw(judged(True, SAW).state, size)
    foot = row_of(rows, "of 380 requests failed")
    figures = [row[:9].strip() for row in rows[foot - (2 if size == SMALL else 4) : foot]]
    assert set("".join(figures)) <= set("█▀▄ ")
    assert len(figures) == (2 if size == SMALL else 4)


@BOTH
def test_a_prediction_has_the_body_until_something_is_broken(size: tuple[int, int]) -> None:
    rows = draw(show(3).state, size)
    stand_in_order(rows, "[3/6]", "What if one dies?", "◇ Prediction", CLAIM, "No goodbye", "● All running")
    assert "● node-1" not in "\n".join(rows)


@BOTH
def test_the_evidence_is_a_table_of_all_predictions_and_faults(size: tuple[int, int]) -> None:
    play = judged(True, SAW)
    play.play(c.Goto(6))
    see(play)
    rows = draw(play.state, size)
    text = "\n".join(rows)
    stand_in_order(rows, "What we measured", "1 fault", "Detected in", "✓ Confirmed", "◇ Not tested")
    assert any("✓ Confirmed" in row and "Kill node-2" in row and " s" in row for row in rows)
    assert "None of 380 requests failed" in text
    assert "Never more than 100." in text


@pytest.mark.parametrize("count", [3, 8, 20])
@BOTH
def test_of_more_evidence_than_room_the_rest_is_counted(size: tuple[int, int], count: int) -> None:
    chapters = [Chapter(f"C{number}", "x", hypothesis=f"Guess {number}.") for number in range(count)]
    play = show(1, Chapter("Look", "back", shows_evidence=True), *chapters)
    rows = draw(play.state, size)
    listed = sum("◇ Not tested" in row for row in rows)
    more = next((row for row in rows if "more" in row), "and 0 more")
    assert listed + int(more.split("and ")[1].split(" more")[0]) == count


def vote(hidden: bool = False, numbers: bool = False) -> Player:
    asked = Vote(
        "Will a request fail?", () if numbers else ("Yes", "No"), predicted="" if numbers else "No", hidden=hidden
    )
    play = show(2, DECK[0], Chapter("A guess", "Think.", hypothesis=CLAIM, vote=asked), DECK[5])
    ballot = shown_ballot(play.state)
    assert ballot is not None
    counts, values = ((3, 1), (1.0, 2.5)) if numbers else ((6, 14), ())
    play.play(c.CountVotes(ballot.id, counts, values))
    return play


@BOTH
def test_an_open_vote_has_the_place_of_the_system(size: tuple[int, int]) -> None:
    rows = draw(vote().state, size)
    text = "\n".join(rows)
    assert "70 %" in rows[row_of(rows, "No  ", "█")]
    assert "30 %" in rows[row_of(rows, "Yes ")]
    assert "20 votes · still open" in text
    assert "● node-1" not in text
    assert CLAIM in text


@BOTH
def test_a_hidden_vote_stays_hidden_here_until_it_is_closed(size: tuple[int, int]) -> None:
    play = vote(hidden=True)
    text = "\n".join(draw(play.state, size))
    assert "20 votes · still open, counted when it closes" in text
    assert "Yes" in text
    assert "70 %" not in text
    ballot = shown_ballot(play.state)
    assert ballot is not None
    play.play(c.CloseVote())
    play.play(c.CountVotes(ballot.id, (6, 14), (), is_final=True))
    text = "\n".join(draw(play.state, size))
    assert "20 votes · closed" in text
    assert "70 %" in text


@BOTH
def test_guessed_numbers_are_ranges_with_their_middle(size: tuple[int, int]) -> None:
    text = "\n".join(draw(vote(numbers=True).state, size))
    assert "4 votes · still open · median 1" in text
    assert "75 %" in text


@BOTH
def test_what_the_room_said_stands_beside_the_verdict(size: tuple[int, int]) -> None:
    play = vote()
    ballot = shown_ballot(play.state)
    assert ballot is not None
    play.play(c.CloseVote())
    play.play(c.CountVotes(ballot.id, (6, 14), (), is_final=True))
    play.play(c.Conclude(2, True, SAW))
    rows = draw(play.state, size)
    stand_in_order(rows, "✓ Confirmed", "None of 380", "The room: 70 % said No.")


@BOTH
@pytest.mark.parametrize(
    ("admitted", "counted", "words"),
    [
        (90.0, 90.0, "● 90 of 100"),
        (90.0, 60.0, "▲ 90 of 100"),
        (125.0, 125.0, "✗ 125 of 100 +25 over"),
    ],
)
def test_a_limited_key_is_a_bar_against_its_limit(
    size: tuple[int, int], admitted: float, counted: float, words: str
) -> None:
    chapters = (DECK[0], Chapter("A limit", "Count.", highlight=("pay",)))
    play = show(2, *chapters)
    see(play, admitted=admitted, counted=counted, times=3)
    rows = draw(play.state, size)
    bar = rows[row_of(rows, "pay ", words)]
    before, behind = bar.split("│", 1)
    assert "█" in before
    assert ("▒" in before) is (counted < admitted)
    assert ("█" in behind.split(" ")[0]) is (admitted > 100)
    assert "limit, █ behind it over the limit" in "\n".join(rows)
    assert "● 3 nodes running" in "\n".join(rows)


@BOTH
def test_without_contact_nothing_looks_measured_now(size: tuple[int, int]) -> None:
    play = show(2)
    play.play(c.CheckFreshness(), later=20.0)
    rows = draw(play.state, size, now=play.at)
    text = "\n".join(rows)
    assert "◌ no contact" in rows[0]
    assert "◌ No contact with the system" in text
    assert "not known now" in text
    assert "● node" not in text


@BOTH
def test_halt_says_so_and_how_to_go_on(size: tuple[int, int]) -> None:
    play = killed()
    play.play(c.Halt())
    rows = draw(play.state, size)
    assert "E resumes" in rows[row_of(rows, "■ Halted")]


@BOTH
def test_a_fault_that_could_not_be_undone_says_why(size: tuple[int, int]) -> None:
    play = killed()
    play.play(c.Heal("kill"))
    play.play(c.HealEnd("kill", play.fault().run, "the engine is gone"))
    rows = draw(play.state, size)
    assert "the engine is gone" in rows[row_of(rows, "✗ node-2: not repaired")]


@BOTH
def test_many_nodes_are_counted_by_group_and_those_that_are_down_are_named(size: tuple[int, int]) -> None:
    many = [_node(f"n{number}", "store", "down" if number == 7 else "up", None) for number in range(90)]
    play = player(*DECK, faults=(kill(),))
    see(play, nodes=many, times=2)
    play.play(c.Advance())
    text = "\n".join(draw(play.state, size))
    assert "✗ n7" in text
    assert "89 of 90 up" in text


@BOTH
@pytest.mark.parametrize(
    "word", ["節点节点节点", "צומת צומת", "عقدة node-1 (a)", "node\u0301-\U0001f469\u200d\U0001f680"]
)
def test_wide_and_right_to_left_names_do_not_break_the_columns(size: tuple[int, int], word: str) -> None:
    chapters = (Chapter(word, word * 30), Chapter(f"{word} two", word * 3, hypothesis=word * 12, highlight=("errors",)))
    play = show(2, *chapters)
    nodes = [_node(f"{word}{number}", word, "up", 20, detail=word) for number in range(4)]
    nodes[0]["links"] = [nodes[1]["id"]]
    labels = [{"name": "errors", "label": word, "value": 1.0, "unit": word, "role": "errors"}]
    see(play, nodes=nodes, metrics=labels, times=3)
    draw(play.state, size)
    assert play.refused(c.Inject("kill")) is None
    play.play(c.FaultPlanned("kill", play.fault().run, f"{word}0"))
    play.play(c.FaultApplied("kill", play.fault().run))
    see(play, nodes=nodes, metrics=labels, times=2)
    assert clean(word)[:3] in "\n".join(draw(play.state, size))


@BOTH
@pytest.mark.parametrize(
    "play", [show(), show(2), show(3), killed(), judged(True, SAW), judged(False, LEFT_SAW), vote()]
)
def test_no_part_is_cut_without_saying_so(size: tuple[int, int], play: Player) -> None:
    text = "\n".join(draw(play.state, size))
    assert "more lines" not in text
    assert stage_view(play.state).heading in text


@BOTH
def test_colours_are_not_needed_to_tell_states_apart(size: tuple[int, int]) -> None:
    texts = ["\n".join(draw(play.state, size)) for play in (show(2), killed(), recovered(), judged(True, SAW))]
    texts += ["\n".join(draw(judged(held, LEFT_SAW).state, size)) for held in (False, None)]
    assert len(set(texts)) == len(texts)


@BOTH
@pytest.mark.parametrize(
    ("is_question", "words"), [(True, "» Question from the room: Is it real?"), (False, "» Is it real?")]
)
def test_a_question_that_is_shown_is_named_as_one(size: tuple[int, int], is_question: bool, words: str) -> None:
    play = show(2)
    play.play(c.Say("Is it real?", is_question=is_question))
    assert words in "\n".join(draw(play.state, size))
