"""Conditions of a show file: what their names mean where they stand, and what is said of those that mean nothing."""

import pytest

from tests.showfile.checked_shows import messages, said

FRONT = """probes:
  api: {http: 'http://127.0.0.1:8080/'}
  db: {tcp: '127.0.0.1:5432', group: stores}
  pair: {tcp: '127.0.0.1:{8081..8082}'}
  members: {http: 'http://127.0.0.1:2379/', each: '$.members[*]', id: name, container: 'etcd-${id}'}
  lines: {run: [x], each: 'lines: /(?<node>a) (?<role>b)/'}
  log: {log: {process: web, match: '/x/'}, up: rate > 1/s}
groups: {backend: [api, db]}
processes:
  web: {run: [x]}
load:
  client: {http: 'http://127.0.0.1:8080/', rate: 20/s}
faults:
  gone: {run: [stop, db], undo: [start, db], healed: db is up}
"""
TWO_LOADS = FRONT.replace("faults:", "  other: {redis: 'redis://h', rate: 1/s}\nfaults:")


def of_expect(condition: str, front: str = FRONT) -> list[str]:
    """Return what is said of an expectation."""
    return list(messages(front, f"hypothesis: h\nexpect: >-\n  {condition}\n"))


@pytest.mark.parametrize(
    "condition",
    [
        "api is up",
        "all up",
        "backend is not up or stores is down",
        "api.latency < 300ms and api.body.role == leader and api.headers.server matches /x/",
        "api.state == up and db.health == down",
        "pair-8081 is up and count(pair up) == 2 and pair-8082.latency < 1s",
        "count(members.role == leader) == 1 and members-etcd1 is up and count(members where zone == a up) >= 1",
        "count(lines.role == b) == 1 and count(all up) >= 1",
        "p(95) < 200ms and rate < 1% and count > 5",
        "client.rate > 1/s and client.p(99) < 1s",
        "api is up for 3s",
        "api is up within 3s",
        "api is down during gone",
    ],
)
def test_names_that_are_declared(condition: str) -> None:
    assert of_expect(condition) == []


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("apj is up", 'there is no probe, group or node "apj": did you mean api?'),
        ("pair-8089 is up", 'there is no probe, group or node "pair-8089"'),
        ("client is up", "client is a load, and has no state: ask for client.rate or client.errors"),
        ("web is up", 'there is no probe, group or node "web"'),
        ("apj.latency < 1s", 'there is no probe or load "apj": did you mean api?'),
        ("status == 200", 'there is no probe or load "status"'),
        ("api.latncy == 1", 'api has no "latncy": did you mean latency?'),
        ("db.status == 200", 'db has no "status". A probe by tcp has latency, state, health'),
        ("api == up", "api has many values: write api is up"),
        ("client.lag == 1", "a load has no lag"),
        ("members.role == leader", "members has several nodes: whose role? Write count(members.role == …) >= 1"),
        ("pair.latency < 1s", "pair has several nodes"),
        ("backend.latency < 1s", "backend has several nodes"),
        ("count(lines.rule == b) == 1", 'lines has no "rule": did you mean role?'),
        ("count(nodes up) == 1", 'there is no probe, group or node "nodes"'),
        ("api is up during gon", 'there is no fault "gon": did you mean gone?'),
        ("api is", "expect: "),
    ],
)
def test_names_that_mean_nothing(condition: str, sentence: str) -> None:
    found = of_expect(condition)
    assert [sentence in message for message in found] == [True], found


def test_of_two_loads_one_must_be_named() -> None:
    assert of_expect("rate < 1%", TWO_LOADS) == ["rate of which load? Write client.rate or other.rate"]
    assert of_expect("rate < 1%", "") == ["rate is measured by a load, and none is declared"]


BOOK = TWO_LOADS.replace("rate: 1/s}", "rate: 1/s, book: true}")


