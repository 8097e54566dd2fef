"""A condition in words, for people on paper: every form of the language has some."""

import pytest

from demo.conditions import condition_in_words, parse
from tests.conditions.test_forms import FORMS

WORDS = [
    ("writes is up within 15s", "writes is up, within 15s"),
    ("all up", "every node is up"),
    ("web is not up for 5s", "web is not up, for 5s"),
    ("latency < 300ms", "latency is below 300ms"),
    ("status != 200", "status is not 200"),
    ("patient.p(95) <= 2s", "percentile 95 of patient is at most 2s"),
    ("len(body.members) >= 3", "the length of body.members is at least 3"),
    ("has(body.leader) == false", "body.leader is not there"),
    ("count(pods where color == green up) >= 2", "the number of nodes of pods that are up and where color is green"
     " is at least 2"),
    ("count(all down) == 0", "the number of nodes that are down is 0"),
    ("status in (200, 201)", "status is 200 or 201"),
    ("status not in (500, 503)", "status is neither 500 nor 503"),
    ("line matches /FATAL/i", "line matches /FATAL/i"),
    ("not (a == 1 and b == 2)", "it is not true that (a is 1 and b is 2)"),
    ("a == 1 and (b == 2 or c == 3)", "a is 1 and (b is 2 or c is 3)"),
    ("orders.rate < 5% during kill-node", "orders.rate is below 5%, while the fault kill-node is in place"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "expected"), WORDS)
def test_a_condition_reads_as_a_sentence(condition: str, expected: str) -> None:
    assert condition_in_words(parse(condition)) == expected


@pytest.mark.parametrize("condition", sorted({form.text for form in FORMS}))
def test_every_form_has_words_without_operators(condition: str) -> None:
    said = condition_in_words(parse(condition))
    assert said == condition_in_words(parse(parse(condition).canonical)), "whichever way it is spelt"
    assert not any(operator in said for operator in ("==", "!=", "<=", ">=", " < ", " > ", "  "))
