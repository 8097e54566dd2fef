"""Every form of the language: how it is read, and what it says of facts that hold, break it, or are unknown."""

from dataclasses import dataclass

import pytest

from demo.conditions import Facts, NodeFact, Quantity, parse
from tests.conditions.known_facts import KnownFacts, node, seconds, share


def members(*states: str, name: str = "members", role: str = "follower") -> KnownFacts:
    """Nodes m1, m2, … in these states; the first is a leader."""
    nodes = [node(f"m{n}", state, role=role if n else "leader") for n, state in enumerate(states)]
    return KnownFacts(groups={name: nodes, "all": nodes})


def pods(*zones: tuple[str, str]) -> KnownFacts:
    return KnownFacts(groups={"pod": [node(f"p{n}", state, group=group) for n, (group, state) in enumerate(zones)]})


@dataclass(frozen=True)
class Form:
    """`canonical`: its one spelling. Then facts under which it is true and false, and what it says under each."""

    text: str
    canonical: str
    held: Facts
    held_text: str
    broken: Facts
    broken_text: str
    unknown_text: str
    unknown: Facts | None = None


NOTHING = KnownFacts()
STATUS = (KnownFacts({"status": 200}), "status = 200", KnownFacts({"status": 503}), "status = 503, not 200")
LEADER = (
    KnownFacts({"body.role": "leader"}),
    "body.role = leader",
    KnownFacts({"body.role": "follower"}),
    "body.role = follower, not leader",
)
FAST = (
    KnownFacts({"latency": seconds(0.12)}),
    "latency = 120ms, below 300ms",
    KnownFacts({"latency": seconds(0.412)}),
    "latency = 412ms, not below 300ms",
)

