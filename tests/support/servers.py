"""A real server in a process of its own, on a free port, for tests that speak to it over sockets."""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

from tests.support import fetch
from tests.support.forked_servers import FORK_SERVER, ForkedProcess, can_fork

T = TypeVar("T")

START_TIMEOUT_SEC = 30.0
END_TIMEOUT_SEC = 20.0


class Server:
    """`demo serve …` (or another program that prints the same lines), started and, in the end, reaped."""

    def __init__(
        self,
        *args: str,
        program: list[str] | None = None,
        words: list[str] | None = None,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        port: int = 0,
        state_home: Path | None = None,
    ) -> None:
        """`state_home`: where the shows are kept; by default a place of this server's own.

        `words`: what to say to `demo` instead of `serve …`.
        """
        words = words or ["serve", *args, "--no-open", "--port", str(port)]
        self._own_state = tempfile.mkdtemp(prefix="chaos-stage-tests-")
        self.began = time.monotonic()
        self.process = _begin(program, words, dict(os.environ) | self._environ(state_home) | (env or {}), cwd)
        self.output = ""
        self.url = self._read_address()
        self.port = self._read_port()
        verify = fetch.CERTIFICATES if self.url.startswith("http:") else False
        self.client = fetch.client(base_url=self.url, timeout=10, verify=verify)

    def _environ(self, state_home: Path | None) -> dict[str, str]:
        self.mark = uuid.uuid4().hex
        return {"XDG_STATE_HOME": str(state_home or self._own_state), "SERVED_BY_TEST": self.mark}

    def _read_address(self) -> str:
        stdout = self.process.stdout
        assert stdout is not None
        found = wait_for(
            lambda: self._search(stdout, r"stage\s+(https?://\S+)/\n"), START_TIMEOUT_SEC, self._output_so_far
        )
        return found.group(1)

    def _read_port(self) -> int:
        """From the curl line: the stage's address may be a public name's, with another port or none."""
        stdout = self.process.stdout
        assert stdout is not None
        found = wait_for(lambda: self._search(stdout, r":(\d+)/advance\n"), START_TIMEOUT_SEC, self._output_so_far)
        return int(found.group(1))

    def _search(self, stdout: IO[str], pattern: str) -> re.Match[str] | None:
        while select.select([stdout], [], [], 0)[0]:
            chunk = os.read(stdout.fileno(), 65536).decode()
            if not chunk:
                raise AssertionError(f"the server ended: {self.output}")
            self.output += chunk
        return re.search(pattern, self.output)

    def read_output(self) -> str:
        """What it has printed until now."""
        assert self.process.stdout is not None
        self._search(self.process.stdout, "")
        return self.output

    def read_all_output(self) -> str:
        """All it has printed, once it and its watchdog have ended."""
        assert self.process.stdout is not None
        self.output += self.process.stdout.read() or "" if not self.process.stdout.closed else ""
        return self.output

    def _output_so_far(self) -> str:
        return self.output

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/state").json()
        return found

    def until(self, condition: Callable[[dict[str, Any]], bool], limit: float = 15.0) -> dict[str, Any]:
        """The first state that meets the condition."""

        def look() -> dict[str, Any] | None:
            state = self.state()
            return state if condition(state) else None

        return wait_for(look, limit, self._describe)

    def _describe(self) -> str:
        """What decides whether a test's condition holds, shortest first: failures are read in a log that is cut."""
        state = self.state()
        health = state["health"] or {"nodes": []}
        nodes = [f"{node['id']} {node['health']}: {node['detail']}" for node in health["nodes"]]
        faults = [f"{fault['name']} {fault['state']}: {fault['error']}" for fault in state["chaos"]]
        log = [f"{line['at']} {line['who']}: {line['text']}" for line in state["log"]]
        return "\n".join(["", *nodes, *faults, *log])[:6000] + f"\n{self.read_output()[-1500:]}"

    def remove_state(self) -> None:
        """Remove its shows from disk."""
        shutil.rmtree(self._own_state, ignore_errors=True)

    def watchdogs(self) -> list[int]:
        """The processes that would heal what this server leaves broken."""
        mark, found = f"SERVED_BY_TEST={self.mark}".encode(), []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdecimal() and b"watchdog/process.py" in (entry / "cmdline").read_bytes():
                    found += [int(entry.name)] if mark in (entry / "environ").read_bytes().split(b"\0") else []
        return found

    def kill_with_watchdog(self) -> None:
        """kill -9 of both: only a later server can heal."""
        for pid in self.watchdogs():
            os.kill(pid, signal.SIGKILL)
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it in an orderly way; returns its exit code."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            rest, _ = self.process.communicate(timeout=END_TIMEOUT_SEC)
        except subprocess.TimeoutExpired:
            what = "did not end" if self.process.poll() is None else "ended, but its output did not"
            holders = _holders_of(self.process.stdout)
            self.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.communicate(timeout=2)  # reads what is left, and closes the pipe
            raise AssertionError(
                f"the server {what} in {END_TIMEOUT_SEC} s; open in {holders}: {self.output}"
            ) from None
        self.output += rest
        return self.process.wait()


