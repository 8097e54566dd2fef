"""Starts `demo …` by a fork of a process that has imported it already: a second of CPU less for each of hundreds.

What runs is a real process with a session, standard streams, environment and signals of its own; only its command line
and its first environment in /proc are those of the process that it was forked from. Whoever needs those, another
interpreter or its switches, starts it by `exec` as ever (see `can_fork`).
"""

import atexit
import contextlib
import gc
import importlib.util
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]

PRE_EXEC = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC", "TZ")
"""Variables that a process reads before it runs our first line begin so."""

MORE_MODULES = "PYTHONPATH"
"""The one of them that a fork can follow, as long as what it adds hides nothing that is imported already."""


def can_fork(env: Mapping[str, str]) -> bool:
    """Tell whether a process with this environment would have begun as this one has."""
    names = {name for name in (*env, *os.environ) if name.startswith(PRE_EXEC)}
    differing = {name for name in names if env.get(name) != os.environ.get(name)}
    new_places = set(_places_of(env)) - set(_places_of(os.environ))
    return differing <= {MORE_MODULES} and not any(map(_hides_a_module, new_places))


def _places_of(env: Mapping[str, str]) -> list[str]:
    return [place for place in env.get(MORE_MODULES, "").split(os.pathsep) if place]


def _hides_a_module(place: str) -> bool:
    """Tell whether anything in this folder has the name of a module that is found without it."""
    folder = Path(place)
    if folder == ROOT or not folder.is_dir():
        return False
    return any(_is_module(entry.name.partition(".")[0]) for entry in folder.iterdir())


def _is_module(name: str) -> bool:
    """Tell whether Python imports a module of this name, or would at its start if there were one."""
    if name in ("sitecustomize", "usercustomize"):
        return True
    return name.isidentifier() and name != "__pycache__" and importlib.util.find_spec(name) is not None


class ForkedProcess:
    """What `subprocess.Popen` of a text process offers, as far as tests use it.

    Its output is in one pipe or two; without any it is where whoever started it put it.
    """

    def __init__(self, pid: int, status: int, stdout: IO[str] | None = None, stderr: IO[str] | None = None) -> None:
        self.pid = pid
        self.stdin = None
        self.stdout = stdout
        self.stderr = stderr
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


class ForkServer:
    """The process that is forked from, started when it is first needed; it ends with this one."""

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self._end)

    def start(
        self,
        args: Sequence[str],
        env: Mapping[str, str],
        cwd: Path | None,
        *,
        two_pipes: bool = False,
        stdin: int | None = None,
        script: Path | None = None,
    ) -> ForkedProcess:
        """Run `python -m demo ARGS` there, or `script`; with `two_pipes` what it says on stderr is kept apart."""
        reading, writing = os.pipe()
        reading_errors, writing_errors = os.pipe() if two_pipes else (None, os.dup(writing))
        null = os.open(os.devnull, os.O_RDONLY)
        streams = (null if stdin is None else stdin, writing, writing_errors)
        pid, status = self.start_on(streams, args, env, cwd, script)
        for fd in (null, writing, writing_errors):
            os.close(fd)
        errors = None if reading_errors is None else os.fdopen(reading_errors)
        return ForkedProcess(pid, status, os.fdopen(reading), errors)

    def start_on(
        self,
        streams: tuple[int, int, int],
        args: Sequence[str],
        env: Mapping[str, str],
        cwd: Path | None,
        script: Path | None = None,
    ) -> tuple[int, int]:
        """Run `python -m demo ARGS`, or a script of the test's own, on these descriptors.

        Returns its pid, and the descriptor that its exit code will come from.
        """
        line = self._line = self._line or self._begin()
        told, telling = os.pipe()
        place = str(cwd or Path.cwd())
        request = {"args": [*args], "env": dict(env), "path": _places_of(env), "cwd": place}
        asked = json.dumps(request | {"script": None if script is None else str(script)}).encode()
        socket.send_fds(line, [len(asked).to_bytes(4, "big")], [telling, *streams])
        line.sendall(asked)
        os.close(telling)
        return int(line.recv(32)), told

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        command = [
            sys.executable,
            "-c",
            "from tests.support.forked_servers import serve; serve()",
            str(theirs.fileno()),
        ]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True, cwd=ROOT)
        theirs.close()
        return ours

    def _end(self) -> None:
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait()


FORK_SERVER = ForkServer()


def serve() -> None:
    """Be the process that is forked from, until the line to the tests ends; in each fork, be `demo`."""
    # What is saved: the command line, and what its commands import when they run, most of it foreign.
    import aiodocker.events  # noqa: F401, PLC0415
    import httpx  # noqa: F401, PLC0415
    import prometheus_client.exposition  # noqa: F401, PLC0415
    import redis.asyncio  # noqa: F401, PLC0415
    import rich.markdown  # noqa: F401, PLC0415
    import segno  # noqa: F401, PLC0415
    import uvloop  # noqa: F401, PLC0415

    import demo.__main__  # noqa: PLC0415
    import demo.bootstrap  # noqa: PLC0415
    import demo.doctor.report  # noqa: PLC0415
    import demo.relay.main  # noqa: PLC0415
    import demo.subjects.etcd.subject  # noqa: PLC0415
    import demo.subjects.none  # noqa: PLC0415
    import demo.subjects.ratelimiter.subject  # noqa: PLC0415
    import demo.subjects.tikv.subject  # noqa: PLC0415
    import demo.terminal  # noqa: F401, PLC0415

    gc.freeze()
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
            _report_exits(telling)
        if line.fileno() in ready:
            asked, fds = _read_request(line)
            if asked is None:
                return
            pid = os.fork()
            if not pid:
                for fd in (woken, waking, *telling.values()):
                    os.close(fd)
                line.close()
                _run_command(asked, *fds)
                _end(0)
                return
            telling[pid] = fds[0]
            for fd in fds[1:]:
                os.close(fd)
            line.sendall(str(pid).encode())


def _read_request(line: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    head, fds, _, _ = socket.recv_fds(line, 4, 4)
    if not head:
        return None, []
    wanted, body = int.from_bytes(head, "big"), b""
    while len(body) < wanted:
        body += line.recv(wanted - len(body))
    return json.loads(body), fds


def _report_exits(telling: dict[int, int]) -> None:
    while telling:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        os.write(telling[pid], str(os.waitstatus_to_exitcode(status)).encode())
        os.close(telling.pop(pid))


def _run_command(asked: dict[str, Any], telling: int, *streams: int) -> None:
    """Set up what an `exec` would have, and run."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for target, source in enumerate(streams):
        os.dup2(source, target)
    for fd in (telling, *streams):
        os.close(fd)
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)  # type: ignore[misc] # as a new process has them
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)  # type: ignore[misc]
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    script = asked["script"]
    sys.path[:1] = [asked["cwd"] if script is None else str(Path(script).parent), *asked["path"]]
    try:
        if script is not None:
            sys.argv = [script, *asked["args"]]
            runpy.run_path(script, run_name="__main__")
            return
        from demo.cli import main  # noqa: PLC0415 - imported already

        sys.argv = [str(Path(main.__file__).with_name("__main__.py")), *asked["args"]]
        main.main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            _end(end.code or 0)
        raise


def _end(code: int) -> None:
    """End as the interpreter does, but leave the modules to the kernel: taking them apart copies every page of them.

    That is half the CPU of a server's life. Whoever ends by an exception, or cannot be rid of its last words, ends by
    the interpreter; and so does every server that is started by `exec`.
    """
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads, as the interpreter does first
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
