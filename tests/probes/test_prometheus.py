"""Prometheus' probe against a server that answers as Prometheus does, and as it does not."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from demo.probes.prometheus import PrometheusProbe, PrometheusQueryProbe, _parse_values
from demo.processes.ports import free_ports

pytestmark = pytest.mark.anyio

QUERY = 'sum by (instance) (rate(tikv_grpc_msg_duration_seconds_count{type="raw_put"}[1m]))'


def vector(*samples: tuple[dict[str, str], str]) -> dict[str, Any]:
    result = [{"metric": metric, "value": [1767225600.123, value]} for metric, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@asynccontextmanager
async def prometheus(body: Any, status: int = 200) -> AsyncIterator[tuple[PrometheusProbe, list[str]]]:
    """A server that gives this answer to any query, a probe of it, and the queries that came."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query["query"])
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, content_type="application/json")

    async with served(answer) as probe:
        yield probe, asked


@asynccontextmanager
async def served(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[PrometheusProbe]:
    app = web.Application()
    app.router.add_get("/api/v1/query", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        yield PrometheusProbe(lambda: session, f"http://127.0.0.1:{runner.addresses[0][1]}/", QUERY)
    await runner.cleanup()


async def test_a_vector_is_read_by_its_label_and_the_query_arrives_as_it_is() -> None:
    body = vector(({"instance": "tikv0:20180"}, "12.5"), ({"instance": "tikv1:20180"}, "0"), ({}, "3"))
    async with prometheus(body) as (probe, asked):
        reading = await probe.read()
        assert reading.data == {"values": {"tikv0:20180": 12.5, "tikv1:20180": 0.0, "": 3.0}}
        assert asked == [QUERY]


async def test_an_empty_vector_is_an_answer_without_values() -> None:
    async with prometheus(vector()) as (probe, _):
        reading = await probe.read()
        assert reading.ok
        assert reading.data == {"values": {}}


async def test_a_scalar_has_no_label() -> None:
    body = {"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}
    async with prometheus(body) as (probe, _):
        assert (await probe.read()).data == {"values": {"": 2.0}}


async def test_what_is_no_number_is_left_out() -> None:
    body = vector(({"instance": "a"}, "NaN"), ({"instance": "b"}, "+Inf"), ({"instance": "c"}, "1"))
    async with prometheus(body) as (probe, _):
        assert (await probe.read()).data == {"values": {"c": 1.0}}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            {"status": "error", "errorType": "bad_data", "error": "1:5: parse error"},
            "refused the query: 1:5: parse error",
        ),
        (503, {"status": "error", "errorType": "unavailable"}, "refused the query: status 503"),
        (200, {"status": "error", "error": 7}, "refused the query: status 200"),
        (502, "<html>", "answered with status 502"),
        (302, "", "answered with status 302"),
        (200, "<html>", "answered with unexpected JSON, not Prometheus'"),
        (200, [], "answered with unexpected JSON, not Prometheus'"),
        (200, {"status": "success"}, "did not answer with one value for each label"),
        (
            200,
            {"status": "success", "data": {"resultType": "matrix", "result": []}},
            "did not answer with one value for each label",
        ),
        (200, vector(({"instance": "a"}, "?")), "did not answer with one value for each label"),
        (200, vector(({"instance": "a"}, "1"), ({"instance": "a"}, "2")), "answered with several values for one"),
    ],
)
async def test_what_is_no_answer_is_said_in_plain_words(status: int, body: Any, words: str) -> None:
    async with prometheus(body, status) as (probe, _):
        reading = await probe.read()
        assert reading.trouble.startswith(words)
        assert not reading.data


async def test_a_redirect_is_not_followed() -> None:
    async with prometheus(vector()) as (elsewhere, asked):

        async def redirect(_: web.Request) -> web.Response:
            raise web.HTTPFound(f"{elsewhere.url}api/v1/query?query=1")

        async with served(redirect) as probe:
            assert (await probe.read()).trouble == "answered with status 302"
        assert asked == []


async def test_a_prometheus_that_is_not_there_is_said() -> None:
    async with aiohttp.ClientSession() as session:
        probe = PrometheusProbe(lambda: session, f"http://127.0.0.1:{free_ports(1)[0]}", QUERY)
        assert (await probe.read()).trouble == "connection refused"
        unfit = PrometheusProbe(lambda: session, "no address at all", QUERY)
        assert not (await unfit.read()).ok


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["resultType", "result", "metric", "value", "instance"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(result=JSON, kind=st.sampled_from(["vector", "scalar", "string", None]))
def test_any_result_is_values_or_words(result: Any, kind: str | None) -> None:
    assert isinstance(_parse_values({"resultType": kind, "result": result}, "instance"), dict | str)
    assert isinstance(_parse_values(result, "instance"), dict | str)


async def rows(body: Any) -> tuple[Any, Any]:
    """Return the value and the rows of a query's answer; the trouble, and whether it says nothing, without them."""
    async with prometheus(body) as (probe, _):
        reading = await PrometheusQueryProbe(probe.session, probe.url, QUERY, 20.0).read()
    return (reading.data["value"], reading.data["body"]) if reading.ok else (reading.trouble, reading.inconclusive)


async def test_a_query_has_one_value_or_a_row_for_each_result_and_none_where_there_is_no_number() -> None:
    assert await rows(vector(({}, "3"))) == (3.0, [{"value": 3.0}])
    two = [{"pod": "a", "value": 1.0}, {"pod": "b", "value": None}]
    assert await rows(vector(({"pod": "a"}, "1"), ({"pod": "b"}, "NaN"))) == (None, two)
    assert await rows(vector(({}, "NaN"))) == (None, [{"value": None}])
    assert await rows(vector()) == (None, [])
    scalar = {"status": "success", "data": {"resultType": "scalar", "result": [1767225600.1, "7"]}}
    assert await rows(scalar) == (7.0, [{"value": 7.0}])


async def test_a_prometheus_that_does_not_answer_says_nothing_about_what_it_measures() -> None:
    assert await rows({"status": "success", "data": {"resultType": "matrix", "result": []}}) == (
        "did not answer with numbers",
        True,
    )
    assert (await rows({"status": "error", "error": "bad"}))[1] is True
