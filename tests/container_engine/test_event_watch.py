"""The engine's events: what happens to a container is known at once, and what was missed is caught up with."""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from demo.clock import CLOCK
from demo.container_engine import Engine, EngineWatch, WatchedContainer
from tests.support.containers import ContainerGroup, docker
from tests.support.engine_proxy import EngineProxy, engine_proxy

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


async def test_what_is_done_to_a_container_is_seen_at_once_and_dated_by_the_engine(containers: ContainerGroup) -> None:
    containers.run("one")
    took = []
    async with following(containers.project) as follower:
        await follower.until(lambda f: f.state("one") == "running")
        for deed, state in (("pause", "paused"), ("unpause", "running"), ("kill", "exited"), ("start", "running")):
            began = CLOCK.now()
            doing = asyncio.create_task(run(deed, containers.name("one")))
            await follower.until(lambda f, state=state: f.state("one") == state)  # type: ignore[misc]
            seen = follower.seen("one")
            assert seen is not None
            assert began <= seen.since <= CLOCK.now()
            took.append(CLOCK.now() - seen.since)
            assert seen.exit_code == (137 if state == "exited" else None)
            await doing
    print(f"event to picture: median {statistics.median(took) * 1000:.1f} ms, most {max(took) * 1000:.1f} ms")
    assert max(took) < AT_ONCE_SEC


async def test_what_has_just_ended_is_told_until_it_runs_again_or_the_engine_answers(
    containers: ContainerGroup,
) -> None:
    ident = containers.run("one")
    async with following(containers.project) as follower:
        await follower.until(lambda f: f.state("one") == "running")
        assert follower.watch.ended_lately(ident) is None
        killing = asyncio.create_task(run("kill", containers.name("one")))
        await follower.until(lambda f: f.state("one") == "exited")
        ended = follower.watch.ended_lately(ident)
        assert ended is not None
        assert (ended.id, ended.state, ended.exit_code) == (ident, "exited", 137)
        await killing
        await run("start", containers.name("one"))
        await follower.until(lambda f: f.state("one") == "running")
        assert follower.watch.ended_lately(ident) is None
        await run("kill", containers.name("one"))
        await follower.until(lambda f: f.state("one") == "exited")
        async with asyncio.timeout(10):
            while follower.watch.ended_lately(ident) is not None:  # noqa: ASYNC110 - time alone changes it
                await asyncio.sleep(0.05)


async def test_one_that_is_removed_stays_as_gone_and_one_made_anew_takes_its_place(containers: ContainerGroup) -> None:
    first = containers.run("one")
    async with following(containers.project) as follower:
        await follower.until(lambda f: f.state("one") == "running")
        await run("rm", "--force", containers.name("one"))
        await follower.until(lambda f: f.state("one") == "gone")
        second = await asyncio.to_thread(containers.run, "one")
        await follower.until(lambda f: f.state("one") == "running")
        seen = follower.seen("one")
        assert seen is not None
        assert seen.container.id == second != first
        assert list(follower.watch.containers()) == ["one"]


async def test_a_container_that_is_scaled_does_not_hide_the_others(containers: ContainerGroup) -> None:
    for name in ("web-1", "web-2"):
        containers.run(name, service="web")
    containers.run("plain", labels={"com.docker.compose.service": ""})
    async with following(containers.project) as follower:
        await follower.until(lambda f: len(f.watch.containers()) == 3)
        assert set(follower.watch.containers()) == {"web", containers.name("web-2"), containers.name("plain")}


async def test_other_projects_are_not_told(containers: ContainerGroup) -> None:
    containers.run("one")
    containers.run("two", labels={"com.docker.compose.project": f"{containers.project}-b"})
    try:
        async with following(containers.project) as follower:
            await follower.until(lambda f: f.state("one") == "running")
            await run("pause", containers.name("two"))
            await run("pause", containers.name("one"))
            await follower.until(lambda f: f.state("one") == "paused")
            assert set(follower.watch.containers()) == {"one"}
    finally:
        docker("rm", "--force", containers.name("two"))


