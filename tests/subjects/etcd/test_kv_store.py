"""What a member's error says of a write that was not confirmed: an election, or a refusal."""

from typing import Any

import pytest
from aiohttp import web

from demo.processes.ports import free_ports
from demo.subjects.cluster.kv_store import NotDone
from demo.subjects.etcd.kv_store import EtcdStore

pytestmark = pytest.mark.anyio

PUT_SEC = 1.0
"""Long for an answer, which comes at once; short because a write is tried again for all of it while they elect."""


async def reason_of(body: Any, status: int = 503) -> str:
    """The word for a write that a member answers like this."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    application = web.Application()
    application.add_routes([web.post("/v3/kv/put", answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    store = EtcdStore()
    store.turn_to([f"127.0.0.1:{port}"])
    try:
        await store.put("key", b"value", PUT_SEC)
    except NotDone as error:
        return error.reason
    finally:
        await store.close()
        await runner.cleanup()
    return ""


@pytest.mark.parametrize(
    "message",
    [
        "etcdserver: no leader",
        "etcdserver: leader changed",
        "etcdserver: request timed out, possibly due to previous leader failure",
    ],
)
async def test_what_etcd_says_while_it_elects_is_an_election(message: str) -> None:
    assert await reason_of({"error": message, "code": 14, "message": message}) == "election"
    assert await reason_of({"code": 14, "message": message, "details": []}) == "election"  # from 3.6 on


@pytest.mark.parametrize(
    "body",
    [
        {"error": "etcdserver: not leader", "code": 9, "message": "etcdserver: not leader"},
        {"error": "etcdserver: bad leader transferee", "code": 9},
        {"message": "etcdserver: permission denied for leaderboard"},
        {"error": {"leader": "etcdserver: no leader"}},
        ["etcdserver: no leader"],
        "the leader of this page",
        None,
    ],
)
async def test_another_error_that_speaks_of_a_leader_is_a_refusal(body: Any) -> None:
    assert await reason_of(body) == "refused"
