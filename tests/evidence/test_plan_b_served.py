"""`demo serve --plan-b`: a real server, its relay and its streams through the switch, and `kill -9` in the middle."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.evidence.test_replay_served import record_served
from tests.support.demo_command import run_demo
from tests.support.relays import Relay, any_show, ident_of, next_visible_message, number_of, redis_server, relaying
from tests.support.servers import Server, Stream, wait_for


def test_streams_relay_and_programs_go_through_the_switch_and_a_killed_server_comes_back_live(tmp_path: Path) -> None:
    name, show = record_served(tmp_path), any_show()
    with redis_server() as redis, relaying(redis.url, "--show", show) as relay:
        options = ["none", "--plan-b", name, "--fresh", "--redis", redis.url, "--show", show]
        server = Server(*options, state_home=tmp_path)
        try:
            assert "plan B     recorded " in wait_for(
                lambda: server.read_output() if "recording  " in server.read_output() else None
            )
            assert "recording  the recording does not show “" in server.read_output()
            assert_streams_go_on(server)
            assert_relay_shows_it(server, relay)
            refused = server.client.post("/say", data={"text": "x"})
            assert (refused.status_code, refused.json()["code"]) == (409, "replay")
            server.kill()
        finally:
            server.stop()
            server.remove_state()
    assert_comes_back_live(tmp_path)


def assert_streams_go_on(server: Server) -> None:
    """A page and a program that were connected before see the recording, and no number goes back."""
    with Stream(server, "/stream/stage") as stream, Stream(server, "/events") as events:
        before = next_visible_message(stream)["id"]
        assert json.loads(events.next()["data"])["replay"] is None
        assert server.client.post("/plan-b", data={"onn": "true"}).status_code == 422
        state = server.client.post("/plan-b", data={"on": "true"}).json()
        assert (state["replay"] is not None, state["chapter"]["number"]) == (True, 1)
        while "replay-mark" not in (message := next_visible_message(stream))["data"]:
            pass
        assert message["id"].rpartition("-")[0] == before.rpartition("-")[0]
        assert number_of(before) < number_of(message["id"]) <= server.state()["seq"]
        while event_of(entry := events.next())["type"] != "RecordingShown":
            pass
    server.client.post("/goto/2")
    server.until(lambda state: state["seq"] > number_of(entry["id"]))
    with Stream(server, "/events", headers={"Last-Event-ID": entry["id"]}) as resumed:
        following = resumed.next()
        assert number_of(following["id"]) == number_of(entry["id"]) + 1
    with Stream(server, "/events") as joined:
        snapshot = json.loads(joined.next()["data"])
        assert (snapshot["replay"]["recorded_at"], ident_of(snapshot) >= before) == (
            state["replay"]["recorded_at"],
            True,
        )


def event_of(message: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message["data"]).get("event", {"type": ""})
    return found


def assert_relay_shows_it(server: Server, relay: Relay) -> None:
    """A relay shows the recording with its mark, also a step back in it, and takes no vote."""
    wait_for(lambda: "replay-mark" in relay.client.get("/").text)
    for number in (1, 2):
        server.client.post(f"/goto/{number}")
        wait_for(lambda: relay.state()["chapter"]["number"] == number)  # noqa: B023 - waited for here
        assert relay.state()["replay"]["recorded_at"] == server.state()["replay"]["recorded_at"]
    for one in (server, relay):
        assert one.client.post("/vote", json={"choice": 1}).json()["code"] == "closed"


def assert_comes_back_live(state_home: Path) -> None:
    again = Server("none", state_home=state_home)
    try:
        state = again.state()
        assert (state["replay"], state["chapter"]["number"]) == (None, 2)
        assert "the server of the recording has ended: the show is live again" in [one["text"] for one in state["log"]]
        assert again.client.post("/plan-b").json()["detail"] == "no recording is at hand: start with --plan-b JOURNAL"
        report = again.client.get("/report").text
        assert "All screens showed a recording" in report
        assert "nothing of it is counted here" in report
    finally:
        again.stop()
        again.remove_state()


@pytest.mark.parametrize(
    ("kind", "said"),
    [("missing", "there is no show"), ("other", "another program wrote it"), ("deck", "shows no chapter of this deck")],
)
def test_a_recording_that_cannot_be_shown_is_said_before_anything_starts(tmp_path: Path, kind: str, said: str) -> None:
    path, show = tmp_path / "x.journal", tmp_path / "show.md"
    if kind == "other":
        path.write_text("hello")
    show.write_text("# Another\n")
    named = record_served(tmp_path) if kind == "deck" else str(path)
    env = {"XDG_STATE_HOME": str(tmp_path), "PATH": ""}
    ended = run_demo("serve", str(show), "--plan-b", named, "--no-open", "--port", "0", env=env)
    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr
    assert "--plan-b" in ended.stderr
    assert "presenter" not in ended.stdout
