"""The matrix on a show file: its cells, the system of all of them, and the processes that a show has of its own."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from demo.types import LATE_SEC
from tests.support.crashes import free_port
from tests.support.matrix import HEALERS, SCENARIOS, Cell, CellRun, inject, reap, stopped_at_exit, until_whole
from tests.support.self_killing_subject import STEPS
from tests.support.servers import Server, wait_for

HERE = Path(__file__).parent / "matrix_show"
PARTS = {"guard": b"demo.processes.owned.guard", "proxy": b"demo.proxy.process"}
ANSWER_SEC = 1.0


class Service(BaseHTTPRequestHandler):
    """A document and a switch that everybody shares."""

    document: Mapping[str, object] = {"weight": 1, "other": 2}
    is_on = True
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        on = Service.is_on or not self.path.startswith("/switch")
        self._answer(200 if on else 503, json.dumps(Service.document).encode())

    def do_POST(self) -> None:
        Service.is_on = urlsplit(self.path).query == "on=1"
        self._answer(200, b"")

    def do_PUT(self) -> None:
        Service.document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(200, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


class QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that were killed in the middle of a request."""

    def handle_error(self, *_: object) -> None:
        pass


def put_back() -> None:
    Service.document, Service.is_on = {"weight": 1, "other": 2}, True


class ShowFileSystem:
    """Redis, a server and a service of somebody else's, a file; and the processes that the show starts itself."""

    faults_replacing_target = ("foreign-kill",)
    late_sec = LATE_SEC  # of a command, which may do anything

    def __init__(self) -> None:
        self.own_scenarios = OWN_SCENARIOS
        self.folder = Path(tempfile.mkdtemp(prefix="matrix-show-"))
        self.ports = {name: free_port() for name in ("PAGE", "LINE", "REDIS", "FOREIGN")}
        self.service = QuietServer(("127.0.0.1", 0), Service)
        threading.Thread(target=self.service.serve_forever, daemon=True).start()
        self.ports["SERVICE"] = self.service.server_port
        options = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1")
        self.redis = subprocess.Popen(
            ["redis-server", "--port", str(self.ports["REDIS"]), *options], stdout=subprocess.DEVNULL, cwd=self.folder
        )
        text = (HERE / "show.md").read_text().replace("PYTHON", sys.executable).replace("HERE", str(HERE))
        for name, port in self.ports.items():
            text = text.replace(name, str(port))
        (self.folder / "show.md").write_text(text)
        self.repair()

    @property
    def serve_args(self) -> tuple[str, ...]:
        return ("tests.support.self_killing_show:CrashingShow", "-o", f"path={self.folder / 'show.md'}")

    def list_broken(self) -> list[str]:
        """By clients and files of our own; of what the show starts, nothing may be left when its owner has gone."""
        checks = {
            "the server of somebody else's": self._answers("FOREIGN", b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200"),
            "Redis": self._answers("REDIS", b"SET outside 1\r\n", b"+OK"),
            "the document": Service.document == {"weight": 1, "other": 2},
            "the switch": Service.is_on,
            "the file": (self.folder / "replicas").read_text() == "3\n",
            "the page": self._is_as_its_owner("PAGE", "guard", b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200"),
            "the line": self._is_as_its_owner("LINE", "proxy", b"PING\r\n", b"+PONG"),
        }
        return [name for name, is_well in checks.items() if not is_well]

    def _is_as_its_owner(self, port: str, owner: str, request: bytes, answer: bytes) -> bool:
        return self._answers(port, request, answer) if self.owners(owner) else not self._listens(port)

    def _answers(self, port: str, request: bytes, answer: bytes) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[port]), 1) as client:
            client.settimeout(ANSWER_SEC)
            client.sendall(request)
            return client.recv(64).startswith(answer)
        return False

    def _listens(self, port: str) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.ports[port])) == 0

    def owners(self, part: str) -> list[int]:
        """The processes of one kind that belong to this state directory: a guard and its supervisor, or a proxy."""
        mark, found = f"XDG_STATE_HOME={os.environ['XDG_STATE_HOME']}".encode(), []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdecimal() and PARTS[part] in (entry / "cmdline").read_bytes():
                    found += [int(entry.name)] if mark in (entry / "environ").read_bytes().split(b"\0") else []
        return sorted(found)

    def target_identity(self, fault: str) -> object:
        return (self.folder / "foreign.pid").read_text()

    def replace(self, fault: str) -> None:
        raise NotImplementedError("no cell asks for it")

    def repair(self) -> None:
        """Make all as it was; what the show has left is ended."""
        for part in PARTS:
            for pid in self.owners(part):
                os.kill(pid, signal.SIGKILL)
        put_back()
        (self.folder / "replicas").write_text("3\n")
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.folder / "foreign.pid").read_text()), signal.SIGCONT)
        start = [sys.executable, "-I", "-S", str(HERE / "foreign.py")]
        subprocess.run([*start, str(self.ports["FOREIGN"]), "foreign.pid"], cwd=self.folder, check=True)
        until_whole(self)

    def end(self) -> None:
        for part in PARTS:
            for pid in self.owners(part):
                os.kill(pid, signal.SIGKILL)
        os.kill(int((self.folder / "foreign.pid").read_text()), signal.SIGKILL)
        self.redis.kill()
        self.redis.wait()
        self.service.shutdown()
        self.service.server_close()
        shutil.rmtree(self.folder)


