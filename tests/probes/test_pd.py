"""PD's probe against the fake cluster: a killed store and a killed leader, PD's lag, odd bodies, frozen members."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.probes import pd_parsing
from demo.probes.http_fetch import parsed
from demo.probes.pd import PdProbe
from demo.probes.result import Reading
from tests.support.fake_pd import Cluster, html, strange, truncated, without

pytestmark = pytest.mark.anyio

BEYOND = 2**53


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(cuts=(b"h", b"p")) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def probe_of(cluster: Cluster, session: aiohttp.ClientSession, name: str = "pd0", timeout_sec: float = 2) -> PdProbe:
    return PdProbe(lambda: session, cluster.pd_urls[name], timeout_sec)


def by_id(reading: Reading) -> list[dict[str, Any]]:
    return sorted(reading.data["stores"], key=lambda store: int(store["id"]))


async def test_every_pd_tells_the_same_of_a_whole_cluster(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    readings = [await probe_of(cluster, session, name).read() for name in cluster.pd_urls]
    for reading in readings:
        assert reading.ok
        assert reading.data["troubles"] == {}
        assert reading.data["leader"]["name"] == "pd0"
        assert [member["name"] for member in reading.data["members"]["members"]] == ["pd0", "pd1", "pd2"]
        told = [(s["id"], s["state"], s["leader_count"], s["region_count"]) for s in by_id(reading)]
        assert told == [(1, "Up", 1, 3), (4, "Up", 1, 3), (5, "Up", 1, 3)]
        assert reading.data["regions"] == 3


async def test_ids_beyond_what_a_double_holds_stay_exact(session: aiohttp.ClientSession) -> None:
    ids = (BEYOND + 1, BEYOND + 3, 2**64 - 1)
    with Cluster(store_ids=ids) as cluster:
        reading = await probe_of(cluster, session).read()
    assert tuple(store["id"] for store in by_id(reading)) == ids
    assert reading.data["leader"]["member_id"] == 13_156_394_451_279_123_456
    assert reading.data["members"]["cluster_id"] == cluster.state.cluster_id > BEYOND


async def test_the_story_of_a_kill_with_pds_lagging_word(session: aiohttp.ClientSession) -> None:
    with Cluster(pace=0.1, cuts=(b"h", b"p")) as cluster:
        probe = probe_of(cluster, session)

        async def told() -> tuple[str, int]:
            store = by_id(await probe.read())[1]
            return store["state"], store["leader_count"]

        cluster.kill("tikv1")
        assert await told() == ("Up", 1), "PD has not noticed"
        cluster.elect()
        assert await told() == ("Up", 0), "leaders move first"
        started = time.monotonic()
        while (await told())[0] == "Up":
            assert time.monotonic() - started < 10
        assert await told() == ("Disconnected", 0)
        cluster.revive("tikv1")
        assert (await told())[0] == "Up"
        cluster.force_state("tikv1", "Down")
        assert (await told())[0] == "Down"


@pytest.mark.parametrize("hangs", [False, True], ids=["refuses", "hangs"])
async def test_without_a_leader_a_follower_that_lives_is_told_from_the_one_that_is_dead(
    cluster: Cluster, session: aiohttp.ClientSession, hangs: bool
) -> None:
    cluster.state.hangs = hangs
    cluster.kill("pd0")
    assert (await probe_of(cluster, session).read()).trouble == "connection refused"
    reading = await probe_of(cluster, session, "pd1", 0.4).read()
    assert reading.ok
    assert reading.data["leader"]["name"] == "pd0", "it names the dead one until there is another"
    assert reading.took_ms < 400
    why = "no answer in 400 ms" if hangs else "PD has no leader"
    assert reading.data["troubles"]["stores"] == why
    cluster.elect_pd("pd2")
    assert (await probe_of(cluster, session, "pd1").read()).data["leader"]["name"] == "pd2"


async def test_a_pd_that_was_started_anew_and_knows_no_leader_lives(
    cluster: Cluster, session: aiohttp.ClientSession
) -> None:
    cluster.kill("pd0")
    cluster.revive("pd0")
    reading = await probe_of(cluster, session, "pd0", 0.4).read()
    assert reading.ok
    assert "leader" not in reading.data
    assert reading.data["troubles"]["leader"] == "PD has no leader"


async def test_a_frozen_leader_freezes_only_what_comes_from_it(
    cluster: Cluster, session: aiohttp.ClientSession
) -> None:
    cluster.pause("pd0")
    started = time.monotonic()
    frozen = await probe_of(cluster, session, "pd0", 0.3).read()
    follower = await probe_of(cluster, session, "pd1", 0.3).read()
    assert time.monotonic() - started < 1.5
    assert frozen.trouble == "no answer in 300 ms"
    assert follower.ok
    assert follower.data["troubles"] == dict.fromkeys(("members", "stores", "regions"), "no answer in 300 ms")


async def test_only_who_is_to_be_asked_is_asked_for_pds_word(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    asked: list[str] = []

    def asks(named: str) -> bool:
        asked.append(named)
        return False

    reading = await PdProbe(lambda: session, cluster.pd_urls["pd1"], 2, asks).read()
    assert set(reading.data) == {"leader", "troubles"}
    assert asked == ["pd0"]
    assert set(cluster.state.asked) == {"/leader", "/ping"}


async def test_nothing_is_asked_of_pd_that_has_no_bound(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    """Not the regions one by one, not a count for which they are scanned, not a ping of every member."""
    assert (await probe_of(cluster, session).read()).ok
    assert set(cluster.state.asked) == {"/leader", "/ping", "/members", "/stores", "/regions/count"}


async def test_before_the_first_store_pd_is_said_to_wait_for_one(
    cluster: Cluster, session: aiohttp.ClientSession
) -> None:
    cluster.state.is_bootstrapped = False
    reading = await probe_of(cluster, session).read()
    assert reading.data["leader"]["name"] == "pd0"
    assert reading.data["troubles"] == dict.fromkeys(("stores", "regions"), "no store has joined yet")


async def test_a_slow_pd_is_not_waited_for(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    cluster.slow("pd0", 3)
    started = time.monotonic()
    assert (await probe_of(cluster, session, timeout_sec=0.2).read()).trouble == "no answer in 200 ms"
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("twist", [truncated, html, lambda *_: b"", lambda *_: b"{}", lambda *_: b"[[1]]"])
async def test_what_is_not_pds_json_is_said_to_be_that(
    cluster: Cluster, session: aiohttp.ClientSession, twist: Any
) -> None:
    cluster.rewrite_body("pd0", twist)
    assert (await probe_of(cluster, session).read()).trouble == "answered with unexpected JSON, not PD's"


async def test_one_odd_part_does_not_hide_the_others(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    cluster.rewrite_body("pd0", lambda path, body: html(path, body) if path == "/stores" else body)
    reading = await probe_of(cluster, session).read()
    assert reading.data["troubles"] == {"stores": "answered with unexpected JSON, not PD's"}
    assert "stores" not in reading.data
    assert reading.data["regions"] == 3


async def test_an_answer_that_breaks_off_or_never_ends_is_left(
    cluster: Cluster, session: aiohttp.ClientSession
) -> None:
    cluster.mode("pd0", "cut")
    assert (await probe_of(cluster, session).read()).trouble == "closed the connection without an answer"
    cluster.mode("pd0", "flood")
    assert (await probe_of(cluster, session, timeout_sec=5).read()).trouble == "answered with more than 1 MB"


async def test_unknown_keys_are_ignored(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    plain = await probe_of(cluster, session).read()
    cluster.rewrite_body("pd0", lambda path, body: strange(path, body) if body else body)
    odd = await probe_of(cluster, session).read()
    assert odd.data["troubles"] == {}
    assert [store["id"] for store in by_id(odd)] == [store["id"] for store in by_id(plain)]


async def test_what_pd_leaves_out_is_unknown_and_no_number_is_made_up(
    cluster: Cluster, session: aiohttp.ClientSession
) -> None:
    less = without("state_name", "status", "version", "cluster_id", "last_heartbeat")
    cluster.rewrite_body("pd0", lambda path, body: less(path, body) if body else body)
    reading = await probe_of(cluster, session).read()
    assert reading.data["troubles"] == {}
    store = by_id(reading)[0]
    assert store["last_heartbeat_ns"] is None
    assert store["state"] == "Up", "PD leaves the state out when it is 0"
    assert store["leader_count"] is None
    assert store["version"] is None
    assert reading.data["members"]["cluster_id"] is None


@pytest.mark.parametrize(
    ("store", "state"),
    [
        ({"id": 1}, "Up"),
        ({"id": 1, "state": 0}, "Up"),
        ({"id": 1, "state": 1}, "Offline"),
        ({"id": 1, "state": 2}, "Tombstone"),
        ({"id": 1, "state": 7}, None),
        ({"id": 1, "state": True}, None),
        ({"id": 1, "state": "1"}, None),
        ({"id": 1, "state": 1, "state_name": "Down"}, "Down"),
        ({"id": 1, "state_name": 3}, None),
    ],
)
def test_the_state_of_a_store_is_named_only_if_pd_names_it(store: dict[str, Any], state: str | None) -> None:
    assert pd_parsing.stores({"stores": [{"store": store}]})[0]["state"] == state


@pytest.mark.parametrize(
    "body",
    [
        {"stores": [{"store": {"id": "1"}}]},
        {"stores": [{"store": {"id": True}}]},
        {"stores": [{"store": {"id": 1.0}}]},
        {"stores": [{"store": {"id": -1}}]},
        {"stores": [{"store": {"id": 2**64}}]},
        {"stores": [{"status": {}}]},
        {"stores": {"1": {}}},
        {"stores": [{"store": {"id": 1}}] * 1001},
        {},
    ],
)
def test_a_store_without_an_id_is_not_pds(body: Any) -> None:
    with pytest.raises(pd_parsing.Unfit):
        pd_parsing.stores(body)


def test_a_count_that_is_no_number_is_not_pds() -> None:
    for value in (None, "3", -1, 1.5, True, 2**64):
        with pytest.raises(pd_parsing.Unfit):
            pd_parsing.count({"count": value})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["stores", "store", "status", "id", "count", "members", "header", "name", "status"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(body=JSON)
@pytest.mark.parametrize("shape", [pd_parsing.count, pd_parsing.leader, pd_parsing.members, pd_parsing.stores])
def test_any_json_is_either_fit_or_unfit(shape: Any, body: Any) -> None:
    _fits(shape, body)


def _fits(shape: Any, body: Any) -> Any:
    try:
        found = shape(body)
    except pd_parsing.Unfit:
        return None
    json.dumps(found)
    return found


@given(body=st.binary(max_size=200))
def test_any_bytes_are_json_or_nothing(body: bytes) -> None:
    parsed(body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"NaN", b'{"a": Infinity}', b"9" * 5000, b"\xff\xfe", b"{" * 999_999])
def test_json_that_would_hurt_is_nothing(body: bytes) -> None:
    assert parsed(body) is None
