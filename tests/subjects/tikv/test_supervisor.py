"""The playground's supervisor: how it learns which program listens on which port."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from demo.processes.ports import free_ports
from demo.subjects.tikv.playground.directories import PlaygroundDir
from demo.subjects.tikv.playground.supervisor import PlaygroundSupervisor

LISTEN = (
    "import socket; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print('listens', flush=True); input()"
)
SECOND = f"import sys; {LISTEN}"
FIRST = f"import os, sys; {LISTEN}; os.execv(sys.executable, [sys.executable, '-c', sys.argv[3], sys.argv[2]])"


@pytest.fixture
def process() -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A process that listens on one port and, told to go on, becomes another program that listens on another port."""
    first, second = free_ports(2)
    command = [sys.executable, "-c", FIRST, str(first), str(second), SECOND]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process, first, second
        process.kill()


def test_a_process_that_execs_is_known_by_the_program_that_listens_now(
    process: tuple[subprocess.Popen[str], int, int],
) -> None:
    """As when it is seen between fork and exec, while it still has the ports and the command line of its parent."""
    child, first, second = process
    assert child.stdin is not None
    assert child.stdout is not None
    supervisor = PlaygroundSupervisor(PlaygroundDir("chaos-stage-test"), [])
    assert child.stdout.readline() == "listens\n"
    supervisor._record_listeners()
    assert supervisor._by_port[first].launch.argv[-1] == SECOND
    child.stdin.write("\n")
    child.stdin.flush()
    assert child.stdout.readline() == "listens\n"
    supervisor._record_listeners()
    assert supervisor._by_port[second].launch.argv[1:] == ("-c", SECOND, str(second))
    assert supervisor._by_port[second].ports == {second}
