"""`demo replay`: real shows, recorded by `demo serve`, on the pages of a server that has nothing of their system."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from demo.conductor import Conductor, ShowConfig
from demo.evidence.replay_plan import read_plan
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.show import ShowState
from demo.show import commands as c
from demo.subjects.registry import load
from demo.web.rendering.assets import Assets
from demo.web.rendering.renderer import TEMPLATES, Renderer
from tests.conductor.test_conductor import SOON, reached
from tests.evidence.test_replay import ask, draw, record, replaying, stands, until
from tests.journal.test_recordings import RECORDINGS
from tests.support.demo_command import run_demo
from tests.support.relays import any_show, redis_server, relaying
from tests.support.servers import Server, Stream, serving, wait_for

STARTS_SEC = 30.0
OF_WHAT_COMES = {"next", "next_heading", "move_keys", "preview"}


def record_served(state_home: Path) -> str:
    """Present the short talk, and kill its server; return the name of the show."""
    with serving("none", state_home=state_home) as server:
        for _ in range(2):
            assert server.client.post("/advance").status_code == 200
        server.kill()
    found = run_demo("shows", "--json", env={"XDG_STATE_HOME": str(state_home), "PATH": ""})
    name: str = json.loads(found.stdout)[0]["name"]
    return name


def replay_server(state_home: Path, name: str, *options: str) -> Server:
    words = ["replay", name, "--no-open", "--port", "0", *options]
    return Server(words=words, state_home=state_home)


def test_a_killed_show_is_replayed_by_its_name_and_steered_by_requests(tmp_path: Path) -> None:
    name = record_served(tmp_path)
    server = replay_server(tmp_path, name, "--speed", "20")
    try:
        assert "replay     " in wait_for(lambda: server.read_output() if "replay  " in server.read_output() else None)
        state = server.until(lambda state: state["replay"]["state"] == "waiting")
        assert (state["progress"], state["replay"]["next"][:9]) == ("[1/5]", "chapter 2")
        stream = Stream(server, "/events")
        assert json.loads(stream.next()["data"])["replay"]["state"] == "waiting"
        for path in ("/", "/presenter", "/remote"):
            assert '<p class="replay-mark"' in server.client.get(path).text
        assert server.client.post("/advance", data={"from": "1"}).json()["progress"] == "[2/5]"
        assert json.loads(stream.next()["data"])["event"]["type"] == "ChapterEntered"
        stream.close()
        refused = server.client.post("/say", data={"text": "x"})
        assert (refused.status_code, refused.json()["code"]) == (409, "replay")
        assert server.client.post("/vote", json={"choice": 1}).json()["code"] == "closed"
        server.client.post("/goto/3")
        report = server.client.get("/report")
        assert (report.status_code, "One show, many screens" in report.text) == (200, True)
        assert server.client.post("/advance").json()["code"] == "at_end"
        assert "chaos_stage_chapter 3.0" in server.client.get("/metrics").text
    finally:
        assert server.stop() == 0
        server.remove_state()


def test_a_relay_has_the_mark_and_offers_no_vote(tmp_path: Path) -> None:
    path, name = tmp_path / "voted.journal", any_show()
    asyncio.run(record(path))
    with redis_server() as redis, relaying(redis.url, "--show", name) as relay:
        server = replay_server(tmp_path, str(path), "--redis", redis.url, "--show", name, "--from", "2")
        try:
            # A relay has no show until the first message of it.
            wait_for(lambda: "replay-mark" in relay.client.get("/").text)
            assert relay.state()["replay"]["recorded_at"] == server.state()["replay"]["recorded_at"]
            # It was open there: the room of then voted.
            assert [ballot["state"] for ballot in relay.state()["ballots"]] == ["open"]
            for shown in (relay, server):
                assert "ballot open" not in shown.client.get("/").text
                assert shown.client.post("/vote", json={"choice": 1}).json()["code"] == "closed"
        finally:
            server.stop()
            server.remove_state()


def test_a_wrong_speed_chapter_or_name_is_said(tmp_path: Path) -> None:
    name = record_served(tmp_path)
    env = {"XDG_STATE_HOME": str(tmp_path), "PATH": ""}
    for words, code, said in (
        (["replay", name, "--speed", "30"], 2, "--speed must be 0.25 to 20, not 30"),
        (["replay", name, "--from", "9"], 1, "the recording never shows chapter 9"),
        (["replay", "nothing"], 1, "nothing"),
    ):
        ended = run_demo(*words, "--no-open", "--port", "0", env=env)
        assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr


@pytest.mark.parametrize("recorded", RECORDINGS, ids=lambda path: path.name.removesuffix(".journal.gz"))
@pytest.mark.anyio
async def test_a_recording_of_an_earlier_version_is_replayed_from_its_start_to_its_end(
    recorded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "old.journal"
    unpack(recorded, path)
    async with replaying(path) as replay:
        for what in (c.Advance(), c.Inject("kill-node"), c.Heal("kill-node"), c.Advance()):
            await stands(replay)
            await ask(replay, what)
        state = await stands(replay, "over")
    assert state.number == 10
    assert state.replay is not None
    assert bool(state.replay.notices) != bool(read_plan(Recording(path)).decks)


@pytest.mark.system
@pytest.mark.anyio
async def test_each_region_of_a_rate_limiter_with_a_killed_node_is_that_of_the_live_show(tmp_path: Path) -> None:
    """What was measured of real processes, at each entry; the show's own actions included."""
    path = tmp_path / "limiter.journal"
    live = await record_limiter(path)
    shown: dict[int, ShowState] = {}
    async with replaying(path) as replay:
        replay.subscribe(lambda state: shown.__setitem__(replay.recorded_seq, state))
        for what in (c.Advance(), c.Advance(), c.Inject("kill-node"), c.Advance()):
            await stands(replay)
            await ask(replay, what)
        await until(replay, lambda: replay.state.replay is not None and replay.state.replay.phase == "over")
    compared = sorted(live.keys() & shown.keys())
    assert any(fault.state == "active" for seq in compared for fault in shown[seq].faults)
    assert len(compared) > len(live) * 0.9
    renderer = Renderer(Assets(TEMPLATES.parent / "static"))
    for seq in compared:
        # The recording ends in the middle of the deck: what comes next is another thing then.
        left_out = OF_WHAT_COMES if shown[seq].number == 4 else set()
        was, replayed = draw(renderer, live[seq]), draw(renderer, shown[seq])
        assert {name for name in was if was[name] != replayed[name]} <= left_out, seq


