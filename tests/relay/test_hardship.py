"""What a hall with relays goes through: Redis dies or hangs, a conductor or a relay is killed, the show is another."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.relays import (
    RedisServer,
    Relay,
    any_show,
    ident_of,
    next_visible_message,
    number_of,
    pausable_proxy,
    redis_server,
    relaying,
)
from tests.support.servers import Server, Stream, serving, wait_for
from tests.web.routes.test_contract import problem

SOON_SEC = 0.5
"""No press may wait for a Redis: within this it is answered, whatever Redis does."""


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as found:
        yield found


def together(stage: Server, *relays: Relay, limit: float = 15.0) -> str:
    """The ident that conductor and relays agree on, once they do."""

    def look() -> str | None:
        ident = ident_of(stage.state())
        return ident if all(relay.has(ident) for relay in relays) else None

    return wait_for(look, limit)


def is_live(relay: Relay) -> bool:
    return bool(relay.client.get("/healthz").json()["live"])


def press(stage: Server, text: str) -> float:
    """Say something; how long the answer took."""
    began = time.monotonic()
    assert stage.client.post("/say", json={"text": text}).status_code == 200
    return time.monotonic() - began


def lines_of(stage: Server) -> list[str]:
    return [line["text"] for line in stage.state()["log"] if line["who"] == "relays"]


def until_said(stream: Stream, text: str) -> dict[str, str]:
    while text not in (message := next_visible_message(stream))["data"]:
        pass
    return message


def test_a_killed_redis_costs_the_stage_nothing_and_relays_mark_what_they_show(redis: RedisServer) -> None:
    with ExitStack() as stack:
        stage = stack.enter_context(serving("none", "--redis", redis.url))
        relays = [stack.enter_context(relaying(redis.url)) for _ in range(2)]
        together(stage, *relays)
        direct = stack.enter_context(Stream(stage, "/stream/stage"))
        watched = [stack.enter_context(Stream(relay, "/stream/stage")) for relay in relays]
        for stream in (direct, *watched):
            next_visible_message(stream)
        press(stage, "before")
        ident = together(stage, *relays)
        redis.kill()
        assert max(press(stage, f"without redis {number}") for number in range(30)) < SOON_SEC
        until_said(direct, "without redis 29")
        for relay, stream in zip(relays, watched, strict=True):
            assert "data-lost=" in until_said(stream, 'hx-target="#r-feed"')["data"]
            state = relay.state()
            assert (ident_of(state), state["live"], state["said"]) == (ident, False, "before")
            assert state["lost_since"]
            assert "not live: no contact with the show" in relay.client.get("/").text
            assert relay.client.get("/healthz").status_code == 200
        wait_for(lambda: len(lines_of(stage)) == 1, say=lambda: str(lines_of(stage)))
        assert "cannot be reached" in lines_of(stage)[0]
        redis.start()
        wait_for(lambda: len(lines_of(stage)) == 2, say=lambda: str(lines_of(stage)))
        assert "is back" in lines_of(stage)[1]
        together(stage, *relays)
        for relay, stream in zip(relays, watched, strict=True):
            message = until_said(stream, "without redis 29")
            assert '"#r-feed" hx-swap="innerMorph"></hx-partial>' in message["data"], "no longer marked"
            wait_for(lambda relay=relay: is_live(relay))  # type: ignore[misc]
            assert relay.state()["lost_since"] is None
            assert "Traceback" not in relay.read_output()
        assert "Traceback" not in stage.read_output()


def test_a_redis_that_hangs_is_as_lost_as_a_dead_one(redis: RedisServer) -> None:
    with serving("none", "--redis", redis.url) as stage, relaying(redis.url) as relay:
        together(stage, relay)
        redis.hang()
        assert max(press(stage, f"hung {number}") for number in range(30)) < SOON_SEC
        wait_for(lambda: not is_live(relay), 6)
        wait_for(lambda: any("does not answer" in line for line in lines_of(stage)))
        redis.resume()
        together(stage, relay)
        wait_for(lambda: is_live(relay))
        assert relay.state()["said"] == "hung 29"


def test_a_redis_that_is_not_there_yet_keeps_neither_show_nor_relay_from_starting(redis: RedisServer) -> None:
    redis.kill()
    with serving("none", "--redis", redis.url) as stage, relaying(redis.url) as relay:
        assert press(stage, "alone") < SOON_SEC
        problem(relay.client.get("/state"), 503, "no_show")
        wait_for(lambda: "Connection refused" in stage.read_output() and "Connection refused" in relay.read_output())
        with Stream(relay, "/stream/stage") as stream:
            assert "The show has not begun" in next_visible_message(stream)["data"]
            redis.start()
            message = until_said(stream, "alone")
        assert message["id"].rpartition("-")[0] == together(stage, relay).rpartition("-")[0]
        assert "The show has not begun" not in relay.client.get("/").text


def test_an_emptied_redis_is_filled_again_within_two_beats(redis: RedisServer) -> None:
    with serving("none", "--redis", redis.url) as stage, relaying(redis.url) as relay:
        ident = together(stage, relay)
        for command in (("DEL", "chaos-stage:default:pictures"), ("FLUSHALL",)):
            redis.client.execute_command(*command)  # type: ignore[no-untyped-call]
            wait_for(lambda: bool(redis.client.exists("chaos-stage:default:pictures")), 4)
        with relaying(redis.url) as late:
            assert ident_of(late.state()) == ident
        wait_for(lambda: is_live(relay))


def test_a_conductor_killed_and_restarted_on_its_journal_is_followed_in_its_epoch(
    redis: RedisServer, tmp_path: Path
) -> None:
    args = ("none", "--redis", redis.url, "--journal", str(tmp_path / "show.db"))
    with relaying(redis.url) as relay, ExitStack() as stack:
        with serving(*args) as first:
            first.client.post("/goto/3")
            before = together(first, relay)
            stream = stack.enter_context(Stream(relay, "/stream/stage"))
            next_visible_message(stream)
            first.kill_with_watchdog()
        wait_for(lambda: not is_live(relay), 6)
        assert relay.state()["chapter"]["title"] == "Many hands"
        with serving(*args) as second:
            after = together(second, relay)
            assert after.rpartition("-")[0] == before.rpartition("-")[0]
            assert number_of(after) > number_of(before)
            wait_for(lambda: is_live(relay))
            second.client.post("/advance")
            message = until_said(stream, "A chapter can act")
            assert message["id"].rpartition("-")[0] == before.rpartition("-")[0], "the same stream goes on"


def test_a_fresh_show_is_followed(redis: RedisServer, tmp_path: Path) -> None:
    args = ("none", "--redis", redis.url, "--journal", str(tmp_path / "show.db"))
    with relaying(redis.url) as relay, ExitStack() as stack:
        with serving(*args) as first:
            first.client.post("/goto/3")
            before = together(first, relay)
            stream = stack.enter_context(Stream(relay, "/stream/stage"))
            next_visible_message(stream)
        with serving(*args, "--fresh") as second:
            after = together(second, relay)
            assert after.rpartition("-")[0] != before.rpartition("-")[0]
            message = until_said(stream, "Good to see you")
            assert message["id"].rpartition("-")[0] == after.rpartition("-")[0]


def test_a_relay_killed_and_restarted_has_the_whole_state(redis: RedisServer) -> None:
    with serving("none", "--redis", redis.url) as stage:
        with relaying(redis.url) as first:
            together(stage, first)
            port = first.port
            first.kill()
        stage.client.post("/goto/4")
        with relaying(redis.url, port=port) as second, Stream(second, "/stream/stage") as stream:
            assert "A chapter can act" in next_visible_message(stream)["data"]


def test_a_relay_that_starts_after_the_conductor_died_does_not_call_it_live(redis: RedisServer) -> None:
    with serving("none", "--redis", redis.url) as stage, relaying(redis.url) as relay:
        ident = together(stage, relay)
        stage.kill_with_watchdog()
        wait_for(lambda: not is_live(relay), 6)
        with relaying(redis.url) as late:
            state = late.state()
            assert (ident_of(state), state["live"]) == (ident, False)
            lost = [datetime.fromisoformat(told["lost_since"]) for told in (state, relay.state())]
            assert abs(lost[0] - lost[1]) < timedelta(seconds=1), "each dates by its own clock"


def test_a_conductor_that_comes_back_behind_its_successor_speaks_no_more(redis: RedisServer) -> None:
    show = any_show()
    with ExitStack() as stack:
        line, relay = (
            stack.enter_context(pausable_proxy(redis.port)),
            stack.enter_context(relaying(redis.url, "--show", show)),
        )
        far = f"redis://127.0.0.1:{line.port}"
        first = stack.enter_context(serving("none", "--redis", far, "--show", show))
        together(first, relay)
        line.pause()
        first.client.post("/goto/5")
        wait_for(lambda: "does not answer" in first.read_output(), say=lambda: first.output)
        second = stack.enter_context(serving("none", "--redis", redis.url, "--show", show))
        ident = together(second, relay)
        line.resume()
        wait_for(lambda: "another conductor publishes the show" in first.read_output(), say=lambda: first.output)
        assert relay.has(ident)
        second.client.post("/goto/2")
        together(second, relay)
