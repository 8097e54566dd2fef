"""The board asks real servers, and says of each node what its answers say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from demo.processes.ports import free_ports
from demo.showfile.board import ProbeBoard
from demo.showfile.probing.kinds import Sources
from demo.showfile.schema.probes import ProbeSettings
from demo.showfile.show_poller import ShowPoller

pytestmark = pytest.mark.anyio

Handler = Callable[[web.Request], "asyncio.Future[web.Response]"]


@asynccontextmanager
async def serving(answer: Callable[[web.Request], web.StreamResponse]) -> AsyncIterator[int]:
    """Serve this answer on a free port, and yield the port."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sources() -> AsyncIterator[Sources]:
    async with aiohttp.ClientSession() as session:
        yield Sources(lambda: session)


def probe(**settings: object) -> ProbeSettings:
    return ProbeSettings.model_validate({"timeout": "2s", **settings})


async def test_an_answer_of_200_is_up_another_is_down_and_so_is_none() -> None:
    free = free_ports(1)[0]
    async with serving(lambda request: web.Response(status=int(request.path[1:]))) as port, sources() as given:
        board = ProbeBoard(
            {
                "good": probe(http=f"http://127.0.0.1:{port}/204"),
                "bad": probe(http=f"http://127.0.0.1:{port}/503"),
                "dead": probe(http=f"http://127.0.0.1:{free}/"),
                "port": probe(tcp=f"127.0.0.1:{port}"),
            },
            given,
        )
        assert {node.state for node in board.all_nodes()} == {"unknown"}
        await board.ask_once()
        states = {node.id: (node.state, node.worst.detail) for node in board.all_nodes()}
    assert states == {
        "good": ("up", ""),
        "bad": ("down", "answered with status 503"),
        "dead": ("down", "connection refused"),
        "port": ("up", ""),
    }


async def test_braces_make_one_node_of_each_address() -> None:
    async with serving(lambda request: web.Response(status=int(request.path[1:]))) as port, sources() as given:
        board = ProbeBoard({"api": probe(http=f"http://127.0.0.1:{port}/{{200,500}}")}, given)
        await board.ask_once()
        assert {node.id: node.state for node in board.all_nodes()} == {"api-200": "up", "api-500": "down"}


async def test_the_poller_tells_a_sample_with_all_nodes() -> None:
    async with serving(lambda _: web.Response()) as port, sources() as given:
        poller = ShowPoller(ProbeBoard({"api": probe(http=f"http://127.0.0.1:{port}/")}, given))
        running = asyncio.create_task(poller.run())
        async with asyncio.timeout(10):
            while (health := poller.get_health()) is None or health["has_issues"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        poller.stop()
        await running
    assert [(node["id"], node["health"]) for node in health["nodes"]] == [("api", "up")]
