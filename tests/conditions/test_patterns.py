"""Regular expressions and globs are bounded in time and memory."""

import time

import pytest

from demo.conditions import ConditionError, parse
from demo.conditions.patterns import MAX_GLOB_TEXT, MAX_TEXT, BoundedPattern, InvalidPattern, check, glob_matches
from tests.conditions.known_facts import KnownFacts

CATASTROPHIC = "(a+)+$"
LONG = "a" * 5000 + "b"
GENEROUS_SEC = 20.0
"""A search without a limit would take longer than the universe is old; a busy machine does not take this long."""


def test_catastrophic_backtracking_ends_as_unknown_and_is_not_tried_again_and_again() -> None:
    began = time.perf_counter()
    condition = parse(f"x matches /{CATASTROPHIC}/")
    for _ in range(1000):
        judgement = condition.judge(KnownFacts({"x": LONG}))
        assert judgement.truth is None
        assert judgement.text.endswith("this regular expression takes too long")
    assert time.perf_counter() - began < GENEROUS_SEC


def test_a_search_is_tried_again_after_a_timeout() -> None:
    pattern = BoundedPattern(CATASTROPHIC, ignore_case=False)
    assert pattern.found_in(LONG)[0] is None
    assert [pattern.found_in("aaa")[0] for _ in range(3)] == [None, None, True]


@pytest.mark.parametrize(
    "pattern",
    ["(((a{1000}){1000}){1000})", "a{1001}", "((a{0,100}){0,100})", "(a{1,99999999999})", "x{2}" * 10, "a{,2000}"],
)
def test_counted_repeats_that_would_fill_the_memory_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match="counted repeats"):
        check(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}", r"^\d{4}-\d\d-\d\dT", "ERR|WARN", "(?i)x", "[[a]", r"\w+@\w+", "{}", "é"],
)
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    check(pattern)


@pytest.mark.parametrize(
    "pattern", ["(", "*", "[z-a]", "(?P<1>x)", r"\L<names>", "(?R)", "(" * 199, "a" * 201, r"\p{L}", "(?<=a+)b"]
)
def test_what_pythons_own_syntax_does_not_have_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        check(pattern)


def test_a_text_longer_than_the_limit_is_unknown_unless_it_is_found_before() -> None:
    pattern = BoundedPattern("needle", ignore_case=False)
    assert pattern.found_in("needle" + " " * MAX_TEXT) == (True, "")
    assert pattern.found_in(" " * MAX_TEXT + "needle") == (None, f"not in the first {MAX_TEXT} characters")
    assert pattern.found_in("Needle") == (False, "")
    assert BoundedPattern("needle", ignore_case=True).found_in("Needle") == (True, "")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("a*c", "abc", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*", "", True),
        ("?", "", False),
        ("a", "ab", False),
        ("*b*b", "abxb", True),
        ("[a]*", "[a]x", True),
        (".", "x", False),
    ],
)
def test_a_glob_matches_the_whole_text(pattern: str, text: str, matches: bool) -> None:
    assert glob_matches(pattern, text) is matches


def test_a_glob_takes_little_time_and_does_not_tell_of_a_text_that_is_too_long() -> None:
    began = time.perf_counter()
    assert glob_matches("*a" * 100 + "b", "a" * MAX_GLOB_TEXT) is False
    assert time.perf_counter() - began < GENEROUS_SEC
    assert glob_matches("a*", "a" * (MAX_GLOB_TEXT + 1)) is None


def test_the_place_in_a_pattern_is_the_place_in_the_condition() -> None:
    with pytest.raises(ConditionError) as caught:
        parse("body matches /abc[z-a]/")
    assert "body matches /abc[z-a]/"[caught.value.offset :].startswith("z-a")