FORMS = [
    Form("status == 200", "status == 200", *STATUS, "status is unknown"),
    Form("[STATUS] == 200", "status == 200", *STATUS, "status is unknown"),
    Form("status==200", "status == 200", *STATUS, "status is unknown"),
    Form("latency < 300ms", "latency < 0.3s", *FAST, "latency is unknown"),
    Form("[RESPONSE_TIME] < 300", "latency < 0.3s", *FAST, "latency is unknown"),
    Form("latency < 300 ms", "latency < 0.3s", *FAST, "latency is unknown"),
    Form("[BODY].role == leader", "body.role == leader", *LEADER, "body.role is unknown"),
    Form("body.role == leader", "body.role == leader", *LEADER, "body.role is unknown"),
    Form("body.role == 'leader'", "body.role == leader", *LEADER, "body.role is unknown"),
    Form(
        "[CONNECTED] == true",
        "connected == true",
        KnownFacts({"connected": True}),
        "connected = true",
        KnownFacts({"connected": False}),
        "connected = false, not true",
        "connected is unknown",
    ),
    Form(
        "len([BODY].members) == 3",
        "len(body.members) == 3",
        KnownFacts({"body.members.len()": 3}),
        "len(body.members) = 3",
        KnownFacts({"body.members.len()": 2}),
        "len(body.members) = 2, not 3",
        "len(body.members) is unknown",
    ),
    Form(
        "[BODY].name == any(john, jane)",
        "body.name in (john, jane)",
        KnownFacts({"body.name": "jane"}),
        "body.name = jane",
        KnownFacts({"body.name": "joe"}),
        "body.name = joe, not john or jane",
        "body.name is unknown",
    ),
    Form(
        "[BODY].host != pat(10.*)",
        'body.host not in (pat("10.*"))',
        KnownFacts({"body.host": "192.168.0.1"}),
        "body.host = 192.168.0.1, other than 10.*",
        KnownFacts({"body.host": "10.0.0.7"}),
        "body.host = 10.0.0.7, expected other than 10.*",
        "body.host is unknown",
    ),
    Form(
        "has([BODY].errors) == false",
        "has(body.errors) == false",
        KnownFacts({"body.errors.has()": False}),
        "body.errors is not there",
        KnownFacts({"body.errors.has()": True}),
        "body.errors is there, expected otherwise",
        "has(body.errors) is unknown",
    ),
    Form(
        "has(body.leader)",
        "has(body.leader) == true",
        KnownFacts({"body.leader.has()": True}),
        "body.leader is there",
        KnownFacts({"body.leader.has()": False}),
        "body.leader is not there, expected otherwise",
        "has(body.leader) is unknown",
    ),
    Form(
        'body.members[0]["node id"] == 7',
        'body.members[0]["node id"] == 7',
        KnownFacts({"body.members.0.node id": 7}),
        'body.members[0]["node id"] = 7',
        KnownFacts({"body.members.0.node id": 8}),
        'body.members[0]["node id"] = 8, not 7',
        'body.members[0]["node id"] is unknown',
    ),
    Form(
        "p(95) < 200ms",
        "p(95) < 0.2s",
        KnownFacts({"p(95)": seconds(0.1)}),
        "p(95) = 100ms, below 200ms",
        KnownFacts({"p(95)": seconds(1.5)}),
        "p(95) = 1.5s, not below 200ms",
        "p(95) is unknown",
    ),
    Form(
        "client.p(99.9) <= 1m30s",
        "client.p(99.9) <= 90s",
        KnownFacts({"client.p(99.9)": seconds(90)}),
        "client.p(99.9) = 90s, at most 90s",
        KnownFacts({"client.p(99.9)": seconds(91)}),
        "client.p(99.9) = 91s, not at most 90s",
        "client.p(99.9) is unknown",
    ),
    Form(
        "avg < 1s",
        "avg < 1s",
        KnownFacts({"avg": seconds(0.5)}),
        "avg = 500ms, below 1s",
        KnownFacts({"avg": seconds(2)}),
        "avg = 2s, not below 1s",
        "avg is unknown",
    ),
    Form(
        "med >= 10ms",
        "med >= 0.01s",
        KnownFacts({"med": seconds(0.01)}),
        "med = 10ms, at least 10ms",
        KnownFacts({"med": seconds(0.0099)}),
        "med = 9.9ms, not at least 10ms",
        "med is unknown",
    ),
    Form(
        "rate < 1%",
        "rate < 1%",
        KnownFacts({"rate": share(0.002)}),
        "rate = 0.2%, below 1%",
        KnownFacts({"rate": share(0.5)}),
        "rate = 50%, not below 1%",
        "rate is unknown",
    ),
    Form(
        "rate < 0.01",
        "rate < 0.01",
        KnownFacts({"rate": share(0)}),
        "rate = 0%, below 0.01",
        KnownFacts({"rate": share(0.02)}),
        "rate = 2%, not below 0.01",
        "rate is unknown",
    ),
    Form(
        "state in (a, b)",
        "state in (a, b)",
        KnownFacts({"state": "b"}),
        "state = b",
        KnownFacts({"state": "c"}),
        "state = c, not a or b",
        "state is unknown",
    ),
    Form(
        "status not in (500, 503)",
        "status not in (500, 503)",
        KnownFacts({"status": 200}),
        "status = 200, other than 500 or 503",
        KnownFacts({"status": 503}),
        "status = 503, expected other than 500 or 503",
        "status is unknown",
    ),
    Form(
        "x matches /re+d (fish|cat)\\/s/i",
        "x matches /re+d (fish|cat)\\/s/i",
        KnownFacts({"x": "a REED cat/s"}),
        "x = a REED cat/s, matches /re+d (fish|cat)\\/s/i",
        KnownFacts({"x": "a red dog"}),
        "x = a red dog, does not match /re+d (fish|cat)\\/s/i",
        "x is unknown",
    ),
    Form(
        "redis is up",
        "redis is up",
        members("up", name="redis"),
        "redis is up",
        members("down", name="redis"),
        "redis is down, not up",
        "redis is unknown",
    ),
    Form(
        "redis is not up",
        "redis is not up",
        members("degraded", name="redis"),
        "redis is degraded",
        members("up", name="redis"),
        "redis is up, expected otherwise",
        "redis is unknown",
    ),
    Form(
        "members is up",
        "members is up",
        members("up", "up"),
        "2 of 2 nodes of members are up",
        members("up", "down", "unknown"),
        "1 of 3 nodes of members are up (m1 is down, m2 is unknown)",
        "1 of 2 nodes of members are up (m1 is unknown)",
        members("up", "starting"),
    ),
    Form(
        "all up",
        "all up",
        members("up", "up"),
        "2 of 2 nodes are up",
        members("up", "down"),
        "1 of 2 nodes are up (m1 is down)",
        "the state of the nodes is unknown",
    ),
    Form(
        "count(members up) == 3",
        "count(members up) == 3",
        members("up", "up", "up", "down"),
        "count(members up) = 3",
        members("up", "up", "down"),
        "count(members up) = 2, not 3",
        "count(members up) = 2 to 3: 1 unknown",
        members("up", "up", "unknown"),
    ),
    Form(
        "count(members.role == leader) == 1",
        "count(members.role == leader) == 1",
        members("up", "up"),
        "count(members.role == leader) = 1",
        members("up", "up", role="leader"),
        "count(members.role == leader) = 2, not 1",
        "count(members.role == leader) is unknown: no nodes of members are known",
    ),
    Form(
        "count(pod where group == blue up) >= 1",
        "count(pod where group == blue up) >= 1",
        pods(("blue", "up"), ("green", "down")),
        "count(pod where group == blue up) = 1, at least 1",
        pods(("blue", "down"), ("green", "up")),
        "count(pod where group == blue up) = 0, not at least 1",
        "count(pod where group == blue up) = 0 to 1: 1 unknown",
        pods(("blue", "unknown"), ("green", "up")),
    ),
    Form(
        "count(members) in (3, 5)",
        "count(members) in (3, 5)",
        members("up", "down", "up"),
        "count(members) = 3",
        members("up"),
        "count(members) = 1, not 3 or 5",
        "count(members) is unknown: no nodes of members are known",
    ),
    Form(
        "book.lost == 0",
        "book.lost == 0",
        KnownFacts({"book.lost": 0}),
        "book.lost = 0",
        KnownFacts({"book.lost": 12}),
        "book.lost = 12, not 0",
        "book.lost is unknown",
    ),
    Form(
        "used > 1.5 GB",
        "used > 1500000000B",
        KnownFacts({"used": "2GiB"}),
        "used = 2GiB, above 1.5GB",
        KnownFacts({"used": "10MB"}),
        "used = 10MB, not above 1.5GB",
        "used is unknown",
    ),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.text)
