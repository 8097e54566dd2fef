"""Raw reads and writes while PD has no leader: what was known of regions and stores goes on, and is mended."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from demo.subjects.tikv.client.grpc_channels import NoAnswer
from demo.subjects.tikv.client.raw_client import RawClient
from demo.subjects.tikv.client.region_cache import Known
from tests.subjects.tikv.test_raw_client import KEYS, ROOM_SEC, within
from tests.support.fake_pd import Cluster
from tests.support.single_loop import anyio_backend, one_loop  # noqa: F401 - fixtures

pytestmark = pytest.mark.anyio


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(cuts=(b"h", b"p")) as running:
        yield running


@asynccontextmanager
async def client_of(cluster: Cluster, known: Known | None = None) -> AsyncIterator[RawClient]:
    async with RawClient(["pd0:2379", "pd1:2379", "pd2:2379"], cluster.addresses, known=known) as client:
        yield client


@asynccontextmanager
async def without_pd(cluster: Cluster) -> AsyncIterator[RawClient]:
    """A client that knew its way when PD lost its leader: the PDs that are left hang when asked who leads."""
    async with client_of(cluster) as client:
        for key in KEYS:
            await client.put(key, b"before", within_sec=ROOM_SEC)
        cluster.kill("pd0")
        yield client


async def test_while_pd_has_no_leader_a_slow_write_loses_no_route(cluster: Cluster) -> None:
    async with without_pd(cluster) as client:
        cluster.slow("tikv1", 0.5)
        with pytest.raises(NoAnswer, match="tikv1:20160 did not answer"):
            await client.put(b"k", b"slow", within_sec=0.3)
        cluster.slow("tikv1", 0.0)
        await client.put(b"k", b"after", within_sec=0.5)
        assert await client.get(b"k", within_sec=0.5) == b"after"


async def test_while_pd_has_no_leader_another_copy_tells_who_leads_instead_of_a_dead_store(cluster: Cluster) -> None:
    async with without_pd(cluster) as client:
        cluster.kill("tikv1")
        with pytest.raises(NoAnswer) as caught:
            await client.put(b"k", b"during", within_sec=0.3)
        assert caught.value.reason == "election"
        cluster.elect()
        assert await within(ROOM_SEC, lambda: client.put(b"k", b"after", within_sec=0.5)) < 1.0
        cluster.elect_pd("pd1")
        await client.put(b"k", b"again", within_sec=ROOM_SEC)


async def test_while_pd_has_no_leader_a_frozen_store_does_not_cost_every_write_its_time(cluster: Cluster) -> None:
    async with without_pd(cluster) as client:
        cluster.pause("tikv1")
        with pytest.raises(NoAnswer, match="tikv1:20160 did not answer"):
            await client.put(b"k", b"v", within_sec=0.4)
        cluster.elect()
        assert await within(ROOM_SEC, lambda: client.put(b"k", b"after", within_sec=0.4)) < 1.5
        await client.put(b"k", b"again", within_sec=0.4)
        assert client.counts["unreachable"] <= 2


async def test_while_pd_has_no_leader_a_hundred_writes_do_not_wait_for_it_one_after_the_other(cluster: Cluster) -> None:
    async with without_pd(cluster) as client:
        cluster.slow("tikv1", 0.5)
        with pytest.raises(NoAnswer):
            await client.put(b"k", b"slow", within_sec=0.3)
        cluster.slow("tikv1", 0.0)
        keys = [b"k%d" % n for n in range(100)]
        await asyncio.gather(*(client.put(key, b"v", within_sec=1.5) for key in keys))
        assert client.counts["no_route"] == 0


async def test_a_client_that_takes_the_place_of_another_knows_its_routes(cluster: Cluster) -> None:
    known = Known()
    async with client_of(cluster, known) as old:
        await old.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.kill("pd0")
    async with client_of(cluster, known) as client:
        await client.put(b"k", b"after", within_sec=ROOM_SEC)
