"""The processes of the fake tiup that must start fast: tiup itself, and what stands for a PD or a store."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

HOST = "127.0.0.1"
BEAT_SEC = 0.1
DYING_SEC = 0.5
DOORS = "FAKE_TIUP_DOORS"
CONTROL = "FAKE_TIUP_CONTROL"
PR_SET_PDEATHSIG = 1


def tiup(words: list[str]) -> int:
    """Forwards what ends it to its component, and waits, as tiup does."""
    if words == ["--version"]:
        print("1.16.5 tiup\nGo Version: none")
        return 0
    with Path(os.environ["FAKE_TIUP_CALLS"]).open("a") as calls:
        calls.write(" ".join(words) + "\n")
    for percent in range(0, 101, 20):
        print(f"\r\x1b[33mdownload\x1b[0m tikv-v8.5.7-linux-amd64.tar.gz {percent} %", end="", flush=True)
        time.sleep(float(os.environ.get("FAKE_TIUP_LOADS_SEC", "0")) / 6)
    print()
    if "FAKE_TIUP_FAILS" in os.environ:
        print("Error: there is no room left on the disk", flush=True)
        return 1
    child = subprocess.Popen([sys.executable, "-m", "tests.support.fake_tiup", "playground", *words])
    signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGTERM))
    return child.wait()


async def node() -> None:
    """Stands in front of the fake cluster's node, and tells it that it lives."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # as the real ones are started
    control, name = os.environ[CONTROL].split()
    signal.signal(signal.SIGUSR1, lambda *_: _die_slowly())
    for pair in os.environ[DOORS].split():
        port, door = pair.split("=")
        await asyncio.start_server(_through(int(door)), HOST, int(port))
    print(f"{name} runs in {Path.cwd().name}", flush=True)
    _, writer = await asyncio.open_connection(HOST, int(control))
    writer.write(f"{name}\n".encode())
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(BEAT_SEC)


def _die_slowly() -> None:
    """As the kernel ends a process: first its sockets are closed."""
    os.closerange(3, 256)
    time.sleep(DYING_SEC)
    os.kill(os.getpid(), signal.SIGKILL)


def _through(door: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection(HOST, door)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(pump(reader, forth), pump(back, writer))

    return enter


def main() -> int:
    role, *words = sys.argv[1:]
    if role == "tiup":
        return tiup(words)
    with contextlib.suppress(OSError):  # the control line is lost when the playground ends
        asyncio.run(node())
    return 0


if __name__ == "__main__":
    sys.exit(main())
