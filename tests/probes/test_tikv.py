"""A store's probes: alive by an answer and not by a connection; rates from counters that may begin anew."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.probes.tikv import QpsProbe, StatusProbe, read_counters
from tests.support.fake_pd import Cluster, html

pytestmark = pytest.mark.anyio


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def test_a_store_is_up_then_frozen_then_dead_then_back(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    probe = StatusProbe(lambda: session, cluster.status_urls["tikv1"])
    reading = await probe.read()
    assert reading.ok
    assert reading.took_ms > 0
    cluster.pause("tikv1")
    started = time.monotonic()
    assert (await probe.read()).trouble == "no answer in 300 ms"
    assert time.monotonic() - started < 0.6
    cluster.kill("tikv1")
    assert (await probe.read()).trouble == "connection refused"
    cluster.revive("tikv1")
    assert (await probe.read()).ok


async def test_a_frozen_store_does_not_hold_up_the_look_at_the_others(
    cluster: Cluster, session: aiohttp.ClientSession
) -> None:
    cluster.pause("tikv1")
    # Roomy for a busy machine: what is shown is that the others need not wait for the frozen one.
    probes = [StatusProbe(lambda: session, url, timeout_sec=2.0) for url in cluster.status_urls.values()]
    readings = await asyncio.gather(*(probe.read() for probe in probes))
    assert [reading.ok for reading in readings] == [True, False, True]


async def test_another_status_is_trouble(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    reading = await StatusProbe(lambda: session, cluster.pd_urls["pd0"]).read()
    assert reading.trouble == "answered with status 404"


def serve(cluster: Cluster, gets: int, puts: int) -> None:
    cluster.state.stores["tikv0"].calls.update(get=gets, put=puts)


async def test_the_rate_is_what_was_counted_between_two_looks(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    probe = QpsProbe(lambda: session, cluster.status_urls["tikv0"])
    serve(cluster, 1000, 1000)
    first = await probe.read()
    assert first.ok
    assert first.data == {"gets_per_sec": None, "puts_per_sec": None, "qps": None}
    started = time.monotonic()
    serve(cluster, 100, 300)
    await asyncio.sleep(0.2)
    second = await probe.read()
    most = time.monotonic() - started
    assert 100 / (most + 0.1) < second.data["gets_per_sec"] <= 100 / 0.2
    assert second.data["puts_per_sec"] == pytest.approx(3 * second.data["gets_per_sec"])
    assert second.data["qps"] == pytest.approx(4 * second.data["gets_per_sec"])


async def test_after_a_restart_the_rate_is_unknown_until_the_second_look(
    cluster: Cluster, session: aiohttp.ClientSession
) -> None:
    probe = QpsProbe(lambda: session, cluster.status_urls["tikv0"])
    serve(cluster, 1000, 1000)
    await probe.read()
    serve(cluster, 10, 10)
    assert (await probe.read()).data["qps"] > 0
    cluster.kill("tikv0")
    assert (await probe.read()).trouble == "connection refused"
    cluster.revive("tikv0")
    assert (await probe.read()).data["qps"] is None
    serve(cluster, 1, 0)
    assert (await probe.read()).data["qps"] > 0


async def test_only_the_last_seconds_count(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    probe = QpsProbe(lambda: session, cluster.status_urls["tikv0"], span_sec=0.1)
    await probe.read()
    serve(cluster, 1000, 0)
    for _ in range(3):
        await asyncio.sleep(0.11)
        reading = await probe.read()
    assert reading.data["qps"] == 0


@pytest.mark.parametrize("twist", [html, lambda *_: b"", lambda *_: b"\xff\xfe\0"])
async def test_metrics_that_are_none_are_trouble(
    cluster: Cluster, session: aiohttp.ClientSession, twist: object
) -> None:
    cluster.rewrite_body("tikv0", twist)  # type: ignore[arg-type]
    reading = await QpsProbe(lambda: session, cluster.status_urls["tikv0"]).read()
    assert reading.trouble == "answered, but without TiKV's counters"


async def test_metrics_without_end_are_left(cluster: Cluster, session: aiohttp.ClientSession) -> None:
    cluster.mode("tikv0", "flood")
    reading = await QpsProbe(lambda: session, cluster.status_urls["tikv0"], timeout_sec=5).read()
    assert reading.trouble == "answered with more than 8 MB"


GRPC, STORAGE = "tikv_grpc_msg_duration_seconds_count", "tikv_storage_command_total"


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        (f'{GRPC}{{type="raw_put"}} 5\n{GRPC}{{type="raw_get"}} 7', {"gets": 7, "puts": 5}),
        (f'{GRPC}{{type="raw_put",priority="a"}} 5\n{GRPC}{{priority="b",type="raw_put"}} 6', {"gets": 0, "puts": 11}),
        (f'{GRPC}{{type="kv_get"}} 5', {"gets": 0, "puts": 0}),
        (f'{STORAGE}{{type="raw_put"}} 5', {"gets": 0, "puts": 5}),
        (f'{STORAGE}{{type="raw_put"}} 5\n{GRPC}{{type="raw_put"}} 6', {"gets": 0, "puts": 6}),
        (f'{GRPC}{{type="raw_put"}} 1.5e3 1395066363000', {"gets": 0, "puts": 1500}),
        (f'{GRPC}{{type="raw_\\"put"}} 1', {"gets": 0, "puts": 0}),
        (f'{GRPC}er{{type="raw_put"}} 1', None),
        (f'# {GRPC}{{type="raw_put"}} 1', None),
        (f'{GRPC}{{type="raw_put"}} NaN', None),
        (f'{GRPC}{{type="raw_put"}} +Inf', None),
        (f'{GRPC}{{type="raw_put"}} -1', None),
        (f'{GRPC}{{type="raw_put"}} many', None),
        (f'{GRPC}{{type="raw_put"}}', None),
        (f'{GRPC}{{type="raw_put', None),
        (f"{GRPC}{{type=}} 1", None),
    ],
)
def test_counters_are_read_as_written_or_not_at_all(text: str, counted: dict[str, float] | None) -> None:
    assert read_counters(text.encode()) == counted


@given(noise=st.text(max_size=40), tail=st.binary(max_size=40))
def test_any_text_is_counters_or_none(noise: str, tail: bytes) -> None:
    found = read_counters(f"{GRPC}{noise}\n{GRPC}{{{noise}}} 1\n".encode(errors="replace") + tail)
    assert found is None or set(found) == {"gets", "puts"}
