"""What is within a tolerance: each form, and where the Chaos Toolkit's own code is not followed."""

from typing import Any

import pytest
from chaoslib.hypothesis import within_tolerance

from demo.chaos_toolkit.experiment import ABSENT
from demo.chaos_toolkit.tolerance import ToleranceError, is_within
from demo.chaos_toolkit.tolerance_condition import Kind, condition_of
from demo.conditions import parse
from demo.showfile.probing.node_state_rules import OwnFacts


def http(status: int, body: Any = "") -> dict[str, Any]:
    return {"status": status, "headers": {}, "body": body}


def ended(status: int, stdout: str = "", stderr: str = "") -> dict[str, Any]:
    return {"status": status, "stdout": stdout, "stderr": stderr}


AS_THE_TOOLKIT: list[tuple[Any, Any, bool]] = [
    (True, True, True),
    (True, False, False),
    (True, http(200), False),  # the whole answer is compared: never met
    ("yes", "yes", True),
    ("yes", ended(0, "yes"), False),
    (200, http(200), True),
    (200, http(503), False),
    (3, 3, True),
    ([200, 204], http(200), True),
    ([200, 204], http(202), False),  # two numbers are no range for what has a status
    ([1, 5], 3, True),
    ([1, 5], 6, False),
    ([1, 2, 5], 3, False),
    ([1, 2, 5], 5, True),
    ({"type": "regex", "pattern": "^O"}, "OK", True),
    ({"type": "regex", "pattern": "^O", "target": "stdout"}, ended(0, "OK"), True),
    ({"type": "regex", "pattern": "^K", "target": "stdout"}, ended(0, "OK"), False),
    ({"type": "range", "range": [1, 5]}, 5, True),
    ({"type": "range", "range": [1, 5]}, "3.5", True),
    ({"type": "range", "range": [1, 5]}, "many", False),
    ({"type": "range", "range": [200, 299], "target": "status"}, http(204), True),
]

UNLIKE_THE_TOOLKIT: list[tuple[Any, Any, bool]] = [
    (0.5, 0.5, True),  # there: None, which is no success
    (0.5, 0.6, False),
    (1, True, False),  # there: true is 1
    ({"type": "regex", "pattern": "OK"}, http(200, "is OK"), True),  # there: TypeError without a target
    ({"type": "regex", "pattern": "OK"}, ended(0, "is OK"), True),
    ({"type": "regex", "pattern": "leader"}, http(200, {"role": "leader"}), True),
    ({"type": "range", "range": [1, 5]}, ended(0, "3\n"), True),
    ([1, 5], "text", False),  # there: TypeError
    ({"type": "jsonpath", "path": "$.role", "target": "body", "expect": "leader"}, http(200, {"role": "leader"}), True),
    ({"type": "jsonpath", "path": "$.role", "target": "body", "expect": "leader"}, http(200, '{"role": "a"}'), False),
    ({"type": "jsonpath", "path": "$[*].n", "target": "stdout", "expect": [1, 2]}, ended(0, '[{"n":1},{"n":2}]'), True),
    (
        {"type": "jsonpath", "path": "$[*].n", "target": "stdout", "expect": [2, 1]},
        ended(0, '[{"n":1},{"n":2}]'),
        False,
    ),
    ({"type": "jsonpath", "path": "$[*]", "count": 2}, [1, 2], True),
    ({"type": "jsonpath", "path": "$[*]", "count": 0}, [], True),
    ({"type": "jsonpath", "path": "$.a"}, {"a": None}, True),
    ({"type": "jsonpath", "path": "$.a"}, {"b": 1}, False),
    ({"type": "jsonpath", "path": "$.a"}, "no JSON", False),
    ({"type": "jsonpath", "path": "$.status"}, http(200), True),
    (None, None, True),
]


@pytest.mark.parametrize(("tolerance", "value", "expected"), AS_THE_TOOLKIT)
def test_a_tolerance_is_met_as_in_the_chaos_toolkit(tolerance: Any, value: Any, expected: bool) -> None:
    assert is_within(tolerance, value) is expected
    assert bool(within_tolerance(tolerance, value)) is expected