async def test_networks_that_are_lost_and_found_are_known(containers: ContainerGroup) -> None:
    network = containers.network()
    containers.run("one", "--network", network)

    def networks(follower: Following) -> list[str]:
        seen = follower.seen("one")
        return list(seen.container.networks) if seen else ["?"]

    async with following(containers.project) as follower:
        await follower.until(lambda f: networks(f) == [network])
        await run("network", "disconnect", network, containers.name("one"))
        await follower.until(lambda f: networks(f) == [], AT_ONCE_SEC * 4)
        await run("network", "connect", network, containers.name("one"))
        await follower.until(lambda f: networks(f) == [network], AT_ONCE_SEC * 4)


async def test_what_happens_while_the_stream_is_cut_is_caught_up_with(containers: ContainerGroup) -> None:
    containers.run("one")
    containers.run("two")
    with engine_proxy() as proxy:
        async with following(containers.project, proxy.url) as follower:
            await follower.until(lambda f: f.state("two") == "running")
            proxy.cut()
            await follower.until(lambda f: f.watch.trouble)
            assert "no container engine answers" in follower.watch.trouble
            assert follower.state("one") == "running", "the last known state stays; the trouble is said beside it"
            await run("pause", containers.name("one"))
            await run("rm", "--force", containers.name("two"))
            proxy.restore()
            await follower.until(lambda f: not f.watch.trouble)
            assert follower.state("one") == "paused"
            assert follower.state("two") == "gone"
            await run("unpause", containers.name("one"))
            await follower.until(lambda f: f.state("one") == "running", AT_ONCE_SEC * 4)


async def test_a_stream_that_breaks_is_taken_up_again_without_a_word(containers: ContainerGroup) -> None:
    containers.run("one")
    with engine_proxy() as proxy:
        async with following(containers.project, proxy.url) as follower:
            await follower.until(lambda f: f.state("one") == "running")
            for deed, state in (("pause", "paused"), ("unpause", "running")):
                proxy.cut_connections()
                await run(deed, containers.name("one"))
                await follower.until(lambda f, state=state: f.state("one") == state)  # type: ignore[misc]
            assert not follower.watch.trouble


async def test_an_engine_that_is_not_there_yet_is_waited_for(containers: ContainerGroup) -> None:
    containers.run("one")
    with engine_proxy() as proxy:
        proxy.cut()
        async with following(containers.project, proxy.url) as follower:
            await follower.until(lambda f: f.watch.trouble)
            assert follower.watch.containers() == {}
            proxy.restore()
            await follower.until(lambda f: f.state("one") == "running")
            assert not follower.watch.trouble


async def test_an_engine_that_hangs_is_a_trouble_until_it_answers_again(containers: ContainerGroup) -> None:
    containers.run("one")
    with engine_proxy() as proxy:
        proxy.hang()
        async with following(containers.project, proxy.url, answer_sec=0.3) as follower:
            await follower.until(lambda f: f.watch.trouble)
            assert "did not answer within 0.3 s" in follower.watch.trouble
            proxy.resume()
            await follower.until(lambda f: f.state("one") == "running")
            await _clear(follower, proxy)


async def _clear(follower: Following, proxy: EngineProxy) -> None:
    await follower.until(lambda f: not f.watch.trouble)
    assert proxy.path.exists()


async def test_a_hundred_ups_and_downs_end_in_the_true_state(containers: ContainerGroup) -> None:
    names = ["one", "two", "three"]
    for name in names:
        containers.run(name)

    async def shake(name: str) -> None:
        for _ in range(8):
            await run("pause", containers.name(name))
            await run("unpause", containers.name(name))
        await run("kill", containers.name(name))
        await run("start", containers.name(name))

    async with following(containers.project) as follower:
        await follower.until(lambda f: len(f.watch.containers()) == 3)
        await asyncio.gather(*(shake(name) for name in names))
        await run("kill", containers.name("two"))
        await follower.until(lambda f: [f.state(name) for name in names] == ["running", "exited", "running"])
