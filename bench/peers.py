"""The servers that are measured beside ours, each started fresh on a port of its own; all take the same requests."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.crowd import compiled, pinned
from demo.errors import UsageError
from tests.support.servers import serving

NCHAN_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")

NGINX = """load_module {module};
daemon off; master_process off; pid nginx.pid; error_log nginx.log warn;
events {{ worker_connections 30000; }}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi; nchan_message_buffer_length 1;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    nchan_channel_id stage;
    location = /stream/stage {{ nchan_subscriber eventsource; nchan_subscriber_first_message newest; }}
    location = /say {{ nchan_publisher; }}
  }}
}}
"""

UP_TIMEOUT_SEC = 30.0
END_TIMEOUT_SEC = 10.0


@dataclass(frozen=True)
class Running:
    """`pid`: the server's own process; `strict`: a stream begins with data."""

    pid: int
    port: int
    strict: bool = False


@dataclass(frozen=True)
class Peer:
    name: str
    start: Callable[[], contextlib.AbstractContextManager[Running]]


def ours() -> Peer:
    @contextmanager
    def start() -> Iterator[Running]:
        program = [*pinned(0), sys.executable, "-m", "demo", "serve", "none", "--no-open", "--port", "0"]
        with serving(program=program) as server:
            yield Running(server.process.pid, server.port, strict=True)

    return Peer("ours", start)


def others(folder: Path, nchan: Path = NCHAN_MODULE) -> tuple[list[Peer], list[str]]:
    """The peers that can run here, and a sentence for each that cannot."""
    floor = compiled("floor", folder)
    found = [Peer("C epoll loop", lambda: process(lambda port: [str(floor), str(port)], folder))]
    absent = []
    if nchan.exists() and shutil.which("nginx"):
        found.append(Peer("nchan", lambda: process(lambda port: _nginx(port, nchan, folder), folder)))
    else:
        absent.append("nchan is left out: it needs nginx and libnginx-mod-nchan, or --nchan with the module's file")
    found.append(Peer("FastAPI, writes alone", lambda: process(partial(_served, "bare_app"), folder)))
    found.append(Peer("sse-starlette, a queue each", lambda: process(partial(_served, "queue_app"), folder)))
    return found, absent


def _nginx(port: int, module: Path, folder: Path) -> list[str]:
    place = Path(tempfile.mkdtemp(dir=folder))
    (place / "nginx.conf").write_text(NGINX.format(module=module.resolve(), port=port))
    return ["nginx", "-p", str(place), "-e", str(place / "nginx.log"), "-c", str(place / "nginx.conf")]


def _served(module: str, port: int) -> list[str]:
    return [sys.executable, "-m", "uvicorn", "--log-level", "error", "--port", str(port), f"bench.{module}:app"]


@contextmanager
def process(command: Callable[[int], list[str]], folder: Path) -> Iterator[Running]:
    """A program that is told its port; what it prints is kept in `folder`."""
    port = free_port()
    said = folder / f"said-{port}"
    with said.open("w") as out:
        program = [*pinned(0), *command(port)]
        process = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        _until_up(process, port, said)
        yield Running(process.pid, port)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_TIMEOUT_SEC)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_up(process: subprocess.Popen[bytes], port: int, said: Path) -> None:
    end = time.monotonic() + UP_TIMEOUT_SEC
    while time.monotonic() < end:
        if process.poll() is not None:
            raise UsageError(f"{process.args!r} ended with {process.returncode}: {said.read_text()[-300:]}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    raise UsageError(f"{process.args!r} does not answer on port {port} after {UP_TIMEOUT_SEC:.0f} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
