"""Ports that two shows of one machine choose: never the same, and free again with the process that chose them."""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.processes import ports
from tests.support.servers import wait_for

CHOOSE = """
import sys
from demo.processes import ports
first, last = map(int, sys.argv[1:])
ports.LOWEST, ports._first_outgoing_port = first, lambda: last + 1
try:
    print(*ports.free_ports(2), flush=True)
except OSError as error:
    print(error, flush=True)
sys.stdin.read()
"""


@contextmanager
def another_show(first: int, last: int) -> Iterator[str]:
    """What it says of choosing two ports from `first` to `last`; it lives meanwhile."""
    command = [sys.executable, "-c", CHOOSE, str(first), str(last)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as show:
        assert show.stdout is not None
        yield show.stdout.readline().strip()


def test_what_one_show_has_chosen_another_does_not_choose_while_it_lives() -> None:
    first = row_of(4)
    with another_show(first, first + 3) as one, another_show(first, first + 3) as other:
        assert sorted(map(int, f"{one} {other}".split())) == list(range(first, first + 4))
        with another_show(first, first + 3) as late:
            assert late == "no free ports on 127.0.0.1"
    wait_for(lambda: all(claimed_and_let_go(port) for port in range(first, first + 4)))


def test_the_oldest_claims_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    first = row_of(3)
    monkeypatch.setattr(ports, "_claims", deque())
    monkeypatch.setattr(ports, "MAX_CLAIMS", 2)
    assert [ports.claim(first + more) for more in range(3)] == [True, True, True]
    assert [ports.claim(first + more) for more in (1, 0)] == [False, True]
    for claim in ports._claims:
        os.close(claim)


def row_of(count: int) -> int:
    """The first of so many in a row that nobody has claimed, nor listens on."""
    while True:
        first = ports.free_ports(1)[0]
        os.close(ports._claims.pop())
        if all(ports.is_free(first + more) and claimed_and_let_go(first + more) for more in range(count)):
            return first


def claimed_and_let_go(port: int) -> bool:
    if not ports.claim(port):
        return False
    os.close(ports._claims.pop())
    return True