def test_a_form_is_read_and_says_what_was_measured_against_what_was_expected(form: Form) -> None:
    condition = parse(form.text)
    assert condition.canonical == form.canonical
    assert parse(condition.canonical).tree == condition.tree
    held, broken = condition.judge(form.held), condition.judge(form.broken)
    unknown = condition.judge(form.unknown or NOTHING)
    assert (held.truth, held.text) == (True, form.held_text)
    assert (broken.truth, broken.text) == (False, form.broken_text)
    assert (unknown.truth, unknown.text) == (None, form.unknown_text)
    assert condition.truth(NOTHING) is None


@pytest.mark.parametrize(
    ("text", "for_sec", "within_sec", "during"),
    [
        ("redis is up", None, None, None),
        ("redis is up for 3s", 3.0, None, None),
        ("redis is up or all up within 1m30s", None, 90.0, None),
        ("redis is up for 1 min", 60.0, None, None),
        ("redis is up during redis-dies", None, None, "redis-dies"),
        ('redis is up during "redis dies"', None, None, "redis dies"),
    ],
)
def test_one_of_for_within_and_during_stands_last(
    text: str, for_sec: float | None, within_sec: float | None, during: str | None
) -> None:
    condition = parse(text)
    assert (condition.for_sec, condition.within_sec, condition.during) == (for_sec, within_sec, during)
    again = parse(condition.canonical)
    assert (again.tree, again.for_sec, again.within_sec, again.during) == (condition.tree, for_sec, within_sec, during)


def test_a_condition_is_known_by_its_text_alone() -> None:
    condition = parse("count(members up) == 3 for 3s")
    assert parse(str(condition)) == condition
    assert condition.text == str(condition) == "count(members up) == 3 for 3s"
    assert condition != parse("count(members  up) == 3 for 3s")


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("a == 1 or b == 1 and c == 1", "a == 1 or (b == 1 and c == 1)"),
        ("a == 1 and b == 1 or c == 1", "(a == 1 and b == 1) or c == 1"),
        ("not a == 1 and b == 1", "(not a == 1) and b == 1"),
        ("not a == 1 or b == 1", "(not a == 1) or b == 1"),
        ("not not a == 1 and b == 1", "(not (not a == 1)) and b == 1"),
        ("a == 1 and not b == 1 or c == 1", "(a == 1 and (not b == 1)) or c == 1"),
    ],
)
def test_not_binds_before_and_before_or(text: str, grouped: str) -> None:
    assert parse(text).tree == parse(grouped).tree
    assert parse(text).canonical == text