def _holders_of(pipe: IO[str] | None) -> list[str]:
    """The command lines of other processes that have this pipe open."""
    found = []
    name = f"pipe:[{os.fstat(pipe.fileno()).st_ino}]" if pipe is not None and not pipe.closed else ""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            is_other = entry.name.isdecimal() and int(entry.name) != os.getpid()
            if is_other and name and any(str(fd.readlink()) == name for fd in (entry / "fd").iterdir()):
                found.append(f"{entry.name} {(entry / 'cmdline').read_bytes()[-200:]!r}")
    return found


def wait_for(look: Callable[[], T | None], limit: float = 15.0, say: Callable[[], str] = lambda: "") -> T:
    """The first value that is not None or False, within `limit` seconds."""
    began = time.monotonic()
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        waited = time.monotonic() - began
        if waited > limit:
            raise AssertionError(f"not within {limit} s: {say()}")
        # Looking costs CPU here and in what is looked at: what took long is seen a twentieth of that later.
        time.sleep(min(0.1, max(0.02, waited / 20)))


def _begin(
    program: list[str] | None, words: list[str], env: dict[str, str], cwd: Path | None
) -> subprocess.Popen[str] | ForkedProcess:
    if program is None and can_fork(env):
        return FORK_SERVER.start(words, env, cwd)
    return subprocess.Popen(
        program or [sys.executable, "-m", "demo", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


@contextmanager
def serving(*args: str, **more: Any) -> Iterator[Server]:
    server = Server(*args, **more)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
        else:
            server.client.close()
            if server.process.stdout is not None:
                server.process.stdout.close()
        server.remove_state()


class Place(Protocol):
    """Where something is served."""

    url: str


class Stream:
    """An event stream read over a real socket, message by message."""

    def __init__(self, server: Place, path: str, headers: dict[str, str] | None = None, timeout: float = 10) -> None:
        self._client = fetch.client(base_url=server.url, timeout=timeout)
        self._context = self._client.stream("GET", path, headers=headers or {})
        self.response = self._context.__enter__()
        self._lines = self.response.iter_lines()

    def next(self) -> dict[str, str]:
        """The next message with data: its fields by name. Raises `StopIteration` at the end of the stream."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line and "data" in fields:
                return fields
            name, _, value = line.partition(": ")
            if name:
                fields[name] = f"{fields[name]}\n{value}" if name in fields else value
        raise StopIteration

    def close(self) -> None:
        self._context.__exit__(None, None, None)
        self._client.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def script(path: Path, text: str) -> list[str]:
    """A program of the test's own, to be run as `Server(program=…)`."""
    path.write_text(text)
    return [sys.executable, str(path)]
