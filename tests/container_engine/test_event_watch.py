"""The engine's events: what happens to a container is known at once, and what was missed is caught up with."""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from demo.clock import CLOCK
from demo.container_engine import Engine, EngineWatch, WatchedContainer
from tests.support.containers import Yard, docker
from tests.support.engine_proxy import Between, between

pytestmark = pytest.mark.anyio

AT_ONCE_SEC = 0.5


class Following:
    """A watch that runs, and the times of its news."""

    def __init__(self, engine: Engine, project: str) -> None:
        self.news = asyncio.Event()
        self.watch = EngineWatch(engine, project, self.news.set)

    async def until(self, condition: Callable[["Following"], object], limit: float = 10.0) -> None:
        async with asyncio.timeout(limit):
            while not condition(self):
                self.news.clear()
                await self.news.wait()

    def state(self, name: str) -> str:
        return seen.state if (seen := self.seen(name)) else ""

    def seen(self, name: str) -> WatchedContainer | None:
        return self.watch.containers().get(name)


@asynccontextmanager
async def following(project: str, url: str | None = None, answer_sec: float = 5.0) -> AsyncIterator[Following]:
    engine = Engine(url, answer_sec)
    follower = Following(engine, project)
    running = asyncio.create_task(follower.watch.run())
    try:
        yield follower
    finally:
        assert not running.done(), "it never ends by itself"
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await engine.close()


async def run(*words: str) -> None:
    await asyncio.to_thread(docker, *words)


async def test_what_is_done_to_a_container_is_seen_at_once_and_dated_by_the_engine(yard: Yard) -> None:
    yard.run("one")
    took = []
    async with following(yard.project) as follower:
        await follower.until(lambda f: f.state("one") == "running")
        for deed, state in (("pause", "paused"), ("unpause", "running"), ("kill", "exited"), ("start", "running")):
            began = CLOCK.now()
            doing = asyncio.create_task(run(deed, yard.name("one")))
            await follower.until(lambda f, state=state: f.state("one") == state)  # type: ignore[misc]
            seen = follower.seen("one")
            assert seen is not None
            assert began <= seen.since <= CLOCK.now()
            took.append(CLOCK.now() - seen.since)
            assert seen.exit_code == (137 if state == "exited" else None)
            await doing
    print(f"event to picture: median {statistics.median(took) * 1000:.1f} ms, most {max(took) * 1000:.1f} ms")
    assert max(took) < AT_ONCE_SEC


async def test_what_has_just_ended_is_told_until_it_runs_again_or_the_engine_answers(yard: Yard) -> None:
    ident = yard.run("one")
    async with following(yard.project) as follower:
        await follower.until(lambda f: f.state("one") == "running")
        assert follower.watch.ended_lately(ident) is None
        killing = asyncio.create_task(run("kill", yard.name("one")))
        await follower.until(lambda f: f.state("one") == "exited")
        ended = follower.watch.ended_lately(ident)
        assert ended is not None
        assert (ended.id, ended.state, ended.exit_code) == (ident, "exited", 137)
        await killing
        await run("start", yard.name("one"))
        await follower.until(lambda f: f.state("one") == "running")
        assert follower.watch.ended_lately(ident) is None
        await run("kill", yard.name("one"))
        await follower.until(lambda f: f.state("one") == "exited")
        async with asyncio.timeout(10):
            while follower.watch.ended_lately(ident) is not None:  # noqa: ASYNC110 - time alone changes it
                await asyncio.sleep(0.05)


async def test_one_that_is_removed_stays_as_gone_and_one_made_anew_takes_its_place(yard: Yard) -> None:
    first = yard.run("one")
    async with following(yard.project) as follower:
        await follower.until(lambda f: f.state("one") == "running")
        await run("rm", "--force", yard.name("one"))
        await follower.until(lambda f: f.state("one") == "gone")
        second = await asyncio.to_thread(yard.run, "one")
        await follower.until(lambda f: f.state("one") == "running")
        seen = follower.seen("one")
        assert seen is not None
        assert seen.container.id == second != first
        assert list(follower.watch.containers()) == ["one"]


async def test_a_container_that_is_scaled_does_not_hide_the_others(yard: Yard) -> None:
    for name in ("web-1", "web-2"):
        yard.run(name, service="web")
    yard.run("plain", labels={"com.docker.compose.service": ""})
    async with following(yard.project) as follower:
        await follower.until(lambda f: len(f.watch.containers()) == 3)
        assert set(follower.watch.containers()) == {"web", yard.name("web-2"), yard.name("plain")}


