"""What every test may ask for."""

import os
from collections.abc import Iterator

import pytest

from tests.serving import Server, serving


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the program keeps for its user is kept for the tests alone."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


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
    """The shared server, back on chapter 1, lit and not halted."""
    running.until(lambda state: state["seq"] > 0)
    for path in ("/resume", "/goto/1", "/blackout?on=false"):
        assert running.client.post(path).status_code == 200
    return running
