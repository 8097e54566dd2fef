"""Which chapters of a deck do not fit the stage, and what is said of them."""

from collections.abc import Sequence
from typing import Any

import pytest

from demo.ballots.vote import read_vote
from demo.narration.page_style import PageStyle
from demo.text_fit.deck import Overflow, find_overflows
from demo.types import Chapter

FEW, MANY = "A few words. " * 10, "A few words. " * 120
FIRST = Chapter("First", "It begins.")
TABLE = "| {0} | {0} | {0} |\n|---|---|---|\n| a | b | c |\n".format("Konsistenzgarantienvergleich")


async def act() -> None: ...


def overflows(*chapters: Chapter, has_system: bool = True, **more: Any) -> Sequence[Overflow]:
    return list(find_overflows([FIRST, *chapters], has_system=has_system, **more))


def test_a_deck_of_short_texts_has_nothing_to_tell() -> None:
    assert overflows(Chapter("Short", FEW, hypothesis="It holds", injects=("kill",))) == []


def test_a_text_that_is_too_long_is_told_with_what_to_do() -> None:
    (found,) = overflows(Chapter("Long", MANY))
    assert (found.chapter, found.step, found.steps) == (2, 1, 1)
    assert found.too_long > 5
    assert found.text == (
        f"its text does not fit the stage at 1280×720: even in the smallest letters it is about {found.too_long} lines "
        f"too long; leave out about {found.words} words, or make two chapters of it"
    )


def test_leaving_out_as_many_words_as_are_named_makes_it_fit() -> None:
    (found,) = overflows(Chapter("Long", MANY))
    words = MANY.split()
    assert overflows(Chapter("Long", " ".join(words[: len(words) - found.words - 12]))) == []
    assert overflows(Chapter("Long", " ".join(words[: len(words) - found.words // 2]))) != []


def test_a_text_has_more_room_without_a_system() -> None:
    text = "A few words. " * 60
    assert overflows(Chapter("Long", text)) != []
    assert overflows(Chapter("Long", text), has_system=False) == []


def test_the_first_step_that_does_not_fit_is_named() -> None:
    steps = (FEW, FEW, MANY)
    (found,) = overflows(Chapter("Steps", "\n\n".join(steps), steps=steps))
    assert (found.step, found.steps) == (3, 3)
    assert found.text.startswith("step 3 of 3 does not fit ")


def test_a_layout_without_the_system_must_have_room_while_something_is_broken() -> None:
    text, style = "A few words. " * 60, PageStyle(layout="center")
    assert overflows(Chapter("Center", text, style=style)) == []
    assert overflows(Chapter("Center", text, style=style, injects=("kill",))) != []


def test_a_narrow_layout_has_less_room() -> None:
    text = "A few words. " * 40
    assert overflows(Chapter("Split", text, style=PageStyle(layout="split"))) == []
    (found,) = overflows(Chapter("System", text, style=PageStyle(layout="system")))
    assert "its place beside the system" in found.text


def test_a_prediction_that_is_too_long_is_told_on_its_page() -> None:
    vote = read_vote({"question": "Will it?", "options": ["yes", "no"]})
    chapter = Chapter("Predicted", "A few words. " * 75, hypothesis="It holds")
    assert overflows(chapter, has_system=False) == []
    long = Chapter("Predicted", MANY, hypothesis="It holds", vote=vote)
    (found,) = overflows(long, has_system=False)
    assert "does not fit the page of its prediction" in found.text


def test_what_came_of_a_prediction_takes_room_too() -> None:
    text = next(
        text
        for text in ("A few words. " * count for count in range(200, 1, -1))
        if not overflows(Chapter("Predicted", text, hypothesis="It holds", injects=("kill",)))
    )
    deck = [Chapter("Predicted", text, hypothesis="It holds", injects=("kill",)), Chapter("After", text)]
    assert overflows(*deck) == []
    found = overflows(*deck, verdicts={2: "errors: 3 %, not below 1 %. " * 3})
    assert [overflow.chapter for overflow in found] == [2, 3]
    # Where something was injected the prediction is not spoken of again, though no setting names the fault.
    found = overflows(*deck, verdicts={2: "errors: 3 %, not below 1 %. " * 3}, tested={3})
    assert [overflow.chapter for overflow in found] == [2]


def test_a_table_that_is_too_wide_is_told_though_it_is_not_too_high() -> None:
    (found,) = overflows(Chapter("Table", TABLE))
    assert found.too_long == 0
    assert "has a table that is" in found.text


def test_code_that_is_too_long_is_told() -> None:
    code = "```python\n" + "value = 1\n" * 40 + "```"
    assert overflows(Chapter("Code", code)) != []
    assert overflows(Chapter("Code", code.replace("value = 1\n" * 30, ""))) == []


def test_a_chapter_that_lists_the_evidence_shows_no_text() -> None:
    assert overflows(Chapter("Evidence", MANY, shows_evidence=True)) == []


@pytest.mark.parametrize("title", ["Word " * 3, "Word " * 400])
def test_a_cover_has_room_for_a_title_up_to_some_length(title: str) -> None:
    found = list(find_overflows([Chapter(title, FEW), FIRST], has_system=True))
    assert bool(found) == (len(title) > 100)
    assert all("does not fit the cover" in overflow.text for overflow in found)


def test_a_first_chapter_that_acts_is_no_cover() -> None:
    found = list(find_overflows([Chapter("Word " * 100, FEW, on_enter=act), FIRST], has_system=True))
    assert ["beside the system" in overflow.text for overflow in found] == [True]
