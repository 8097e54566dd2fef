"""Which way a text within SVG runs: its first letter with a direction decides, figures and signs do not."""

import pytest

from demo.web.rendering.text_direction import direction_class, runs_right_to_left


@pytest.mark.parametrize("text", ["עברית", "عقدة b (2)", "7 عقدة d", "· שלום hello"])
def test_a_text_that_begins_with_hebrew_or_arabic_runs_from_the_right(text: str) -> None:
    assert runs_right_to_left(text)
    assert direction_class(text) == " rtl"


@pytest.mark.parametrize("text", ["", "12.5 %", "node-1 عقدة", "Узел", "節点 א"])
def test_every_other_text_runs_from_the_left(text: str) -> None:
    assert not runs_right_to_left(text)
    assert direction_class(text) == ""
