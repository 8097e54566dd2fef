"""What every test may ask for."""

import atexit
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import hypothesis
import pytest

from demo.clock import CLOCK
from tests.support.containers import ContainerGroup, container_group
from tests.support.servers import Server, serving

for _number in (signal.SIGINT, signal.SIGHUP):
    # Where the tests are started in the background these may be ignored, and every server would inherit that.
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="chaos-stage-tests-")
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="chaos-stage-tests-")
for _place in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
    atexit.register(shutil.rmtree, os.environ[_place], ignore_errors=True)
"""No test touches the shows of whoever runs the tests, or what is kept of compiled templates."""

# How long an input takes to make says how busy the machine is, and nothing about the program.
hypothesis.settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy machine")


@pytest.fixture(autouse=True)
def state_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory of the test's own: no show goes on in the next test. Short, for sockets lie in it."""
    place = Path(tempfile.mkdtemp(prefix="cs-"))
    monkeypatch.setenv("XDG_STATE_HOME", str(place))
    yield place
    shutil.rmtree(place, ignore_errors=True)


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


@pytest.fixture
def containers() -> Iterator[ContainerGroup]:
    """Containers of the test's own, on the real engine."""
    with container_group() as containers:
        yield containers


@pytest.fixture(autouse=True)
def own_clock() -> Iterator[None]:
    """A journal from elsewhere moves the clock of the process that goes on with it: not that of the next test."""
    anchor = CLOCK.anchor
    yield
    CLOCK.shift(anchor - CLOCK.anchor)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Search no garbage while tests are collected, nor ever among what was: all of it stays until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


SLOW_SEC = 20.0


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name what failed and what was slow as it happens: a run that is ended from outside prints no summary."""
    if "PYTEST_XDIST_WORKER" in os.environ or not (report.failed or report.duration > SLOW_SEC):
        return
    print(f"\n{report.when} of {report.nodeid} {report.outcome} after {report.duration:.0f} s", flush=True)


_BROWSERS = {"tests.support.chromium"}
_CONTAINERS = {
    f"tests.support.{name}" for name in ("containers", "etcd_cluster", "tikv_containers", "matrix_containers")
}


_LONG = {
    *("end_to_end/test_matrix_show_file.py", "end_to_end/test_matrix_containers.py", "browser/test_other_browsers.py"),
    *("subjects/etcd/test_show.py", "subjects/tikv/test_show.py", "compose/test_project.py", "examples/test_shop.py"),
    *("web/routes/test_attack_openapi.py", "scripts/test_setup.py", "scripts/test_tutorial.py"),
}
"""Few tests that take a minute or more together: begun late, one of them would run alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files with browsers first, each beside one without, and those with containers last; the longest first.

    A browser breaks off its requests when a network of the machine changes, and each container changes one. And it
    takes much CPU, while most other files wait.
    """
    of_file: dict[Path, list[pytest.Item]] = {}
    for item in items:
        of_file.setdefault(item.path, []).append(item)
    turns: list[list[list[pytest.Item]]] = [[], [], []]
    for found in sorted(of_file.values(), key=lambda found: (not _is_long(found), -len(found))):
        turns[_turn(found)].append(found)
    browsers, others, containers = turns
    items[:] = []
    for browser, other in zip_longest(browsers, others):
        items += [*(browser or ()), *(other or ())]
    items += [item for found in containers for item in found]


def _is_long(items: list[pytest.Item]) -> bool:
    return items[0].path.relative_to(Path(__file__).parent).as_posix() in _LONG


def _turn(items: list[pytest.Item]) -> int:
    """Return 0 for a file that drives a Chromium, 2 for one that starts containers, 1 for all others."""
    module = items[0].getparent(pytest.Module)
    origins = {getattr(value, "__module__", "") for value in vars(module.obj).values()} if module is not None else set()
    return 0 if origins & _BROWSERS else 2 if origins & _CONTAINERS else 1