@pytest.mark.parametrize(
    ("condition", "front", "said"),
    [
        ("other.book.lost == 0 and book.landed > 0 and duplicate == 0 and other.ambiguous < 3", BOOK, []),
        (
            "book.lost == 0",
            BOOK.replace("rate: 20/s", "rate: 20/s, book: true, read: 'http://h/'"),
            ["book.lost of which load? Write client.book.lost or other.book.lost"],
        ),
        ("book.lost == 0", FRONT, ["book.lost is known of a load with book: true, and none has it"]),
        ("client.book.lost == 0", BOOK, ["client does not number its writes: add book: true to it"]),
        ("client.lost == 0", BOOK, ["client does not number its writes: add book: true to it"]),
    ],
)
def test_what_a_book_counts_is_known_of_a_load_that_has_one(condition: str, front: str, said: list[str]) -> None:
    assert of_expect(condition, front) == said


def test_what_a_book_does_not_count_is_told_with_what_it_does() -> None:
    (bare,) = of_expect("book.lots == 0", BOOK)
    assert bare.startswith("a book has book.written, book.confirmed")
    (named,) = of_expect("other.book.rate == 0", BOOK)
    assert "a load has no rate. It has other.rate" in named
    assert "other.book.lost" in named


@pytest.mark.parametrize(
    ("healed", "sentence"),
    [
        ("client.rate > 1/s", "client is a load: healed asks probes alone"),
        ("rate < 1%", "rate is measured by a load: healed asks probes alone"),
        ("book.lost == 0", "book.lost is measured by a load: healed asks probes alone"),
        ("log is up", "log reads a log, which says nothing about now"),
        ("log.rate > 1/s", "log reads a log, which says nothing about now"),
        ("db is up within 3s", "within means nothing here: healed takes for"),
        ("db is up during gone", "during means nothing here: healed takes for"),
    ],
)
def test_who_heals_has_probes_alone(healed: str, sentence: str) -> None:
    found = messages(FRONT.replace("healed: db is up", f"healed: {healed}"))
    assert [sentence in message for message in found] == [True], found


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("up: rate > 1/s", "up: rte > 1/s", 'a probe by log has no "rte": did you mean rate?'),
        ("up: rate > 1/s", "up: log.rate > 1/s", "within its own probe leave log. out"),
        ("up: rate > 1/s", "up: api is up", "up is about the probe's own answer: it cannot ask api"),
        ("up: rate > 1/s", "up: rate > 1/s for 3s", "for means nothing here: up is decided by one answer"),
        ("run: [x]}", "run: [x], ready: web is up}", 'there is no probe, group or node "web"'),
        ("run: [x]}", "run: [x], ready: rate > 1/s}", "rate is measured by a load: ready asks probes alone"),
        (
            "run: [stop, db]",
            "container: {where: role == leader, do: kill}",
            "role of which probe? Write it like members.role",
        ),
        ("run: [stop, db]", "container: {where: client.rate > 1/s, do: kill}", "client is a load: a node is picked"),
        (
            "run: [stop, db]",
            "container: {where: db.latency > 1s, do: kill}",
            "the probe db does not say whose container its nodes are: add container: db-${id} to it",
        ),
        (
            "run: [stop, db], undo: [start, db]",
            "process: {where: members.role == leader, do: kill}",
            "the probe members does not say whose process its nodes are: add behind: ${id} to it",
        ),
        ("run: [stop, db]", "container: {where: members.a == 1 for 3s, do: kill}", "where picks a node at one moment"),
    ],
)
def test_conditions_of_the_front_matter(old: str, new: str, sentence: str) -> None:
    assert old in FRONT
    found = messages(FRONT.replace(old, new))
    assert [sentence in message for message in found] == [True], found


def test_what_looks_at_one_moment_takes_no_time() -> None:
    steps = "on_enter:\n  - {say: x, if: api is up for 3s}\n  - {wait_until: api is up during gone}\n"
    require = "require: [{condition: api is up within 3s, msg: m}]\n"
    assert messages(FRONT, steps + require) == [
        "for means nothing here: if looks at one moment",
        "during means nothing here: wait_until takes for and within",
        "within means nothing here: condition looks at one moment",
    ]


def test_a_wrong_name_is_pointed_at_within_the_text() -> None:
    settings = "hypothesis: h\nexpect: 'api is up and\n  (apj is up or db.status == 200)'\n"
    column = len("  (") + 1
    assert [place.split(": ")[0] for place in said("probes:\n  api: {http: 'http://h/'}\n", settings)] == [
        f"9:{column}",
        f"9:{column + len('apj is up or ')}",
    ]
