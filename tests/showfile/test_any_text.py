"""Whatever a text is, it is read: no exception, no hang, and every problem lies inside the file."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from demo.showfile.yaml_reader import read_yaml
from tests.showfile.decks import FRAGMENTS, GOOD_DECKS, OTHER_FILES, check_reading

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

characters = st.lists(st.integers(0, 0x10FFFF).map(chr), max_size=60).map("".join)
fragments = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join)
damages = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 40), st.sampled_from(["", *FRAGMENTS])), max_size=6)


@FEW
@given(characters | fragments)
@example("---\n---")
@example("---\na: &a [*a]\n---\n# b")
@example("\ufeff```yaml\n")
@example("<!-->\n<!--->\n<!---->")
@example("---\n? a\n---\n\n```yaml\n: [\n```\n")
@example('---\na: "\n---\n')
def test_any_text_is_read(text: str) -> None:
    check_reading(text, OTHER_FILES)


@FEW
@given(st.sampled_from(GOOD_DECKS), damages)
def test_any_damaged_deck_is_read(text: str, damages: list[tuple[int, int, str]]) -> None:
    for begin, length, put in damages:
        at = begin % (len(text) + 1)
        text = text[:at] + put + text[at + length :]
    check_reading(text, OTHER_FILES)


@FEW
@given(characters | fragments, st.integers(1, 100))
def test_any_yaml_is_read_or_has_a_problem_inside_it(text: str, first_line: int) -> None:
    data, problems = read_yaml(text, "x.md", first_line)
    lines = text.split("\n")
    assert data is not None or problems
    for problem in problems:
        assert first_line <= problem.position.line < first_line + len(lines)
        assert 1 <= problem.position.column <= len(lines[problem.position.line - first_line]) + 1


@pytest.mark.parametrize(
    "fragment", ["```\n", "~~~x\n", "<!-- ", "---\na: b\n---\n", "![", "`", "- a: [\n", "> ```\n", "\n---\n"]
)
def test_reading_takes_no_more_than_its_share_of_a_long_text(fragment: str) -> None:
    """A smoke test of a repeated fragment; `python -m bench.fuzz_show_files` measures."""
    check_reading(fragment * 300, OTHER_FILES)
