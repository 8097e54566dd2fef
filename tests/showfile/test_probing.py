"""The pure parts: addresses in braces, rows of an answer, judgement of an answer, and what a card shows."""

from typing import Any

import pytest

from demo.conditions import Quantity
from demo.errors import InvalidValue
from demo.probes.result import Reading
from demo.showfile.probing.addresses import expand
from demo.showfile.probing.card import MASKED, shown_by
from demo.showfile.probing.fields import Fields
from demo.showfile.probing.node_state_rules import NO_CONDITION, NO_ROWS, NO_VALUE, NOT_FIT, NodeStateRules
from demo.showfile.probing.owner import Owner, owner_of
from demo.showfile.probing.rows import MAX_ROWS, splitter
from tests.showfile.answering import probe


def expanded(written: Any) -> list[tuple[str, str]]:
    return [(address.text, address.element) for address in expand(written)]


def test_braces_stand_for_several_addresses_and_each_element_names_its_own() -> None:
    assert expanded("tcp://a:1") == [("tcp://a:1", "")]
    assert expanded("http://{a, b}:80/x") == [("http://a:80/x", "a"), ("http://b:80/x", "b")]
    assert expanded("h:{8080..8082}") == [("h:8080", "8080"), ("h:8081", "8081"), ("h:8082", "8082")]
    assert expanded("n{08..10}") == [("n08", "08"), ("n09", "09"), ("n10", "10")]
    assert [element for _, element in expanded("{a,b}:{1,2}")] == ["a-1", "a-2", "b-1", "b-2"]
    assert expanded(["http://u:p@a:80/x", "http://b:80/y"]) == [
        ("http://u:p@a:80/x", "a-80"),
        ("http://b:80/y", "b-80"),
    ]
    assert expanded("redis://:${SECRET}@a:1") == [("redis://:${SECRET}@a:1", "")]


@pytest.mark.parametrize("written", ["h:{}", "h:{a}", "h:{a,}", "h:{9..1}", "h:{1..1000000000}", "{1..100}{1..100}"])
def test_braces_that_mean_nothing_or_too_much_are_refused(written: str) -> None:
    with pytest.raises(InvalidValue):
        expand(written)


MEMBERS = {"members": [{"name": "m1", "tags": {"role": "leader"}}, {"name": "m2", "tags": {"role": "follower"}}]}


@pytest.mark.parametrize(
    ("each", "ident", "data", "ids"),
    [
        ("$.members[*]", "name", {"body": MEMBERS}, ["m1", "m2"]),
        ("$.members[*]", "$.tags.role", {"body": MEMBERS}, ["leader", "follower"]),
        ("$.members[*]", "tags.role", {"body": MEMBERS}, ["leader", "follower"]),
        ("$.members[*]", None, {"body": MEMBERS}, ["0", "1"]),
        ("$.members[?@.tags.role == 'leader']", "name", {"body": MEMBERS}, ["m1"]),
        ("$.names[*]", None, {"body": {"names": ["a", "b"]}}, ["a", "b"]),
        ("$.ports[*]", None, {"body": {"ports": [1, 2]}}, ["1", "2"]),
        ("$.by[*]", None, {"body": {"by": {"x": {"n": 1}, "y": {"n": 2}}}}, ["x", "y"]),
        ("csv", "host", {"output": "host,lag\na,1\nb,2\n"}, ["a", "b"]),
        ("lines: /^(?<name>\\w+) +(?<role>\\w+)$/", "name", {"text": "a  up\nnonsense!\nb down\n"}, ["a", "b"]),
        ("$.members[*]", "name", {"body": {"members": []}}, []),
    ],
)
def test_an_answer_is_split_into_its_nodes(each: str, ident: str | None, data: Any, ids: list[str]) -> None:
    assert [row.id for row in splitter(each, ident)(data)] == ids


def test_a_row_has_its_fields_and_two_of_one_id_are_marked() -> None:
    rows = splitter("csv", "host")({"output": "host,lag\na,1\na,2\nb,3\n"})
    assert [(row.id, row.data["lag"], row.is_twice) for row in rows] == [
        ("a", "1", True),
        ("a", "2", True),
        ("b", "3", False),
    ]


