"""docs/conditions.md: every condition in it is read, and gives what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.conditions import ConditionError, NodeFact, Value, parse, read_quantity
from demo.conditions.lexer import MAX_LENGTH
from demo.conditions.parser import MAX_DEPTH
from demo.conditions.patterns import MAX_PATTERN
from tests.conditions.known_facts import KnownFacts

PAGE = (Path(__file__).parents[2] / "docs" / "conditions.md").read_text()


def rows(header: str) -> Iterator[tuple[str, ...]]:
    """Return the rows of each table that begins with this column, `\\|` as `|`, the condition without its backticks."""
    for table in re.findall(rf"(?m)^\| {header} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE):
        for line in table.splitlines():
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            yield cells[0].strip("`"), *cells[1:]


EXAMPLES = [row for row in rows("condition") if re.match("(true|false|unknown): ", row[-1])]
TIMED = [row[0] for row in rows("condition") if row not in EXAMPLES]
MISTAKES = list(rows("written"))


def facts(measured: str) -> KnownFacts:
    """Read `status = 503, latency = 2s` or `members: a up role=leader, b down`."""
    if ": " in measured and " = " not in measured:
        name, _, listed = measured.partition(": ")
        return KnownFacts(groups={name: [node(text) for text in listed.split(", ")]})
    pairs = [pair.split(" = ") for pair in measured.split(", ") if " = " in pair]
    return KnownFacts({path: value(text) for path, text in pairs})


def node(text: str) -> NodeFact:
    name, state, *fields = text.split()
    return NodeFact(name, state, dict(field.split("=") for field in fields))


def value(text: str) -> Value:
    return {"true": True, "false": False}[text] if text in ("true", "false") else (read_quantity(text) or text)


@pytest.mark.parametrize(("text", "measured", "result"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_an_example_says_what_the_page_says(text: str, measured: str, result: str) -> None:
    given = facts(measured) if " = " not in measured or "FATAL" not in measured else KnownFacts({"line": measured[7:]})
    judgement = parse(text).judge(given)
    assert f"{ {True: 'true', False: 'false', None: 'unknown'}[judgement.truth] }: {judgement.text}" == result


@pytest.mark.parametrize(("text", "answer"), MISTAKES)
def test_a_mistake_is_answered_as_the_page_says(text: str, answer: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert str(caught.value) == answer


def test_every_other_condition_of_the_page_is_read_and_no_table_is_missed() -> None:
    assert (len(EXAMPLES), len(TIMED), len(MISTAKES)) == (38, 4, 7)
    for text in TIMED:
        parse(text)
    prose = re.sub(r"(?m)^\|.*\n", "", PAGE).replace("\n", " ")
    quoted = [text for text in re.findall(r"`([^`]+)`", prose) if re.search(r" (==|<|is) |^has\(", text)]
    assert len(quoted) == 7
    for text in quoted:
        if text != "latency < 300":
            parse(text)
    one, other = "not a == 1 and b == 2 or c == 3", "((not a == 1) and b == 2) or c == 3"
    assert parse(one).tree == parse(other).tree
    assert one in prose
    assert other in prose


def test_the_limits_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"at most {MAX_LENGTH:,} characters and {MAX_DEPTH} levels" in text
    assert f"at most {MAX_PATTERN} characters" in text