@pytest.mark.parametrize(("tolerance", "value", "expected"), UNLIKE_THE_TOOLKIT)
def test_its_mistakes_are_not_repeated(tolerance: Any, value: Any, expected: bool) -> None:
    assert is_within(tolerance, value) is expected


def test_a_probe_decides_with_the_value_that_was_found() -> None:
    seen: list[Any] = []

    def run(probe: Any, value: Any) -> bool:
        seen.append((probe["name"], value))
        return False

    assert is_within({"type": "probe", "name": "is it well?"}, 5, run) is False
    assert seen == [("is it well?", 5)]


@pytest.mark.parametrize(
    "tolerance",
    [
        {"type": "sometimes"},
        {},
        {"type": ["regex"]},
        {"type": "regex", "pattern": "("},
        {"type": "range", "range": [1]},
        {"type": "jsonpath", "path": "$["},
    ],
)
def test_what_cannot_be_decided_is_an_error(tolerance: Any) -> None:
    with pytest.raises(ToleranceError):
        is_within(tolerance, "5")


CONDITIONS: list[tuple[Kind, Any, str | None]] = [
    ("http", ABSENT, ""),
    ("http", 200, "status == 200"),
    ("http", [200, 204], "status in (200, 204)"),
    ("http", [200, 201, 204], "status in (200, 201, 204)"),
    ("http", True, None),
    ("http", "OK", None),
    ("http", 0.5, None),
    ("http", [], None),
    ("http", {"type": "range", "target": "status", "range": [200, 299]}, "status >= 200 and status <= 299"),
    ("http", {"type": "range", "range": [200, 299]}, None),
    ("http", {"type": "regex", "pattern": "a/b\\d"}, "text matches /a\\/b\\d/"),
    ("http", {"type": "regex", "pattern": "("}, None),
    ("http", {"type": "regex", "pattern": "x" * 201}, None),
    (
        "http",
        {"type": "jsonpath", "target": "body", "path": "$.a.b[0]", "expect": 'le "x"'},
        'body.a.b[0] == "le \\"x\\""',
    ),
    ("http", {"type": "jsonpath", "path": "$.body.up", "expect": True}, "body.up == true"),
    ("http", {"type": "jsonpath", "path": "$.status", "expect": 200}, "status == 200"),
    ("http", {"type": "jsonpath", "target": "body", "path": "$.a"}, "has(body.a) == true"),
    ("http", {"type": "jsonpath", "target": "body", "path": "$..a", "expect": 1}, None),
    ("http", {"type": "jsonpath", "target": "body", "path": "$.a", "expect": "200"}, None),
    ("http", {"type": "jsonpath", "target": "body", "path": "$.a", "count": 1}, None),
    ("http", {"type": "probe"}, None),
    ("process", 0, "exit == 0"),
    ("process", [0, 1], "exit in (0, 1)"),
    ("process", {"type": "regex", "target": "stdout", "pattern": "ready"}, "exit == 0 and output matches /ready/"),
    ("process", {"type": "regex", "target": "stderr", "pattern": "ready"}, None),
    ("process", {"type": "range", "target": "stdout", "range": [1, 2.5]}, "exit == 0 and body >= 1 and body <= 2.5"),
    ("process", {"type": "jsonpath", "target": "stdout", "path": "$.n", "expect": 3}, "exit == 0 and body.n == 3"),
]


@pytest.mark.parametrize(("kind", "tolerance", "condition"), CONDITIONS)
def test_a_tolerance_becomes_the_condition_of_a_probe_where_one_says_the_same(
    kind: Kind, tolerance: Any, condition: str | None
) -> None:
    assert condition_of(kind, tolerance) == condition


@pytest.mark.parametrize(("tolerance", "value", "expected"), [*AS_THE_TOOLKIT, *UNLIKE_THE_TOOLKIT])
def test_a_condition_and_its_tolerance_agree(tolerance: Any, value: Any, expected: bool) -> None:
    if not isinstance(value, dict) or "status" not in value:
        return
    kind: Kind = "process" if "stdout" in value else "http"
    if condition := condition_of(kind, tolerance):
        fields = {"status": value["status"], "exit": value["status"], "body": value.get("body")}
        text = str(value.get("body", value.get("stdout")))
        facts = OwnFacts(fields | {"text": text, "output": text.strip()})
        assert (parse(condition).truth(facts) is True) is expected
