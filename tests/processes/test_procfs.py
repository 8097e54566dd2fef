"""Processes as /proc tells of them, on real ones."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes.child import start_time_of
from demo.processes.process_ref import ProcessRef
from demo.processes.procfs import (
    Launch,
    descendants,
    is_stopped,
    likely_children,
    list_by_environment,
    listeners,
    orphans,
)
from tests.support.servers import wait_for

LISTENS = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
time.sleep(60)
"""
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LISTENS!r}])"


class Family:
    """A parent, and a child of it that listens on `port`."""

    def __init__(self, cwd: Path) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT],
            stdout=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=os.environ | {"FAMILY": "ours"},
        )
        assert self.parent.stdout is not None
        self.port = int(self.parent.stdout.readline())
        (self.child,) = descendants(self.parent.pid)


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    family = Family(tmp_path)
    yield family
    for pid in (family.child, family.parent.pid):
        ProcessRef(pid, start_time_of(pid)).kill()
    family.parent.communicate()


def test_who_listens_is_looked_for_among_descendants_only(family: Family) -> None:
    assert listeners(descendants(family.parent.pid)) == {family.port: family.child}
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        assert port not in listeners(descendants(family.parent.pid))
        assert listeners([os.getpid()])[port] == os.getpid()
    assert descendants(family.child) == {}
    assert descendants(os.getpid())[family.child] == start_time_of(family.child)


def test_how_a_process_was_started_is_told(family: Family, tmp_path: Path) -> None:
    launch = Launch.of(family.child)
    assert launch.argv == (sys.executable, "-c", LISTENS)
    assert launch.cwd == str(tmp_path)
    assert launch.environ["FAMILY"] == "ours"
    assert launch.output == ""
    with pytest.raises(OSError, match="No such file"):
        Launch.of(2**22 + 1)


def test_a_mark_in_the_environment_comes_down_to_children(family: Family) -> None:
    assert set(list_by_environment("FAMILY", "ours")) == {family.parent.pid, family.child}
    assert list_by_environment("FAMILY", "our") == {}


def test_a_stopped_process_is_told_from_one_that_runs_and_one_that_is_gone(family: Family) -> None:
    process = ProcessRef(family.child, start_time_of(family.child))
    assert not is_stopped(family.child)
    process.suspend()
    wait_for(lambda: is_stopped(family.child))
    process.resume()
    wait_for(lambda: not is_stopped(family.child))
    assert not is_stopped(2**22 + 1)


def test_a_signal_hits_nobody_who_was_born_at_another_time(family: Family) -> None:
    born = start_time_of(family.child)
    assert born is not None
    for signal_it in (ProcessRef(family.child, born + 1).suspend, ProcessRef(family.child, born + 1).kill):
        signal_it()
    assert start_time_of(family.child) == born
    assert not is_stopped(family.child)


def test_a_child_that_nobody_has_reaped_is_an_orphan_of_its_parent_and_no_descendant() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        child.send_signal(signal.SIGKILL)
        wait_for(lambda: child.pid in orphans(os.getpid()))
        assert child.pid not in descendants(os.getpid())


def test_the_cheap_list_of_children_has_those_that_live() -> None:
    child = subprocess.Popen(["/bin/sleep", "60"])
    try:
        assert child.pid in likely_children(os.getpid())
        assert child.pid not in likely_children(1)
    finally:
        child.kill()
        child.wait()
    assert child.pid not in likely_children(os.getpid())