def test_parentheses_change_the_order_and_stay_when_it_is_written_out() -> None:
    text = "not (a == 1 or b == 1) and (c == 1 or a == 1)"
    assert parse(text).canonical == text
    assert parse(text).tree != parse("not a == 1 or b == 1 and c == 1 or a == 1").tree


TRUE, FALSE, UNKNOWN = "t == 1", "f == 1", "u == 1"
SOME = KnownFacts({"t": 1, "f": 0})


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        (f"not {TRUE}", False),
        (f"not {FALSE}", True),
        (f"not {UNKNOWN}", None),
        (f"{TRUE} and {TRUE}", True),
        (f"{TRUE} and {FALSE}", False),
        (f"{TRUE} and {UNKNOWN}", None),
        (f"{FALSE} and {UNKNOWN}", False),
        (f"{UNKNOWN} and {FALSE}", False),
        (f"{UNKNOWN} and {UNKNOWN}", None),
        (f"{FALSE} or {FALSE}", False),
        (f"{TRUE} or {UNKNOWN}", True),
        (f"{UNKNOWN} or {TRUE}", True),
        (f"{FALSE} or {UNKNOWN}", None),
        (f"{UNKNOWN} or {UNKNOWN}", None),
        (f"not ({FALSE} and {UNKNOWN})", True),
        (f"not ({TRUE} or {UNKNOWN})", False),
        (f"not ({FALSE} or {UNKNOWN})", None),
    ],
)
def test_unknown_is_neither_held_nor_broken(text: str, truth: bool | None) -> None:
    assert parse(text).truth(SOME) is truth


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("t == 1 and u == 1 and f == 1", "f = 0, not 1; u is unknown"),
        ("t == 1 and u == 1", "u is unknown"),
        ("f == 1 or t == 1", "t = 1"),
        ("f == 1 or f == 2", "f = 0, not 1; f = 0, not 2"),
        ("not (t == 1 and f == 0)", "t = 1, expected any other; f = 0, expected any other"),
        ("not t > 2", "t = 1, at most 2"),
        ("not t < 2", "t = 1, not at least 2"),
        ("t == 1 and t == 1 and t == 1 and t == 1 and t == 1 and t == 1", "t = 1; t = 1; t = 1; t = 1; and 2 more"),
    ],
)
def test_the_clauses_that_decided_are_said_the_failing_ones_first(text: str, said: str) -> None:
    assert parse(text).judge(SOME).text == said


@pytest.mark.parametrize(
    ("text", "facts", "said"),
    [
        ("size == 5", {"size": seconds(5)}, "size = 5s: a time cannot be compared with 5, a bare number"),
        ("size < 5MB", {"size": 4}, "size = 4: a bare number cannot be compared with 5MB, a size"),
        ("x < 5", {"x": share(0.02)}, "x = 2%: a share cannot be compared with 5, a bare number"),
        ('status == "200"', {"status": 200}, "status = 200: a bare number cannot be compared with 200, a text: leave"),
        ("status == ok", {"status": True}, "status = true: true or false cannot be compared with ok, a text"),
        ("x < 5", {"x": "many"}, "x = many: a text cannot be compared with 5, a bare number"),
        ("x matches /5/", {"x": seconds(5)}, "x = 5s: not a text"),
        ("x == pat(5*)", {"x": seconds(5)}, "x = 5s, which cannot be compared"),
        ("x == 1", {"x": float("nan")}, "x = nan, which cannot be compared"),
    ],
)
def test_values_of_different_kinds_or_units_are_unknown_and_it_is_said_why(
    text: str, facts: dict[str, float], said: str
) -> None:
    judgement = parse(text).judge(KnownFacts(facts))
    assert judgement.truth is None
    assert judgement.text.startswith(said)


