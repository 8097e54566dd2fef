"""Every mistake: where it is, and the sentence that says what to write instead."""

from pathlib import Path

import pytest

from demo.conditions import ConditionError, parse
from demo.conditions.lexer import MAX_LENGTH
from demo.conditions.parser import MAX_DEPTH

LINES = (Path(__file__).parent / "mistakes.txt").read_text().split("\n")[:-1]
"""Each mistake, and below it the message with a caret below its place."""

MISTAKES = [
    (text, pointer.index("^"), pointer.strip()[2:]) for text, pointer in zip(LINES[::2], LINES[1::2], strict=True)
]


@pytest.mark.parametrize(("text", "offset", "message"), MISTAKES, ids=[text for text, *_ in MISTAKES])
def test_a_mistake_has_its_place_and_a_sentence(text: str, offset: int, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert (caught.value.offset, caught.value.message) == (offset, message)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "(" * 900,
        "not " * 400 + "a == 1",
        "(" * (MAX_DEPTH + 1) + "a == 1" + ")" * (MAX_DEPTH + 1),
        "not (" * 300 + "a == 1" + ")" * 300,
        "a == 1 and " * 1000 + "a == 1",
        "a" * 100_000,
    ],
    ids=lambda text: f"{text[:6]} × {len(text)}",
)
def test_a_condition_that_is_too_deep_or_too_long_is_refused_at_once(text: str) -> None:
    with pytest.raises(ConditionError, match=r"nested deeper|at most"):
        parse(text)


def test_what_is_within_the_limits_is_read() -> None:
    parse("(" * MAX_DEPTH + "a == 1" + ")" * MAX_DEPTH)
    parse("not " * MAX_DEPTH + "a == 1")
    many = " or ".join(["a == 1"] * (MAX_LENGTH // 10))
    assert len(parse(many).names()) == MAX_LENGTH // 10


def test_a_long_word_is_cut_in_the_message() -> None:
    with pytest.raises(ConditionError) as caught:
        parse("status == 200 " + "x" * 1500)
    assert len(caught.value.message) < 200
