"""View models apart from any markup: what the audience may read, and times of every size."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.show import ShowState
from demo.show import commands as c
from demo.show.health_sample import read_sample
from demo.views import snapshot
from demo.views.cards import cards
from demo.views.redaction import MASK, masked
from demo.views.state_json import moment
from tests.support.show_player import player


@pytest.mark.parametrize(
    "words",
    [
        "p99 12 ms · shared",
        "killed",
        "300 req/s",
        "300 /s",
        "up / down",
        "read/write 3:1",
        "at 12:30:05",
        "16:9",
        "1/2",
        "v1.2.3",
        "a: b",
        "std::vector",
        "node-2",
        "N/A",
        "/metrics",
        "",
    ],
)
def test_a_few_words_for_the_card_stay_as_they_are(words: str) -> None:
    assert masked(words) == words


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("10.1.2.3", MASK),
        ("10.1.2.3:6379 refused", f"{MASK} refused"),
        ("(10.1.2.3), 10.0.0.0/8.", f"({MASK}), {MASK}."),
        ("user@10.0.0.1:22", f"user@{MASK}"),
        ("redis:6379", MASK),
        ("db-1.example.com:5432 down", f"{MASK} down"),
        ("localhost:80", MASK),
        ("see https://x.y:1/z?q now", f"see {MASK} now"),
        ("tcp://10.0.0.1:3", MASK),
        ("::1", MASK),
        ("[::1]:8000", MASK),
        ("[fe80::1%lo]:80", MASK),
        ("2001:db8::1: refused", f"{MASK}: refused"),
        ("fe80::1%eth0", MASK),
        ("/var/run/redis.sock", MASK),
        ("unix:/tmp/a.sock", f"unix:{MASK}"),
        ("in /root", f"in {MASK}"),
        ("~/journal", MASK),
        ("C:\\temp\\x", MASK),
        (r"\\server\share", MASK),
    ],
)
def test_addresses_and_paths_are_masked(words: str, shown: str) -> None:
    assert masked(words) == shown


@given(st.text(max_size=80))
def test_masking_any_text_is_text_that_stays_masked(words: str) -> None:
    assert masked(masked(words)) == masked(words)


@given(st.floats() | st.sampled_from([1e12, -1e12, -62135596801.0, float("nan"), float("inf")]))
def test_a_moment_of_any_number_is_text_or_none(at: float) -> None:
    shown = moment(at)
    assert shown is None or shown.endswith("+00:00")


def with_secrets() -> ShowState:
    play = player()
    node: dict[str, Any] = {"id": "10.0.0.1:2379", "name": "pd at 10.0.0.1:2379", "health": "down", "error": "secret"}
    node |= {"address": "10.0.0.1:2379", "detail": "refused by 10.0.0.1", "metrics": {"data": "/secret/dir"}}
    node |= {"links": ["10.0.0.2:20160", "b"]}
    health: dict[str, Any] = {"nodes": [node, {"id": "b", "links": ["10.0.0.1:2379"]}], "note": "secret"}
    health["counters"] = [{"key": "/api/login", "limit": 3, "note": "secret"}, 5]
    health["metrics"] = [{"name": "rps", "value": 1, "note": "secret"}]
    play.play(c.RecordSample(read_sample(health, play.at + 1)))
    play.play(c.Notice("secret"))
    return play.state


def test_the_audiences_snapshot_holds_agreed_keys_only_and_no_address() -> None:
    shown = snapshot(with_secrets(), "e", {}, private=False)
    text = json.dumps(shown)
    assert "10.0.0." not in text
    assert "secret" not in text
    first, second = shown["health"]["nodes"]
    assert (first["id"], first["detail"], first["links"]) == ("node-1", f"refused by {MASK}", [MASK, "b"])
    assert second["links"] == ["node-1"]
    assert shown["health"]["counters"] == [{"key": "/api/login", "limit": 3}]


def test_the_presenters_snapshot_holds_all_of_it() -> None:
    health = snapshot(with_secrets(), "e", {})["health"]
    assert (health["note"], health["nodes"][0]["error"]) == ("secret", "secret")
    assert health["nodes"][0]["address"] == "10.0.0.1:2379"


def test_a_card_tells_why_a_node_is_not_up_and_else_its_other_fields() -> None:
    show = player()
    metrics = {"ms": 3.0, "role": "leader", "ms p95": 12.0}
    nodes = [
        {"id": "a", "health": "up", "metrics": metrics},
        {"id": "b", "health": "down", "detail": "connection refused", "metrics": metrics},
    ]
    show.play(c.RecordSample(read_sample({"nodes": nodes}, show.at), {}))
    assert [(card.main, card.unit, card.sub) for card in cards(show.state)] == [
        ("3", "ms", "leader · 12 ms p95"),
        ("3", "ms", "connection refused"),
    ]
