"""A real Redis, `demo relay` processes over it, and a TCP proxy to Redis that can be paused."""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from demo.subjects.ratelimiter.redis_server import find_server
from tests.support.servers import Server, Stream, wait_for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """A Redis of the test's own, that can be killed and started again on its port."""

    def __init__(self, *options: str, password: str = "", scheme: str = "redis", query: str = "") -> None:
        self.port = free_port()
        self._place = tempfile.mkdtemp(prefix="cs-redis-")
        listens = ["--port", "0", "--tls-port"] if scheme == "rediss" else ["--port"]
        self._command = [find_server(), *listens, str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._command += ["--dir", self._place, *(["--requirepass", password] if password else []), *options]
        self.url = f"{scheme}://{f':{password}@' if password else ''}127.0.0.1:{self.port}{query}"
        self.client = Redis.from_url(self.url, protocol=2)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_for(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(RedisError):
            return bool(self.client.ping())
        return False

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        self.client.close()
        self.kill()
        shutil.rmtree(self._place, ignore_errors=True)


@contextmanager
def redis_server(*options: str, **more: str) -> Iterator[RedisServer]:
    found = RedisServer(*options, **more)
    try:
        yield found
    finally:
        found.close()


class Relay(Server):
    """`demo relay`, started and, in the end, reaped."""

    def __init__(self, url: str, *args: str, port: int = 0) -> None:
        super().__init__(words=["relay", "--redis", url, "--port", str(port), *args])

    def _read_port(self) -> int:
        stdout = self.process.stdout
        assert stdout is not None
        wait_for(lambda: self._search(stdout, r"end +Ctrl-C\n"), say=lambda: self.output)
        # With a public name, the stage's address is that; where it listens is said behind it.
        found: list[str] = re.findall(r"(?:listens|stage) +https?://127\.0\.0\.1:(\d+)/?\n", self.output)
        return int(found[-1])

    def has(self, ident: str) -> bool:
        """Is this the state that it shows?"""
        answer = self.client.get("/state")
        return answer.status_code == 200 and ident_of(answer.json()) == ident


@contextmanager
def relaying(url: str, *args: str, port: int = 0) -> Iterator[Relay]:
    relay = Relay(url, *args, port=port)
    try:
        yield relay
    finally:
        if relay.process.poll() is None:
            relay.stop()
        else:
            relay.client.close()
            if relay.process.stdout is not None:
                relay.process.stdout.close()
        relay.remove_state()


def any_show() -> str:
    """A name that no other test's show has."""
    return f"show-{uuid.uuid4().hex[:8]}"


def ident_of(state: dict[str, Any]) -> str:
    return f"{state['epoch']}-{state['seq']}"


def number_of(ident: str) -> int:
    return int(ident.rpartition("-")[2])


def next_visible_message(stream: Stream, limit: float = 20.0) -> dict[str, str]:
    """Return the next message that shows something: no beat."""
    end = time.monotonic() + limit
    while (message := stream.next()).get("event") == "beat":
        assert time.monotonic() < end, f"only beats for {limit} s"
    return message


class PausableTcpProxy:
    """A TCP port in front of Redis. While paused, it passes no byte, and closes no connection."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._may_pass = threading.Event()
        self._may_pass.set()
        self._closed = threading.Event()
        self._pumps: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def pause(self) -> None:
        self._may_pass.clear()

    def resume(self) -> None:
        self._may_pass.set()

    def _accept(self) -> None:
        while not self._closed.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            near, _ = self._listener.accept()
            pump = threading.Thread(target=self._pump, args=(near,))
            self._pumps.append(pump)
            pump.start()

    def _pump(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self._to)) as far, contextlib.suppress(OSError):
            other = {near: far, far: near}
            while not self._closed.is_set():
                if not self._may_pass.wait(0.05):
                    continue
                for ready in select.select([near, far], [], [], 0.05)[0]:
                    chunk = ready.recv(65536)
                    if not chunk:
                        return
                    while not self._may_pass.wait(0.05):
                        if self._closed.is_set():
                            return
                    other[ready].sendall(chunk)

    def close(self) -> None:
        self._closed.set()
        for thread in (self._accepting, *self._pumps):
            thread.join()
        self._listener.close()


@contextmanager
def pausable_proxy(port: int) -> Iterator[PausableTcpProxy]:
    found = PausableTcpProxy(port)
    try:
        yield found
    finally:
        found.close()
