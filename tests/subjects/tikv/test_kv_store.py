"""TiKV as the load's store, against the fake cluster: what counts as done, and done once; who led; no TiDB."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from demo.subjects.cluster.kv_store import NotDone
from demo.subjects.tikv.client.kv_store import TikvStore
from tests.support.fake_pd import Cluster
from tests.support.single_loop import anyio_backend, one_loop  # noqa: F401 - fixtures

pytestmark = pytest.mark.anyio


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(cuts=(b"h", b"p")) as running:
        yield running


@asynccontextmanager
async def store_of(cluster: Cluster) -> AsyncIterator[TikvStore]:
    """Turned to the cluster, its regions looked at."""
    store = TikvStore()
    store.turn_to(lines(cluster))
    await store.canary_keys()
    try:
        yield store
    finally:
        await store.close()


def lines(cluster: Cluster) -> list[str]:
    return [f"{'pd' if at.startswith('pd') else 'store'} {at} {here}" for at, here in cluster.addresses.items()]


def led(store: TikvStore) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.status()["regions"]
    return found


async def test_what_was_written_once_is_said_to_be_and_is_read_again(cluster: Cluster) -> None:
    async with store_of(cluster) as store:
        assert await store.put("chaos-stage/x", b"7", 2.0) is True
        assert await store.get("chaos-stage/x", 2.0) == b"7"
        assert await store.get("chaos-stage/y", 2.0) is None


async def test_a_follower_that_refuses_leaves_no_doubt_whether_it_was_written_once(cluster: Cluster) -> None:
    async with store_of(cluster) as store:
        cluster.state.groups[2].reported_leader = 4
        assert await store.put("a", b"1", 2.0) is True


async def test_a_store_that_hung_up_leaves_a_doubt(cluster: Cluster) -> None:
    async with store_of(cluster) as store:
        await store.put("a", b"1", 2.0)
        cluster.kill("tikv0")
        cluster.elect()
        assert await store.put("a", b"2", 5.0) is False
        assert await store.put("a", b"3", 5.0) is True


async def test_an_election_is_called_one_and_the_new_leader_is_told_with_its_time(cluster: Cluster) -> None:
    async with store_of(cluster) as store:
        keys = await store.canary_keys()
        assert [region["store"] for region in led(store)] == ["", "", ""]
        for key in keys:
            await store.put(key, b"1", 2.0)
        assert [region["store"] for region in led(store)] == ["1", "4", "5"]
        assert [region["holds_load"] for region in led(store)] == [True, False, False]
        before = led(store)[0]
        cluster.kill("tikv0")
        with pytest.raises(NotDone) as caught:
            await store.put(keys[0], b"2", 0.5)
        assert caught.value.reason == "election"
        assert led(store)[0] == before
        cluster.elect()
        await store.put(keys[0], b"3", 5.0)
        after = led(store)[0]
        assert after["store"] != "1"
        assert after["since"] == after["at"] > before["at"]
        await store.put(keys[0], b"4", 2.0)
        assert led(store)[0]["since"] == after["since"] < led(store)[0]["at"]


async def test_a_split_region_gets_a_canary_of_its_own(cluster: Cluster) -> None:
    async with store_of(cluster) as store:
        cluster.split(b"j")
        keys = await store.canary_keys()
        assert len(keys) == 4
        for key in keys:
            await store.put(key, b"1", 2.0)
        assert len({region["region"] for region in led(store)}) == 4


async def test_nothing_is_written_before_the_regions_were_looked_at_nor_beside_tidbs_tables() -> None:
    with Cluster(cuts=(b"t\x80\0\1",)) as cluster:
        store = TikvStore()
        store.turn_to(lines(cluster))
        try:
            with pytest.raises(NotDone, match="no route is known yet"):
                await store.put("a", b"1", 2.0)
            with pytest.raises(NotDone, match="this cluster has TiDB's tables"):
                await store.canary_keys()
            with pytest.raises(NotDone):
                await store.put("a", b"1", 2.0)
            assert cluster.state.data == {}
        finally:
            await store.close()


async def test_without_a_pd_it_says_so_and_turns_to_one_when_told(cluster: Cluster) -> None:
    store = TikvStore()
    store.turn_to([])
    try:
        with pytest.raises(NotDone, match="no PD is known"):
            await store.canary_keys()
        store.turn_to(lines(cluster))
        assert len(await store.canary_keys()) == 3
        moved = [line.replace("store tikv0:20160", "store tikv0:1") for line in lines(cluster)]
        store.turn_to(moved)
        with suppress(NotDone):
            await store.put("a", b"1", 0.3)
        store.turn_to(lines(cluster))
        assert await store.put("a", b"2", 2.0) is True
        assert len(store._closing) == 2, "the clients of before are closed, once what is under way has ended"
    finally:
        await store.close()