@pytest.mark.parametrize(
    ("text", "value", "truth"),
    [
        ("x == 12", "12", True),
        ("x < 300ms", "0.2s", True),
        ("x == true", "True", True),
        ("x == true", "no", None),
        ("x == leader", "Leader", False),
        ("x == 0.3", 0.1 + 0.2, True),
        ("x < 0.3", 0.1 + 0.2, False),
        ("x >= 0.3", 0.1 + 0.2, True),
        ("x matches /^2/", 204, True),
        ("x == pat(2?4)", 204, True),
        ("x < 1%", 1, False),
        ("x < 1%", 0.005, True),
        ("x < 1%", 2, None),
        ("x in (1, yes)", 1, True),
        ("x in (1, yes)", 2, None),
    ],
)
def test_a_measured_text_counts_as_the_number_or_truth_that_it_writes(
    text: str, value: str | float, truth: bool | None
) -> None:
    assert parse(text).truth(KnownFacts({"x": value})) is truth


def test_a_number_that_differs_never_looks_like_the_expected_one() -> None:
    said = parse("latency < 300ms").judge(KnownFacts({"latency": seconds(0.30004)})).text
    assert said == "latency = 300.04ms, not below 300ms"


@pytest.mark.parametrize(
    ("text", "nodes", "truth"),
    [
        ("count(n.role == leader) == 1", [node("a", role="leader"), node("b", "down")], True),
        ("count(n.role == leader) == 1", [node("a", role="leader"), node("b", "unknown")], None),
        ("count(n.role == leader) >= 1", [node("a", role="leader"), node("b", "unknown")], True),
        ("count(n.role == leader) == 0", [node("a", role="leader"), node("b", "unknown")], False),
        ("count(n where role == leader down) == 1", [node("a", role="leader"), node("b", "down")], None),
        ("count(n where role == leader down) == 1", [node("b", "down", role="leader")], True),
        ("count(n where not role == leader) == 1", [node("a", role="follower"), node("b", "down")], True),
        ("count(n where state == up) == 1", [node("a"), node("b", "down")], True),
        ("count(n where id == a or id == b) == 2", [node("a"), node("b", "down")], True),
        ("count(n where tags.zone == x up) == 1", [NodeFact("a", "up", {"tags.zone": "x"})], True),
        ("count(all down) == 0", [node("a")], True),
        ("count(n where role == x and zone == y up) == 0", [node("a", role="x", zone="z")], True),
        ("count(n up) == 0", [], None),
    ],
)
def test_a_count_with_unknown_nodes_is_decided_only_if_it_does_not_depend_on_them(
    text: str, nodes: list[NodeFact], truth: bool | None
) -> None:
    assert parse(text).truth(KnownFacts(groups={"n": nodes, "all": nodes})) is truth


def test_names_say_what_they_are_used_as_and_where_they_stand() -> None:
    text = (
        "api.latency < 3s and (redis is up or count(pod where zone == x up) > 1) and count(m.role == y) == 1 during cut"
    )
    uses = parse(text).names()
    assert [(use.text, use.role, use.of) for use in uses] == [
        ("api.latency", "value", ""),
        ("redis", "nodes", ""),
        ("pod", "nodes", ""),
        ("zone", "field", "pod"),
        ("m", "nodes", ""),
        ("role", "field", "m"),
        ("cut", "fault", ""),
    ]
    assert all(text.startswith(use.parts[0], use.offset) for use in uses)
    assert parse("all up").names() == ()
    assert parse("count(all up) == 3").names() == ()


def test_in_an_answers_body_a_name_may_mean_anything() -> None:
    assert parse("body.latency < 300").truth(KnownFacts({"body.latency": 5})) is True
    assert parse("body.rate < 300").truth(KnownFacts({"body.rate": 500})) is False


def test_the_limits_of_a_condition_are_those_that_each_have_to_hold() -> None:
    text = "load.rate < 5% and (load.p(95) <= 2s and x > 3) and not y < 1 and (a < 1 or b < 2) and c == 4 within 3s"
    found = [(".".join(limit.path), limit.operator, limit.limit) for limit in parse(text).limits()]
    assert found == [
        ("load.rate", "<", Quantity(0.05, "%")),
        ("load.p(95)", "<=", Quantity(2.0, "s")),
        ("x", ">", Quantity(3.0)),
    ]
