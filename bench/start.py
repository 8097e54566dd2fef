"""From process start to the first byte of `/`: ours, a minimal FastAPI app and, where it is installed, Slidev.

Started in turn within one run, so that a busy machine is as slow for each. Each start has been made once before it is
counted: Python and Jinja keep what they compiled. Slidev's first page is an empty one: what draws its slides is
compiled when a browser asks for it, and not counted.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MINIMAL = """from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def hello():
    return {"hello": "world"}
"""

SLIDES = "---\ntheme: none\n---\n\n# One\n\n---\n\n# Two\n"

SLIDEV = "npm install @slidev/cli unocss@66.10.5"
"""What `--slidev` needs, in a directory of its own. The newest of unocss whose parts can all be had."""

AS_INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}
"""Empty is unset. Set, Python compiles our modules at every start, but never those that pip compiled when it came."""

FIRST_BYTE_SEC = 60.0
END_SEC = 10.0

Row = tuple[str, list[float], str]


@dataclass(frozen=True, slots=True)
class Contender:
    """A server to start: PORT in its command becomes the port to ask."""

    name: str
    command: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def first_byte(self) -> float:
        """Seconds from before the process exists until `/` begins to answer. Raises `RuntimeError` if it never does."""
        port = free_port()
        command = [part.replace("PORT", str(port)) for part in self.command]
        env = dict(os.environ) | AS_INSTALLED | dict(self.env)
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=self.cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            while not _answers(port):
                if process.poll() is not None or time.monotonic() - began > FIRST_BYTE_SEC:
                    raise RuntimeError(f"{self.name}: no answer from {' '.join(command)}")
                time.sleep(0.001)
            return time.monotonic() - began
        finally:
            _end(process)


def starts(count: int, slidev: Path | None) -> Iterator[Row]:
    """`slidev`: a directory as `slidev_in` found it."""
    with tempfile.TemporaryDirectory() as scratch:
        contenders = list(_contenders(Path(scratch), slidev))
        times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
        for round_number in range(count + 1):
            for contender in contenders:
                taken = contender.first_byte()
                if round_number:
                    times[contender.name].append(taken)
    for name, taken_all in times.items():
        yield f"{name}: process start to first byte of `/`", taken_all, "s"
    ours, minimal, *others = (times[contender.name] for contender in contenders)
    yield "`demo serve none` beside the minimal FastAPI app", _shares(ours, minimal), "×"
    for other in others:
        yield "Slidev's dev server beside `demo serve none`", _shares(other, ours), "×"


def _shares(these: Sequence[float], those: Sequence[float]) -> list[float]:
    """Round by round: a machine that is slow for a while is slow for both."""
    return [this / that for this, that in zip(these, those, strict=True)]


def _contenders(scratch: Path, slidev: Path | None) -> Iterator[Contender]:
    (scratch / "minimal.py").write_text(MINIMAL)
    own = {"XDG_STATE_HOME": str(scratch / "state"), "XDG_CACHE_HOME": str(scratch / "cache")}
    ours = [sys.executable, "-m", "demo", "serve", "none", "--no-open", "--port", "PORT"]
    yield Contender("`demo serve none`", ours, scratch, own)
    # As its documentation starts it, without its access log.
    uvicorn = [sys.executable, "-m", "uvicorn", "minimal:app", "--port", "PORT", "--log-level", "error"]
    yield Contender("minimal FastAPI app under uvicorn", uvicorn, scratch)
    if slidev is not None:
        slides = slidev / "slides.md"
        if not slides.exists():
            slides.write_text(SLIDES)
        version = json.loads((slidev / "node_modules/@slidev/cli/package.json").read_text())["version"]
        command = [str(slidev / "node_modules/.bin/slidev"), str(slides), "--port", "PORT", "--open", "false"]
        yield Contender(f"the dev server of Slidev {version}", command, slidev)


def slidev_in(place: str) -> Path:
    """The directory, made absolute. Raises `ValueError` when Slidev cannot be started from there."""
    found = Path(place).resolve()
    if not (shutil.which("node") and (found / "node_modules/.bin/slidev").exists()):
        raise ValueError(f"no Slidev to start in {found}: it takes Node, and `{SLIDEV}` in that directory")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    # Slidev listens on whichever address this name has first.
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1) as connection:
        connection.settimeout(FIRST_BYTE_SEC)
        connection.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        return bool(connection.recv(1))
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """With whatever it started: a dev server has processes of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(END_SEC)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
