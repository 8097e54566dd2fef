"""What every test may ask for."""

from collections.abc import Iterator

import pytest

from tests.serving import Server, serving


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """One server without a system for all tests of a file."""
    with serving("none") as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    """The shared server, back on chapter 1: lit, not frozen, not halted, its timer at 0."""
    running.until(lambda state: state["seq"] > 0)
    for path in ("/resume", "/goto/1", "/blackout?on=false", "/freeze?on=false", "/timer/reset"):
        assert running.client.post(path).status_code == 200
    return running
