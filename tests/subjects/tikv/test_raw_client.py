"""Raw reads and writes against the fake cluster: routes, elections, dead and frozen nodes, a split, nonsense."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.errors import InvalidValue
from demo.processes.ports import free_ports
from demo.subjects.tikv.client.grpc_channels import Channels, NoAnswer
from demo.subjects.tikv.client.raw_client import RawClient
from demo.subjects.tikv.client.region_cache import KeyRegion, Peer, RegionCache, RegionRoute
from demo.subjects.tikv.proto import raw_pb2 as wire
from tests.support.fake_pd import Cluster
from tests.support.single_loop import anyio_backend, one_loop  # noqa: F401 - fixtures

pytestmark = pytest.mark.anyio

KEYS = (b"a", b"k", b"z")
"""One in each of the three regions, led by `tikv0`, `tikv1` and `tikv2`."""

ROOM_SEC = 5.0
"""For what must succeed, where it is not the deadline that is looked at."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(cuts=(b"h", b"p")) as running:
        yield running


@asynccontextmanager
async def client_of(cluster: Cluster) -> AsyncIterator[RawClient]:
    async with RawClient(["pd0:2379", "pd1:2379", "pd2:2379"], cluster.addresses) as client:
        yield client


async def within(limit_sec: float, work: Callable[[], Awaitable[object]]) -> float:
    """Try until it works; how long that took."""
    started = time.monotonic()
    while True:
        try:
            await work()
        except NoAnswer:
            assert time.monotonic() - started < limit_sec
            await asyncio.sleep(0.01)
        else:
            return time.monotonic() - started


