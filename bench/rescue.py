"""How soon a killed server's fault is healed, what the watchdog costs, and how long an end with many streams takes."""

import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.support.matrix import Cell, CellRun, SystemUnderTest, inject, reap, until_whole
from tests.support.matrix_limiter import LimiterSystem
from tests.support.servers import Server, serving, wait_for

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
IDLE_SEC = 10.0


def rescues(count: int) -> Iterator[tuple[str, list[float], str]]:
    """kill -9 of the server while a node is dead; healed is what a probe of our own says."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_STATE_HOME"] = scratch
        system = LimiterSystem("rescue")
        try:
            runs = [_rescue(system, Path(scratch) / f"run-{number}") for number in range(count)]
            yield "`kill -9` of the server to the dead node up again", runs, "s"
            yield from _idle(system, Path(scratch) / "idle")
        finally:
            system.end()
            del os.environ["XDG_STATE_HOME"]


def _rescue(system: SystemUnderTest, folder: Path) -> float:
    folder.mkdir()
    run = CellRun(system, Cell("kill-node", "killed"), folder)
    server = run.serve()
    inject(server, "kill-node")
    server.process.kill()
    began = time.monotonic()
    until_whole(system)
    took = time.monotonic() - began
    reap(server)
    run.until_unwatched()
    return took


def _idle(system: SystemUnderTest, folder: Path) -> Iterator[tuple[str, list[float], str]]:
    folder.mkdir()
    run = CellRun(system, Cell("kill-node", "idle"), folder)
    server = run.serve()
    inject(server, "kill-node")
    pid = wait_for(lambda: run.watchdogs() or None)[0]
    before = _cpu(pid)
    time.sleep(IDLE_SEC)
    yield "watchdog while a fault is in place, of one core", [100 * (_cpu(pid) - before) / IDLE_SEC], "%"
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    yield "watchdog's resident memory", [resident / 1e6], "MB"
    server.stop()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def closings(count: int, streams: int) -> Iterator[tuple[str, list[float], str]]:
    """SIGINT with many open streams and a dead node: from the signal to the end of the process."""
    taken = []
    for _ in range(count):
        with serving("ratelimiter") as server, ExitStack() as open_streams:
            server.until(lambda state: bool(state["health"] and not state["health"]["has_issues"]))
            for _ in range(streams):
                open_streams.enter_context(_stream(server))
            server.until(lambda state: state["viewers"]["stage"] == streams)
            inject(server, "kill-node")
            began = time.monotonic()
            server.process.send_signal(signal.SIGINT)
            server.process.wait(30)
            taken.append(time.monotonic() - began)
    yield f"Ctrl-C with {streams:,} open streams and a dead node, to the end", taken, "s"


def _stream(server: Server) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(f"GET /stream/stage HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
    return connection
