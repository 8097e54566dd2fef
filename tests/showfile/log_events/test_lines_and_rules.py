"""From output to the text of an event: whole lines, without control characters and secrets, bounded."""

import pytest

from demo.panels.drawing import OutputPiece
from demo.probes.patterns import TooSlow
from demo.showfile.log_events.event_rule import MAX_TEXT, EventRule
from demo.showfile.log_events.mark_budget import BURST, REFILL_SEC, TELL_SEC, MarkBudget
from demo.showfile.log_events.output_lines import MAX_UNFINISHED, LineSplitter
from demo.showfile.schema.system import EventSettings

SECRET = "hunter22"


def lines_of(*pieces: OutputPiece) -> list[str]:
    lines = LineSplitter(lambda text: text.replace(SECRET, "•••"))
    return [line for piece in pieces for line in lines.take(piece)]


def rule(match: str, text: str | None = None) -> EventRule:
    return EventRule("named", EventSettings(process="any", match=match, text=text))


def test_a_line_that_comes_in_pieces_is_whole_even_in_the_middle_of_a_letter_and_a_secret() -> None:
    euro = "€".encode()
    assert lines_of(
        OutputPiece(b"one\ntw"),
        OutputPiece(b"o " + euro[:1]),
        OutputPiece(euro[1:] + b" hunt"),
        OutputPiece(b"er22\nx"),
    ) == ["one", "two € •••"]


def test_behind_a_gap_the_rest_of_a_line_is_dropped_and_a_new_run_ends_the_last_line() -> None:
    assert lines_of(OutputPiece(b"half"), OutputPiece(b"er22 of it\nwhole\n", has_gap=True)) == ["whole"]
    assert lines_of(OutputPiece(b"last words"), OutputPiece(b"first\n", begins_run=True)) == ["last words", "first"]


def test_control_characters_are_taken_out_before_anything_is_matched() -> None:
    text = b"\x1b[31mlea\x1b[0mder\x07 hunt\x1b[1mer22\r\n"
    assert lines_of(OutputPiece(text)) == ["leader •••"]


def test_a_line_without_end_takes_no_more_memory() -> None:
    lines = LineSplitter(str)
    for _ in range(50):
        assert lines.take(OutputPiece(b"x" * 10_000)) == []
    assert len(lines._line) == MAX_UNFINISHED


def test_captured_names_are_filled_in_and_what_was_not_captured_is_nothing() -> None:
    found = rule(r"/(?<who>\w+) (?:became|lost) (?<what>\w+)?/", "${who} leads ${what}$${x}")
    assert found.text_of("n2 became ") == "n2 leads ${x}"
    assert found.text_of("nothing of it") is None
    assert rule("/x/").text_of("  a   x  b ") == "a x b"
    assert rule("/(?<a>x)(?<b>y)?/", "${b}").text_of("x") == "named"


def test_a_text_is_cut_and_what_it_captured_may_not_reverse_it() -> None:
    text = rule("/(?<all>.*)/", "${all}").text_of("\u202e" + "a" * 500)
    assert text is not None
    assert (len(text), text[-1], text[0]) == (MAX_TEXT, "…", "a")


def test_a_pattern_that_takes_too_long_is_given_up() -> None:
    slow = rule(r"/(\w+\s?)*$!/")
    with pytest.raises(TooSlow):
        slow.text_of("a" * 4000 + "!")


def test_a_flood_is_thinned_out_and_what_is_left_out_is_told_now_and_then() -> None:
    budget = MarkBudget(filled_at=100.0, told_at=100.0)
    taken = [budget.take(100.0 + number / 1000) for number in range(1000)]
    assert sum(taken) == BURST
    assert budget.take_left_out(101.0) == 0
    assert budget.take(101.0 + REFILL_SEC)
    assert budget.take_left_out(100.0 + TELL_SEC) == 1000 - BURST
    assert budget.take_left_out(200.0) == 0