async def test_what_was_written_is_read_in_every_region(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        for key in KEYS:
            await client.put(key, b"of " + key)
            assert await client.get(key) == b"of " + key
        assert await client.get(b"never written") is None
        assert cluster.state.data[b"k"] == b"of k"
        puts = [store.calls["put"] for store in cluster.state.stores.values()]
        assert puts == [1, 1, 1], "each leader was asked once"
        assert sum(pd.calls["region"] for pd in cluster.state.pds.values()) == 3, "routes are kept"


async def test_all_regions_are_listed_and_a_key_of_ours_falls_in_each(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        regions = await client.regions()
        assert [(region.start, region.end) for region in regions] == [(b"", b"h"), (b"h", b"p"), (b"p", b"")]
        assert [region.leader.store_id for region in regions if region.leader] == [1, 4, 5]
        for region in regions:
            key = region.key(b"canary")
            assert key is not None
            assert region.holds(key)
            await client.put(key, b"1")
        assert len(await client.regions(limit=2)) == 2
        assert [region.start for region in await client.regions(start=b"k")] == [b"h", b"p"]


async def test_a_killed_leader_is_an_election_until_another_is_chosen(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.kill("tikv1")
        started = time.monotonic()
        with pytest.raises(NoAnswer) as caught:
            await client.put(b"k", b"during", within_sec=0.3)
        assert 0.25 < time.monotonic() - started < 0.6
        assert caught.value.reason == "election"
        assert client.counts["election"] > 0
        await client.put(b"a", b"the other regions", within_sec=ROOM_SEC)
        cluster.elect()
        await client.put(b"k", b"after", within_sec=ROOM_SEC)
        assert cluster.state.data[b"k"] == b"after"


async def test_a_write_under_way_goes_through_once_a_leader_is_chosen(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.kill("tikv1")
        writing = asyncio.ensure_future(client.put(b"k", b"patient", within_sec=5))
        await within(2, lambda: _met(client, "election"))
        cluster.elect()
        await writing
        assert cluster.state.data[b"k"] == b"patient"


async def _met(client: RawClient, reason: str) -> None:
    if not client.counts[reason]:
        raise NoAnswer("busy", "not yet")


async def test_followers_that_still_name_the_dead_leader_make_it_unreachable(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        cluster.kill("tikv1", noticed=False)
        with pytest.raises(NoAnswer) as caught:
            await client.put(b"k", b"v", within_sec=0.4)
        assert caught.value.reason == "unreachable"
        assert "tikv1:20160" in str(caught.value)
        # On a busy machine the time of one write may be over before a follower has answered.
        for _ in range(20):
            if client.counts["moved"]:
                return
            with pytest.raises(NoAnswer):
                await client.put(b"k", b"v", within_sec=0.4)
        raise AssertionError(f"no follower named another leader: {client.counts}")


async def test_a_frozen_leader_costs_the_deadline_and_no_more_and_the_next_write_finds_the_new_one(
    cluster: Cluster,
) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.pause("tikv1")
        started = time.monotonic()
        with pytest.raises(NoAnswer, match="tikv1:20160 did not answer") as caught:
            await client.put(b"k", b"v", within_sec=0.4)
        assert time.monotonic() - started < 0.7
        assert caught.value.reason == "unreachable"
        cluster.elect()
        await client.put(b"k", b"after", within_sec=0.4)


async def test_a_store_is_noticed_soon_after_it_is_back(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.kill("tikv1", noticed=False)
        for _ in range(12):
            with pytest.raises(NoAnswer):
                await client.put(b"k", b"v", within_sec=0.25)
        cluster.revive("tikv1")
        cluster.elect(to="tikv1")
        assert await within(5, lambda: client.put(b"k", b"back", within_sec=0.25)) < 0.7


async def test_a_thawed_store_is_noticed_soon_too(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.pause("tikv1", noticed=False)
        for _ in range(3):
            with pytest.raises(NoAnswer):
                await client.put(b"k", b"v", within_sec=0.4)
        cluster.revive("tikv1")
        cluster.elect(to="tikv1")
        assert await within(5, lambda: client.put(b"k", b"back", within_sec=0.25)) < 1.0


async def test_a_connection_that_died_in_silence_is_replaced(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.pause("tikv1", noticed=False, keep_old_silent=True)
        with pytest.raises(NoAnswer):
            await client.put(b"k", b"v", within_sec=0.4)
        cluster.revive("tikv1")
        cluster.elect(to="tikv1")
        assert await within(5, lambda: client.put(b"k", b"back", within_sec=0.4)) < 1.0


async def test_an_election_seen_on_the_way_is_the_reason_whatever_came_last(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.kill("tikv1")
        writing = asyncio.ensure_future(client.put(b"k", b"v", within_sec=3))
        await within(2, lambda: _met(client, "election"))
        cluster.kill("pd0")
        cluster.kill("tikv0")
        with pytest.raises(NoAnswer) as caught:
            await writing
        assert caught.value.reason == "election"
        assert client.counts["unreachable"] > 0


async def test_without_a_majority_no_write_is_confirmed(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"a", b"before", within_sec=ROOM_SEC)
        cluster.kill("tikv1")
        cluster.kill("tikv2")
        with pytest.raises(NoAnswer) as caught:
            await client.put(b"a", b"lonely", within_sec=0.3)
        assert caught.value.reason == "unreachable"
        assert cluster.state.data[b"a"] == b"before"


async def test_a_follower_that_names_the_leader_is_believed(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        cluster.state.groups[cluster.state.group_of(b"k").ident].reported_leader = 1  # type: ignore[union-attr]
        await client.put(b"k", b"v", within_sec=ROOM_SEC)
        assert client.counts == {"moved": 1}
        assert cluster.state.stores["tikv1"].calls["put"] == 1


async def test_a_split_region_is_found_again(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.split(b"j")
        await client.put(b"k", b"after", within_sec=ROOM_SEC)
        await client.put(b"i", b"left", within_sec=ROOM_SEC)
        assert len(await client.regions()) == 4


async def test_a_busy_store_is_said_to_be_busy_until_it_is_not(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.state.stores["tikv1"].busy = True
        with pytest.raises(NoAnswer) as caught:
            await client.put(b"k", b"v", within_sec=0.3)
        assert caught.value.reason == "busy"
        assert 2 <= client.counts["busy"] <= 8, "it backs off"
        cluster.state.stores["tikv1"].busy = False
        await client.put(b"k", b"v", within_sec=ROOM_SEC)


@pytest.mark.parametrize("in_header", [False, True])
async def test_a_new_pd_leader_is_found(cluster: Cluster, in_header: bool) -> None:
    cluster.state.refuses_in_header = in_header
    async with client_of(cluster) as client:
        await client.regions()
        cluster.elect_pd("pd2")
        assert len(await client.regions()) == 3
        assert cluster.state.pds["pd2"].calls["scan"] == 1


async def test_without_a_pd_leader_known_routes_go_on_and_unknown_ones_say_so(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"before", within_sec=ROOM_SEC)
        cluster.kill("pd0")
        await client.put(b"k", b"during", within_sec=ROOM_SEC)
        with pytest.raises(NoAnswer) as caught:
            await client.put(b"a", b"v", within_sec=0.3)
        assert caught.value.reason == "no_route"
        cluster.elect_pd("pd1")
        await client.put(b"a", b"v", within_sec=ROOM_SEC)


async def test_a_frozen_pd_follower_holds_nobody_up(cluster: Cluster) -> None:
    cluster.pause("pd1")
    async with client_of(cluster) as client:
        started = time.monotonic()
        await client.put(b"k", b"v", within_sec=1.0)
        assert time.monotonic() - started < 0.5


async def test_a_frozen_pd_leader_is_left_for_the_new_one(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"v", within_sec=ROOM_SEC)
        cluster.pause("pd0")
        with pytest.raises(NoAnswer, match="PD"):
            await client.put(b"a", b"v", within_sec=0.4)
        cluster.elect_pd("pd1")
        await client.put(b"a", b"v", within_sec=ROOM_SEC)


async def test_a_frozen_pd_leader_that_was_replaced_costs_half_the_deadline(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.put(b"k", b"v", within_sec=ROOM_SEC)
        cluster.pause("pd0")
        cluster.elect_pd("pd1")
        await client.put(b"a", b"v", within_sec=2.0)


async def test_a_cluster_made_anew_has_another_id_and_is_accepted(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.regions()
        cluster.state.cluster_id += 1
        assert len(await client.regions()) == 3


async def test_nobody_at_all_is_said_within_the_deadline() -> None:
    port = free_ports(1)[0]
    async with RawClient([f"http://127.0.0.1:{port}"]) as client:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match="no PD names a leader") as caught:
            await client.get(b"k", within_sec=0.3)
        assert caught.value.reason == "no_route"
        assert time.monotonic() - started < 0.6


async def test_many_writers_ask_pd_together_not_each_by_itself(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        for key in (b"a", b"z"):  # opens the connections, so that none can fail to open in time below
            await client.put(key, b"v", within_sec=ROOM_SEC)
        cluster.kill("tikv1")
        cluster.elect(to="tikv0")
        asked = cluster.state.pds["pd0"].calls["region"]
        await asyncio.gather(*(client.put(b"k%d" % n, b"v", within_sec=3) for n in range(100)))
        assert cluster.state.pds["pd0"].calls["region"] == asked + 1


async def all_were_counted(client: RawClient, reason: str, number: int) -> None:
    while client.counts[reason] < number:  # noqa: ASYNC110 - the client has no event for it
        await asyncio.sleep(0)


async def test_many_writers_that_one_store_fails_ask_pd_together_though_each_avoids_it(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        for key in KEYS:
            await client.put(key, b"v", within_sec=ROOM_SEC)
        cluster.kill("tikv1", noticed=False)
        asked = cluster.state.pds["pd0"].calls["region"]
        writes = [asyncio.ensure_future(client.put(b"k%d" % n, b"v", within_sec=ROOM_SEC)) for n in range(100)]
        await all_were_counted(client, "unreachable", len(writes))
        await asyncio.to_thread(cluster.revive, "tikv1")
        cluster.elect(to="tikv1")
        await asyncio.gather(*writes)
        assert cluster.state.pds["pd0"].calls["region"] - asked < len(writes) / 5


async def test_a_cancelled_write_is_cancelled_and_the_client_goes_on(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        cluster.pause("tikv1", noticed=False)
        writing = asyncio.ensure_future(client.put(b"k", b"v", within_sec=5))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await client.put(b"a", b"v", within_sec=ROOM_SEC)


async def test_a_closed_client_says_so(cluster: Cluster) -> None:
    client = RawClient(["pd0:2379"], cluster.addresses.__getitem__)
    await client.put(b"k", b"v", within_sec=ROOM_SEC)
    await client.close()
    with pytest.raises(NoAnswer):
        await client.put(b"k", b"v", within_sec=0.1)
    await client.close()


@pytest.mark.parametrize("within_sec", [0, -1, float("nan"), float("inf")])
async def test_a_deadline_must_be_a_time(within_sec: float) -> None:
    async with RawClient(["127.0.0.1:1"]) as client:
        with pytest.raises(InvalidValue):
            await client.get(b"k", within_sec=within_sec)
        with pytest.raises(InvalidValue):
            await client.get(b"")
    with pytest.raises(InvalidValue):
        RawClient([])


@asynccontextmanager
async def answering(body: bytes) -> AsyncIterator[str]:
    """A gRPC server that answers everything with these bytes."""

    class Same(grpc.GenericRpcHandler):
        def service(self, _: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
            async def answer(*_: object) -> bytes:
                return body

            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Same(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=60))
async def test_whatever_bytes_come_back_it_is_an_answer_or_no_answer(body: bytes) -> None:
    async with answering(body) as address, Channels() as channels:
        for kind in (wire.GetMembersResponse, wire.GetRegionResponse, wire.RawGetResponse):
            met = await _met_by(channels.ask(address, "/any/Thing", wire.RawGetRequest(), kind, 2.0))
            assert met == "refused" or isinstance(met, kind)


async def _met_by(asking: Awaitable[Message]) -> Message | str:
    try:
        return await asking
    except NoAnswer as error:
        return error.reason


async def test_a_server_of_another_protocol_is_said_in_words(cluster: Cluster) -> None:
    async with Channels(cluster.addresses) as channels:
        with pytest.raises(NoAnswer):
            await channels.ask("tikv0:20180", "/pdpb.PD/GetMembers", wire.RawGetRequest(), wire.RawGetResponse, 0.5)
        with pytest.raises(NoAnswer) as caught:
            await channels.ask("tikv0:20160", "/tikvpb.Tikv/None", wire.RawGetRequest(), wire.RawGetResponse, 0.5)
        assert caught.value.reason == "refused"


def _region(ident: int, start: bytes, end: bytes) -> KeyRegion:
    return KeyRegion(ident, start, end, 1, 1, (Peer(1, 1),), Peer(1, 1))


def test_a_region_without_room_has_no_key_of_ours() -> None:
    assert _region(1, b"a", b"a\0").key(b"canary") is None
    assert _region(1, b"", b"").key(b"canary") == b"\0canary"


@given(cuts=st.lists(st.binary(min_size=1, max_size=3), unique=True, max_size=6), key=st.binary(max_size=4))
def test_a_kept_route_is_found_by_every_key_of_its_region_and_by_no_other(cuts: list[bytes], key: bytes) -> None:
    edges = [b"", *sorted(cuts), b""]
    routes = RegionCache()
    kept = [
        RegionRoute(_region(n, start, end), Peer(1, 1), f"store{n}")
        for n, (start, end) in enumerate(itertools.pairwise(edges))
    ]
    for route in kept[::2]:
        routes.store(route)
    found = routes.find(key)
    assert found == next((route for route in kept[::2] if route.region.holds(key)), None)
    if found is not None:
        routes.mark_doubtful(found)
        assert routes.find(key) is None
        assert routes.find_any(key) is found, "kept, for when nobody tells of another"
        routes.store(found)
        assert routes.find(key) is found


@given(cuts=st.lists(st.binary(min_size=1, max_size=3), unique=True, max_size=6), key=st.binary(max_size=4))
def test_a_newer_route_takes_the_place_of_all_that_was_known_of_its_keys(cuts: list[bytes], key: bytes) -> None:
    edges = [b"", *sorted(cuts), b""]
    routes = RegionCache()
    for n, (start, end) in enumerate(itertools.pairwise(edges)):
        old = RegionRoute(_region(n, start, end), Peer(1, 1), f"store{n}")
        routes.store(old)
        routes.mark_doubtful(old)
    merged = RegionRoute(_region(99, b"", b""), Peer(1, 1), "new")
    routes.store(merged)
    assert routes.find(key) is merged
