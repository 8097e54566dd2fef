"""One event loop for all tests of a file that opens gRPC channels: import both fixtures.

grpc.aio has one queue of events in a process, for all loops. What a cancelled call has left in it is handed to its
loop by whichever loop looks next: in a show there is one, and a loop that has been closed meanwhile would be an error.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from demo.processes.ports import free_ports


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    yield
    # The queue keeps its order: once this call has ended, so have those before it.
    async with grpc.aio.insecure_channel(f"127.0.0.1:{free_ports(1)[0]}") as channel:
        with contextlib.suppress(grpc.aio.AioRpcError):
            call: Any = channel.unary_unary("/nobody/Listens")
            await call(b"", timeout=5)