@pytest.mark.parametrize(
    ("each", "ident", "data", "words"),
    [
        ("$.a[*]", None, {"body": None, "text": "<html>"}, "without JSON"),
        ("$.a[*]", "name", {"body": {"a": [{"x": 1}]}}, "no id"),
        ("$.a[*]", None, {"body": {"a": list(range(MAX_ROWS + 1))}}, "more than"),
        ("csv", None, {"body": {}}, "without text"),
    ],
)
def test_an_answer_that_cannot_be_split_says_why(each: str, ident: str | None, data: Any, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        splitter(each, ident)(data)


@pytest.mark.parametrize("each", ["$.[", "members", "lines: /(/", "lines: /no name/"])
def test_an_each_that_makes_no_sense_is_refused(each: str) -> None:
    with pytest.raises(InvalidValue):
        splitter(each, None)


HTTP: dict[str, Any] = {"http": "http://a"}
RUN: dict[str, Any] = {"run": ["x"]}
GRAPH: dict[str, Any] = {"prometheus": "http://a", "query": "up"}
BASE: dict[str, Any] = {"postgres": "postgresql://a"}


@pytest.mark.parametrize(
    ("settings", "data", "state"),
    [
        (HTTP, {"status": 204}, "up"),
        (HTTP, {"status": 301}, "down"),
        (HTTP | {"up": "status == 301"}, {"status": 301}, "up"),
        (HTTP | {"degraded": "status == 503"}, {"status": 503}, "degraded"),
        (HTTP | {"degraded": "status == 503"}, {"status": 500}, "down"),
        (HTTP | {"down": "body.lag > 5", "degraded": "body.lag > 2"}, {"status": 200, "body": {"lag": 9}}, "down"),
        (HTTP | {"down": "body.lag > 5", "degraded": "body.lag > 2"}, {"status": 200, "body": {"lag": 3}}, "degraded"),
        (HTTP | {"down": "body.lag > 5", "degraded": "body.lag > 2"}, {"status": 200, "body": {"lag": 1}}, "up"),
        (HTTP | {"down": "body.lag > 5"}, {"status": 200, "body": {}}, "unknown"),
        (HTTP | {"degraded": "body.lag > 5"}, {"status": 200, "body": None}, "unknown"),
        (HTTP | {"degraded": "body.lag > 5"}, {"status": 503, "body": None}, "down"),
        (HTTP | {"up": "body.ok == true"}, {"status": 200, "body": {}}, "unknown"),
        (HTTP | {"up": "latency < 300ms"}, {"status": 500, "latency": 0.2}, "up"),
        (HTTP | {"up": "latency < 300ms"}, {"status": 200, "latency": 0.4}, "down"),
        (RUN, {"exit": 0}, "up"),
        (RUN, {"exit": 1}, "down"),
        (RUN | {"up": "output matches /PRIMARY/"}, {"exit": 1, "output": "is PRIMARY"}, "up"),
        (GRAPH, {"value": 7.0}, "unknown"),
        (GRAPH | {"up": "value > 5"}, {"value": 7.0}, "up"),
        (GRAPH | {"up": "value < 5"}, {"value": None}, "unknown"),
        (GRAPH | {"up": "value >= 0"}, {"value": 0.0}, "up"),
        (BASE, {"latency": 0.1}, "up"),
        (BASE | {"write": True}, {"latency": 0.1, "writes": False}, "degraded"),
        (BASE | {"query": "SELECT 1"}, {"value": None}, "unknown"),
        ({"docker": "db"}, {"state": "paused"}, "down"),
        ({"process": "db"}, {"state": "running"}, "up"),
        ({"process": "db"}, {"state": "killed"}, "down"),
    ],
)
def test_an_answer_is_judged_in_the_order_unknown_down_degraded_up(settings: Any, data: Any, state: str) -> None:
    verdict = NodeStateRules.of(probe(**settings)).judge(Reading(data))
    assert verdict.state == state
    assert bool(verdict.detail) == (state != "up")


def test_no_answer_is_down_and_one_that_says_nothing_is_unknown() -> None:
    judge = NodeStateRules.of(probe(**HTTP, up="status == 200"))
    assert judge.judge(Reading(trouble="connection refused")).state == "down"
    assert judge.judge(Reading(trouble="no such name", inconclusive=True)).state == "unknown"


def test_a_verdict_says_why_in_words_that_hold_no_address() -> None:
    def detail(settings: Any, data: Any) -> str:
        return NodeStateRules.of(probe(**settings)).judge(Reading(data)).detail

    assert detail(HTTP, {"status": 503}) == "answered with status 503"
    assert detail(RUN, {"exit": 3}) == "ended with exit code 3"
    assert detail(GRAPH, {"value": 1.0}) == NO_CONDITION
    assert detail(GRAPH | {"up": "value > 1"}, {"value": None}) == NO_VALUE
    assert detail(BASE | {"query": "x"}, {"value": None}) == NO_ROWS
    assert "follower" in detail(HTTP | {"up": "body.role == leader"}, {"status": 200, "body": {"role": "follower"}})
    for leader in ("http://10.0.0.7", "db:5432", "/run/secret", "10.0.0.7"):
        told = detail(HTTP | {"up": "body.leader == me"}, {"status": 200, "body": {"leader": leader}})
        assert told == NOT_FIT


def test_a_card_shows_the_main_number_first_with_its_unit_and_no_addresses() -> None:
    data = {"latency": 0.01234, "body": {"qps": 1234.5, "at": "10.0.0.1:80", "ok": True, "lag": "7", "role": "leader"}}
    settings = probe(**HTTP, main="body.qps req/s", show=["latency", "body.at", "body.ok", "body.lag", "body.role"])
    told = {shown.label: shown.value(Fields(data)) for shown in shown_by(settings)}
    assert told == {"req/s": 1230.0, "ms": 12.3, "at": MASKED, "ok": "yes", "lag": 7.0, "role": "leader"}
    assert next(iter(told)) == "req/s"
    assert shown_by(settings)[0].value(Fields({})) is None


def test_fields_have_their_units_and_what_is_not_there_is_none() -> None:
    fields = Fields(
        {"latency": 0.5, "rate": 3, "body": {"rate": 3, "a.b": {"c": 1}, "list": [1, 2]}, "app.io/name": "x"}
    )
    assert fields["latency"] == Quantity(0.5, "s")
    assert fields["rate"] == Quantity(3.0, "/s")
    assert fields["body.rate"] == Quantity(3.0)
    assert fields["body.list.1"] == Quantity(2.0)
    assert fields["body.list.len()"] == Quantity(2.0)
    assert fields["app.io/name"] == "x"
    assert fields["body.none"] is None
    assert "body.none" not in fields


@pytest.mark.parametrize(
    ("settings", "element", "owner"),
    [
        (HTTP, "a", Owner()),
        (HTTP | {"behind": "api-${id}"}, "1", Owner(process="api-1")),
        (HTTP | {"container": "api-${id}"}, "1", Owner(container="api-1")),
        (HTTP | {"behind": "api"}, "1", Owner(process="api")),
        ({"process": "db"}, "db", Owner(process="db")),
        ({"docker": "db"}, "db", Owner(container="db")),
        ({"exec": {"command": ["x"], "service": "db"}}, "x", Owner(container="db")),
        ({"exec": {"command": ["x"], "service": "db"}, "each": "csv"}, "x", Owner()),
    ],
)
def test_a_node_leads_to_the_process_or_container_behind_it(settings: Any, element: str, owner: Owner) -> None:
    assert owner_of(probe(**settings), element) == owner


def test_a_condition_is_decided_anew_when_what_it_compares_has_changed() -> None:
    judge = NodeStateRules.of(probe(**HTTP, up="status == 200 and body.lag < 5 and latency < 1s"))
    told = [
        judge.judge(Reading({"status": status, "body": {"lag": lag}, "latency": latency})).state
        for status, lag, latency in (
            (200, 1, 0.1),
            (200, 1, 0.1),
            (200, 9, 0.1),
            (200, 1, 2),
            (500, 1, 0.1),
            (200, 1, 0.1),
        )
    ]
    assert told == ["up", "up", "down", "down", "down", "up"]
    assert judge.judge(Reading({"status": 200, "body": {}, "latency": 0.1})).state == "unknown"
    for number in range(1000):
        assert judge.judge(Reading({"status": 200, "body": {"lag": 1}, "latency": 0.1 + number / 1e5})).state == "up"