def unpack(recorded: Path, path: Path) -> None:
    path.write_bytes(gzip.decompress(recorded.read_bytes()))


def is_up(state: ShowState) -> bool:
    return state.freshness == "live" and state.sample is not None and not state.sample.has_issues


async def record_limiter(path: Path) -> dict[int, ShowState]:
    subject = load("ratelimiter")
    config = ShowConfig(
        subject.name,
        subject.chapters,
        subject.poller,
        title=subject.title,
        description=subject.description,
        faults=subject.faults,
        start_system=subject.start,
        stop_system=subject.stop,
        journal=Journal(path),
    )
    conductor = Conductor(config)
    states: dict[int, ShowState] = {}
    conductor.subscribe(lambda state: states.__setitem__(state.seq, state))
    running = asyncio.create_task(conductor.run())

    async def press(what: c.Command) -> None:
        await conductor.submit(c.CommandEnvelope("curl", what))

    try:
        await conductor.until(is_up, STARTS_SEC)
        await press(c.Advance())
        await press(c.Advance())
        await press(c.Inject("kill-node", duration_sec=1.5))
        await conductor.until(lambda state: state.faults[0].recovered_after_sec is not None, STARTS_SEC)
        await press(c.Advance())
        await reached(conductor, lambda state: state.countdown_ends_at is not None)
    finally:
        conductor.stop()
        await asyncio.wait_for(running, SOON)
    return states
