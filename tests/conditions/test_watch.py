"""What a watch says of a condition over time, as tables: `T` true, `F` false, `?` unknown, one look a second.

A look with `-` is none: only the time goes on. `.` is a look while the fault of `during` does not run.
"""

import pytest

from demo.conditions import ConditionResult, Watch, parse
from tests.conditions.known_facts import KnownFacts

TRUE, FALSE = KnownFacts({"x": 1}), KnownFacts({"x": 0})
FACTS = {"T": TRUE, "F": FALSE, "?": KnownFacts(), ".": FALSE}
START = 100.0


def follow(text: str, looks: str, *, always: bool, deadline: float | None = None) -> Watch:
    """The first look is at the start."""
    watch = Watch(parse(text), START, always=always, deadline=None if deadline is None else START + deadline)
    for second, look in enumerate(looks):
        if look == "-":
            watch.tick(START + second)
        else:
            watch.feed(START + second, FACTS[look], () if look == "." else ("cut",))
    return watch


def shown(outcome: ConditionResult | None) -> tuple[str, float, str] | None:
    """Return it with its moment as seconds since the start."""
    return None if outcome is None else (outcome.verdict, outcome.at - START, outcome.text)


ALWAYS = [
    # condition, looks, while it is watched, at the end (of as many seconds as there are looks)
    ("x == 1", "TTT", None, ("held", 3, "x = 1")),
    ("x == 1", "TTFT", ("broken", 2, "x = 0, not 1"), ("broken", 2, "x = 0, not 1")),
    ("x == 1", "F", ("broken", 0, "x = 0, not 1"), ("broken", 0, "x = 0, not 1")),
    ("x == 1", "???", None, ("not seen", 3, "x is unknown")),
    ("x == 1", "", None, ("not seen", 0, "not measured")),
    ("x == 1", "T???", None, ("held", 4, "x = 1")),
    ("x == 1", "??F", ("broken", 2, "x = 0, not 1"), ("broken", 2, "x = 0, not 1")),
    ("x == 1 for 2s", "TFFT", None, ("held", 4, "x = 1")),
    ("x == 1 for 2s", "TFFFT", None, ("held", 5, "x = 1")),
    ("x == 1 for 2s", "TFFFF", ("broken", 4, "x = 0, not 1, for more than 2s"), None),
    ("x == 1 for 2s", "TFF?FFT", None, ("held", 7, "x = 1")),
    ("x == 1 for 2s", "FFF", None, ("not seen", 3, "x = 0, not 1")),
    ("x == 1 during cut", "..T.T.", None, ("held", 6, "x = 1")),
    ("x == 1 during cut", "..TF.", ("broken", 3, "x = 0, not 1"), None),
    ("x == 1 during cut", "....", None, ("not seen", 4, "cut did not run")),
    ("x == 1 during cut", ".??.", None, ("not seen", 4, "x is unknown")),
]


@pytest.mark.parametrize(("text", "looks", "open_end", "end"), ALWAYS)
def test_a_prediction_holds_if_it_was_seen_and_never_broken(
    text: str, looks: str, open_end: tuple[str, float, str] | None, end: tuple[str, float, str] | None
) -> None:
    watch = follow(text, looks, always=True)
    assert shown(watch.outcome) == open_end
    assert shown(watch.finish(START + len(looks))) == (end or open_end)


UNTIL = [
    # condition, deadline of the caller, looks, outcome
    ("x == 1", None, "FFFFFFFF", None),
    ("x == 1", None, "?FT", ("held", 2, "x = 1")),
    ("x == 1", 3, "FF-F-", ("broken", 3, "x = 0, not 1")),
    ("x == 1", 3, "F??--", ("not seen", 3, "x is unknown")),
    ("x == 1", 3, "----", ("not seen", 3, "not measured")),
    ("x == 1 within 3s", None, "FFT", ("held", 2, "x = 1")),
    ("x == 1 within 3s", None, "FFFT", ("held", 3, "x = 1")),
    ("x == 1 within 3s", None, "FFF-T", ("broken", 3, "x = 0, not 1")),
    ("x == 1 within 3s", None, "FF--", ("broken", 3, "x = 0, not 1")),
    ("x == 1 within 3s", None, "FF?-T", ("not seen", 3, "x is unknown")),
    ("x == 1 within 3s", None, "????", ("not seen", 3, "x is unknown")),
    ("x == 1 within 3s", 2, "FF-", ("broken", 2, "x = 0, not 1")),
    ("x == 1 within 2s", 3, "FF-", ("broken", 2, "x = 0, not 1")),
    ("x == 1 for 2s", None, "TT", None),
    ("x == 1 for 2s", None, "TTT", ("held", 2, "x = 1, for 2s")),
    ("x == 1 for 2s", None, "TTFTTT", ("held", 5, "x = 1, for 2s")),
    ("x == 1 for 2s", None, "TT?TTT", ("held", 5, "x = 1, for 2s")),
    ("x == 1 for 2s", 4, "FFFT-", ("broken", 4, "x = 1, but not yet for 2s")),
    ("x == 1 during cut", 4, "..T", ("held", 2, "x = 1")),
    ("x == 1 during cut", 4, ".F...", ("broken", 4, "x = 0, not 1")),
    ("x == 1 during cut", 4, ".....", ("not seen", 4, "cut did not run")),
]


@pytest.mark.parametrize(("text", "deadline", "looks", "end"), UNTIL)
def test_what_is_waited_for_is_held_as_soon_as_it_is_true(
    text: str, deadline: float | None, looks: str, end: tuple[str, float, str] | None
) -> None:
    assert shown(follow(text, looks, always=False, deadline=deadline).outcome) == end


@pytest.mark.parametrize("looks", ["FFT", "FFF-", "F??-", "FFFFFT"])
def test_within_means_the_same_in_a_prediction(looks: str) -> None:
    watches = [follow("x == 1 within 3s", looks, always=always) for always in (True, False)]
    assert watches[0].outcome == watches[1].outcome is not None


def test_a_prediction_ends_at_the_deadline_of_its_caller() -> None:
    assert shown(follow("x == 1", "TT--", always=True, deadline=3).outcome) == ("held", 3, "x = 1")
    assert shown(follow("x == 1", "TT--F", always=True, deadline=3).outcome) == ("held", 3, "x = 1")


def test_an_outcome_is_final() -> None:
    watch = follow("x == 1", "TFT", always=True)
    first = watch.outcome
    assert first is not None
    assert watch.feed(START + 9, TRUE) is watch.tick(START + 10) is watch.finish(START + 11) is first


def test_an_open_watch_has_the_newest_numbers_and_how_often_it_was_true() -> None:
    watch = follow("x == 1 within 9s", "?F", always=True)
    assert (watch.outcome, watch.text, watch.seen_true) == (None, "x = 0, not 1", 0)
    assert follow("x == 1", "TT?", always=True).seen_true == 2


def test_time_that_goes_back_counts_as_standing_still() -> None:
    watch = Watch(parse("x == 1 for 2s"), START)
    for moment in (START, START + 1, START - 50, START + 1.9):
        assert watch.feed(moment, TRUE) is None
    assert shown(watch.feed(START + 2, TRUE)) == ("held", 2, "x = 1, for 2s")
