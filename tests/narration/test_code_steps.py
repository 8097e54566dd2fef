"""Steps of a chapter: its parts, and within them the lines of code that stand out."""

import pytest

from demo.narration import read_steps
from demo.types import Chapter

CODE = "```sql {1|3-5|all}\na\nb\nc\nd\ne\n```"


def test_each_part_is_a_step_that_is_shown_with_those_before_it() -> None:
    steps = read_steps(("one", "two"))
    assert [(step.text, step.added) for step in steps] == [("one", "one"), ("one\n\ntwo", "two")]


def test_code_makes_a_step_of_each_set_of_lines_before_the_next_part() -> None:
    steps = read_steps((f"before\n\n{CODE}", "after"))
    assert [step.text.partition("{")[2].partition("}")[0] for step in steps] == ["1", "3-5", "all", "all"]
    assert [step.added for step in steps[1:]] == ["```sql\nc\nd\ne\n```", "```sql\na\nb\nc\nd\ne\n```", "after"]
    assert steps[0].added == steps[0].text == f"before\n\n{CODE}".replace("{1|3-5|all}", "{1}")
    assert steps[-1].text.endswith("```\n\nafter")


def test_two_blocks_of_code_are_gone_through_one_after_the_other() -> None:
    steps = read_steps(("```sh {1|2}\na\nb\n```\n\n~~~py {2|1|all}\nc\nd\n~~~",))
    shown = [[line.partition("{")[2] for line in step.text.split("\n") if "{" in line] for step in steps]
    assert shown == [["1}", "2}"], ["2}", "2}"], ["2}", "1}"], ["2}", "all}"]]


@pytest.mark.parametrize(
    "text",
    [
        "```sql {2}\na\nb\n```",
        "```sql {all}\na\n```",
        "```sql {a|b}\na\n```",
        "```js {monaco: true | false}\na\n```",
        "````md\n```sql {1|2}\na\n```\n````",
        "text {1|2} and `{1|2}`",
        "``` `{1|2}`",
        "```sql {1|2",
        "```\nx {1|2}\n```",
        "",
    ],
)
def test_code_without_several_steps_makes_none(text: str) -> None:
    (step,) = read_steps((text,))
    assert step.text == step.added == text


def test_code_in_lists_and_quotes_has_steps_too() -> None:
    steps = read_steps(("> ```sh {1|2}\n> a\n>   b\n> ```\n\n1. ~~~py {2|1}\n   c\n   d\n   ~~~",))
    assert len(steps) == 3
    assert steps[1].added == "```sh\n  b\n```"
    assert steps[2].added == "~~~py\nc\n~~~"


def test_code_that_has_no_end_goes_to_the_end_of_its_part() -> None:
    steps = read_steps(("```sh {1|2}\na\nb", "after"))
    assert [step.added for step in steps] == ["```sh {1}\na\nb", "```sh\nb\n```", "after"]


def test_a_chapter_counts_the_steps_of_its_code_and_markup_has_none() -> None:
    chapter = Chapter("A", CODE)
    assert chapter.step_count == 3
    assert "{3-5}" in chapter.text_at(2)
    assert "{all}" in chapter.text_at(99)
    assert Chapter("A", CODE, format="markup").step_count == 1
