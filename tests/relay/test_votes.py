"""Votes through relays: each is counted once, a relay still cannot control the show, and no device is told to Redis."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from demo.relay.feed.votes import RelayedVote, pack_votes, unpack_votes
from tests.support import fetch
from tests.support.relays import RedisServer, Relay, any_show, ident_of, redis_server, relaying
from tests.support.servers import Server, serving, wait_for

SHOW = str(Path(__file__).parents[1] / "support" / "voting_show.md")


class ShowWithRelays:
    """One show whose vote is open, and two relays that know it."""

    def __init__(self, redis: RedisServer, stack: ExitStack) -> None:
        self.redis = redis
        name = any_show()
        self.stage: Server = stack.enter_context(serving(SHOW, "--questions", "--redis", redis.url, "--show", name))
        self.relays = [stack.enter_context(relaying(redis.url, "--show", name)) for _ in range(2)]
        self.stage.client.post("/goto/2")
        self.together()

    def together(self) -> None:
        def look() -> bool:
            ident = ident_of(self.stage.state())
            return all(relay.has(ident) for relay in self.relays)

        wait_for(look)

    def counted(self, *votes: int) -> None:
        self.stage.until(lambda state: [one["votes"] for one in state["ballots"][0]["tally"]] == list(votes), 30)


@pytest.fixture(scope="module")
def relayed_show() -> Iterator[ShowWithRelays]:
    with ExitStack() as stack:
        yield ShowWithRelays(stack.enter_context(redis_server()), stack)


def vote(server: Server | Relay, device: str, **fields: Any) -> int:
    return fetch.post(f"{server.url}/vote", json={"device": device} | fields).status_code


def test_votes_from_two_relays_and_the_server_are_counted_once_each(relayed_show: ShowWithRelays) -> None:
    near, far = relayed_show.relays
    devices = [secrets.token_hex(16) for _ in range(9)]
    for server, part in ((near, devices[:3]), (far, devices[3:6]), (relayed_show.stage, devices[6:])):
        assert {vote(server, device, choice=1) for device in part} == {200}
    relayed_show.counted(9, 0, 0)
    # A phone that moves to another relay, and one that sends again what was not answered.
    assert vote(far, devices[0], choice=2) == 200
    assert vote(far, devices[0], choice=2) == 200
    relayed_show.counted(8, 1, 0)
    keys = relayed_show.redis.client.keys("*votes*")
    assert isinstance(keys, list)
    assert keys
    content = b"".join(relayed_show.redis.client.dump(key) for key in keys)  # type: ignore[misc]
    assert not any(device.encode() in content for device in devices)
    wait_for(lambda: all(relayed_show.redis.client.xlen(key) == 0 for key in keys))


def test_a_relay_takes_votes_and_nothing_else(relayed_show: ShowWithRelays) -> None:
    relay = relayed_show.relays[0]
    for path in ("/vote/open", "/vote/close", "/advance", "/halt", "/chaos/x", "/ask", "/questions/1/show"):
        assert relay.client.post(path).status_code == 404, path
    answer = fetch.post(f"{relay.url}/vote", json={"choice": 1}, headers={"origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    assert fetch.post(f"{relay.url}/vote", json={"choice": 9}).status_code == 422


def test_a_question_stays_with_the_show_and_its_relays_have_no_form(relayed_show: ShowWithRelays) -> None:
    assert fetch.post(f"{relayed_show.stage.url}/ask", data={"text": "Who hears this?"}).status_code == 200
    assert "Ask a question" in relayed_show.stage.client.get("/").text
    for relay in relayed_show.relays:
        assert "Ask a question" not in relay.client.get("/").text
    keys = relayed_show.redis.client.keys("*")
    assert isinstance(keys, list)
    assert keys
    assert not any(b"Who hears" in relayed_show.redis.client.dump(key) for key in keys)  # type: ignore[operator]
    relayed_show.stage.client.post("/questions/1/show")
    relayed_show.together()
    assert all("Question from the room" in relay.client.get("/").text for relay in relayed_show.relays)


def test_a_vote_that_was_closed_is_refused_once_the_relay_knows_it(relayed_show: ShowWithRelays) -> None:
    relayed_show.stage.client.post("/vote/close")
    relayed_show.stage.until(lambda state: any(end in state["log"][-1]["text"] for end in ("votes)", "nobody voted")))
    relayed_show.together()
    assert vote(relayed_show.relays[0], secrets.token_hex(16), choice=1) == 409


def test_what_is_no_vote_in_redis_is_left_out() -> None:
    votes = [RelayedVote(3, "a" * 32, 1.0), RelayedVote(3, "b" * 32, 2.5)]
    assert unpack_votes(pack_votes(votes)) == votes
    for text in ("", "{", "[" * 100_000, "{}", "[1, [2]]", '[["3", "a", 1]]', '[[3, "short", 1]]', "[[3, 5, null]]"):
        assert unpack_votes(text) == []