def _killed_with(*parts: str) -> Callable[[CellRun], None]:
    """Kill the server together with what owns its processes: the watchdog heals, and the next start finds all well."""

    def killed(run: CellRun) -> None:
        system = run.system
        assert isinstance(system, ShowFileSystem)
        server = run.serve()
        _inject(server, run)
        victims = [pid for part in parts if part != "watchdog" for pid in _victims(system, part)]
        if "watchdog" in parts:
            victims = [*wait_for(lambda: run.watchdogs() or None, 5.0), *victims]
        for pid in [*victims, server.process.pid]:
            with contextlib.suppress(ProcessLookupError):  # the supervisor ends as soon as its guard does
                os.kill(pid, signal.SIGKILL)
        reap(server)
        if "watchdog" not in parts:
            until_whole(system)
            run.until_settled()
            run.until_unwatched()
        with stopped_at_exit(run.serve()) as again:
            again.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
            assert again.client.post("/advance").status_code == 200
        until_whole(system)
        run.until_settled()
        run.until_unwatched()

    return killed


def _inject(server: Server, run: CellRun) -> None:
    """Inject, and see it from outside: what breaks nothing would be healed by anybody."""
    inject(server, run.cell.fault)
    assert run.cell.fault == "traffic" or run.system.list_broken(), f"nothing is broken: {server.state()}"


def _victims(system: ShowFileSystem, part: str) -> list[int]:
    """A supervisor is the child of its guard, and has the same command line."""
    if part == "proxy":
        return system.owners("proxy")
    guard, *supervisors = system.owners("guard")
    return [guard] if part == "guard" else supervisors


def _supervisor_killed(run: CellRun) -> None:
    """The supervisor alone: the show goes on, and Heal brings its processes back."""
    system = run.system
    assert isinstance(system, ShowFileSystem)
    with stopped_at_exit(run.serve()) as server:
        _inject(server, run)
        for pid in _victims(system, "supervisor"):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not system.owners("guard"), 20.0)
        server.client.post("/heal")
        server.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]), 60)
        server.until(lambda state: bool(state["health"] and not state["health"]["has_issues"]), 60)
        until_whole(system)
    until_whole(system)
    run.until_settled()
    run.until_unwatched()


OWN_SCENARIOS: Mapping[str, Callable[[CellRun], None]] = {
    "supervisor-killed": _supervisor_killed,
    "server-and-supervisor-killed": _killed_with("supervisor"),
    "server-and-guard-killed": _killed_with("guard"),
    "server-and-proxy-killed": _killed_with("proxy"),
    "all-killed": _killed_with("watchdog", "guard", "supervisor", "proxy"),
}

FAULTS = (
    "own-kill",
    "run",
    "cut-line",
    "json",
    "foreign-kill",
    "redis-pause",
    "own-pause",
    "http",
    "slow-line",
    "traffic",
    "foreign-pause",
)
_ENDS = (*(end for end in SCENARIOS if end != "target-replaced"), *OWN_SCENARIOS)

CELLS = tuple(
    [Cell(fault, step, healer) for step in STEPS for healer in HEALERS for fault in FAULTS]
    + [Cell(fault, end) for end in _ENDS for fault in FAULTS]
)

_KINDS = [(step, healer) for step in STEPS for healer in HEALERS] + [(end, "") for end in _ENDS]

SAMPLE = tuple(Cell(FAULTS[place % len(FAULTS)], *kind) for place, kind in enumerate(_KINDS))
"""Each step and each end once, each fault twice or more."""