async def test_other_projects_are_not_told(yard: Yard) -> None:
    yard.run("one")
    yard.run("two", labels={"com.docker.compose.project": f"{yard.project}-b"})
    try:
        async with following(yard.project) as follower:
            await follower.until(lambda f: f.state("one") == "running")
            await run("pause", yard.name("two"))
            await run("pause", yard.name("one"))
            await follower.until(lambda f: f.state("one") == "paused")
            assert set(follower.watch.containers()) == {"one"}
    finally:
        docker("rm", "--force", yard.name("two"))


async def test_networks_that_are_lost_and_found_are_known(yard: Yard) -> None:
    network = yard.network()
    yard.run("one", "--network", network)

    def networks(follower: Following) -> list[str]:
        seen = follower.seen("one")
        return list(seen.container.networks) if seen else ["?"]

    async with following(yard.project) as follower:
        await follower.until(lambda f: networks(f) == [network])
        await run("network", "disconnect", network, yard.name("one"))
        await follower.until(lambda f: networks(f) == [], AT_ONCE_SEC * 4)
        await run("network", "connect", network, yard.name("one"))
        await follower.until(lambda f: networks(f) == [network], AT_ONCE_SEC * 4)


async def test_what_happens_while_the_stream_is_cut_is_caught_up_with(yard: Yard) -> None:
    yard.run("one")
    yard.run("two")
    with between() as line:
        async with following(yard.project, line.url) as follower:
            await follower.until(lambda f: f.state("two") == "running")
            line.cut()
            await follower.until(lambda f: f.watch.trouble)
            assert "no container engine answers" in follower.watch.trouble
            assert follower.state("one") == "running", "the last known state stays; the trouble is said beside it"
            await run("pause", yard.name("one"))
            await run("rm", "--force", yard.name("two"))
            line.restore()
            await follower.until(lambda f: not f.watch.trouble)
            assert follower.state("one") == "paused"
            assert follower.state("two") == "gone"
            await run("unpause", yard.name("one"))
            await follower.until(lambda f: f.state("one") == "running", AT_ONCE_SEC * 4)


async def test_a_stream_that_breaks_is_taken_up_again_without_a_word(yard: Yard) -> None:
    yard.run("one")
    with between() as line:
        async with following(yard.project, line.url) as follower:
            await follower.until(lambda f: f.state("one") == "running")
            for deed, state in (("pause", "paused"), ("unpause", "running")):
                line.cut_connections()
                await run(deed, yard.name("one"))
                await follower.until(lambda f, state=state: f.state("one") == state)  # type: ignore[misc]
            assert not follower.watch.trouble


async def test_an_engine_that_is_not_there_yet_is_waited_for(yard: Yard) -> None:
    yard.run("one")
    with between() as line:
        line.cut()
        async with following(yard.project, line.url) as follower:
            await follower.until(lambda f: f.watch.trouble)
            assert follower.watch.containers() == {}
            line.restore()
            await follower.until(lambda f: f.state("one") == "running")
            assert not follower.watch.trouble


async def test_an_engine_that_hangs_is_a_trouble_until_it_answers_again(yard: Yard) -> None:
    yard.run("one")
    with between() as line:
        line.hang()
        async with following(yard.project, line.url, answer_sec=0.3) as follower:
            await follower.until(lambda f: f.watch.trouble)
            assert "did not answer within 0.3 s" in follower.watch.trouble
            line.flow()
            await follower.until(lambda f: f.state("one") == "running")
            await _clear(follower, line)


async def _clear(follower: Following, line: Between) -> None:
    await follower.until(lambda f: not f.watch.trouble)
    assert line.path.exists()


async def test_a_hundred_ups_and_downs_end_in_the_true_state(yard: Yard) -> None:
    names = ["one", "two", "three"]
    for name in names:
        yard.run(name)

    async def shake(name: str) -> None:
        for _ in range(8):
            await run("pause", yard.name(name))
            await run("unpause", yard.name(name))
        await run("kill", yard.name(name))
        await run("start", yard.name(name))

    async with following(yard.project) as follower:
        await follower.until(lambda f: len(f.watch.containers()) == 3)
        await asyncio.gather(*(shake(name) for name in names))
        await run("kill", yard.name("two"))
        await follower.until(lambda f: [f.state(name) for name in names] == ["running", "exited", "running"])
