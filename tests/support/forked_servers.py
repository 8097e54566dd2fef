"""Starts `demo …` by a fork of a process that has imported it already: a second of CPU less for each of hundreds.

What runs is a real process with a session, standard streams, environment and signals of its own; only its command line
and its first environment in /proc are those of the process that it was forked from. Whoever needs those, another
interpreter or its switches, starts it by `exec` as ever (see `can_fork`).
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

PRE_EXEC = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC", "TZ")
"""Variables that a process reads before it runs our first line begin so."""


def can_fork(env: Mapping[str, str]) -> bool:
    """Tell whether a process with this environment would have begun as this one has."""
    names = {name for name in (*env, *os.environ) if name.startswith(PRE_EXEC)}
    return all(env.get(name) == os.environ.get(name) for name in names)


class Forked:
    """What `subprocess.Popen` of a text process with its output in one pipe offers, as far as tests use it."""

    def __init__(self, pid: int, status: int, stdout: IO[str]) -> None:
        self.pid = pid
        self.stdin = None
        self.stdout: IO[str] | None = stdout
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """Return the exit code, a signal's negative, or None while it runs."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""
        code = self._read(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Read its output to the end, and wait for its own; raises `subprocess.TimeoutExpired`."""
        said: list[str] = []
        stdout = self.stdout
        assert stdout is not None

        def read() -> None:
            said.append(stdout.read())

        if not stdout.closed:
            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            stdout.close()
        self.wait(timeout)
        return "".join(said), None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def _read(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(os.read(self._status, 32))
            os.close(self._status)
        return self.returncode


class Forks:
    """The process that is forked from, started when it is first needed; it ends with this one."""

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self._end)

    def start(self, args: Sequence[str], env: Mapping[str, str], cwd: Path | None) -> Forked:
        """Run `python -m demo ARGS` there."""
        line = self._line = self._line or self._begin()
        reading, writing = os.pipe()
        told, telling = os.pipe()
        asked = json.dumps({"args": [*args], "env": dict(env), "cwd": str(cwd or Path.cwd())}).encode()
        socket.send_fds(line, [len(asked).to_bytes(4, "big")], [writing, telling])
        line.sendall(asked)
        os.close(writing)
        os.close(telling)
        return Forked(int(line.recv(32)), told, os.fdopen(reading))

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        command = [
            sys.executable,
            "-c",
            "from tests.support.forked_servers import serve; serve()",
            str(theirs.fileno()),
        ]
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True, cwd=root)
        theirs.close()
        return ours

    def _end(self) -> None:
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait()


FORKS = Forks()


def serve() -> None:
    """Be the process that is forked from, until the line to the tests ends; in each fork, be `demo`."""
    # What is saved: the command line, and what `demo serve` and `demo relay` import when they run.
    import demo.__main__  # noqa: PLC0415
    import demo.bootstrap  # noqa: PLC0415
    import demo.relay.main  # noqa: F401, PLC0415

    line = socket.socket(fileno=int(sys.argv[1]))
    line.set_inheritable(False)
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    telling: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([line.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _tell_of_the_ended(telling)
        if line.fileno() in ready:
            asked, fds = _read_request(line)
            if asked is None:
                return
            pid = os.fork()
            if not pid:
                for fd in (woken, waking, *telling.values()):
                    os.close(fd)
                line.close()
                _become(asked, *fds)
                return
            telling[pid] = fds[1]
            os.close(fds[0])
            line.sendall(str(pid).encode())


def _read_request(line: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    head, fds, _, _ = socket.recv_fds(line, 4, 2)
    if not head:
        return None, []
    wanted, body = int.from_bytes(head, "big"), b""
    while len(body) < wanted:
        body += line.recv(wanted - len(body))
    return json.loads(body), fds


def _tell_of_the_ended(telling: dict[int, int]) -> None:
    while telling:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        os.write(telling[pid], str(os.waitstatus_to_exitcode(status)).encode())
        os.close(telling.pop(pid))


def _become(asked: dict[str, Any], output: int, telling: int) -> None:
    """Set up what an `exec` would have, and run."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    for fd in (null, output, telling):
        os.close(fd)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)  # type: ignore[misc] # as a new process has them
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)  # type: ignore[misc]
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.path[0] = asked["cwd"]
    from demo.cli import main  # noqa: PLC0415 - imported already

    sys.argv = [str(Path(main.__file__).with_name("__main__.py")), *asked["args"]]
    main.main()
