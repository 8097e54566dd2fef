"""What a show's probes cost: a hundred over HTTP, twice a second, and whether one that hangs delays the others.

`scripts/probe-cost` runs it. The server that answers is a process of its own; the share of a core is this process's own
CPU time, in the event loop that the program uses, with the samples that a show makes of the answers.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

import uvloop

from demo.clock import CLOCK
from demo.processes.ports import free_ports
from demo.showfile.board import ProbeBoard
from demo.showfile.probing.kinds import Sources, open_session
from demo.showfile.schema.probes import ProbeSettings
from demo.showfile.show_poller import ShowPoller

PROBES = 100
SECONDS = 20.0
WARM_UP_SEC = 30.0
MAX_SHARE = 0.15
HANGS = "/hangs"
BODY = b'{"status": "ok", "role": "leader", "lag": 0.25, "members": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: bench\r\nDate: Sun, 29 Nov 2026 12:00:00 GMT\r\n"
    b"Content-Length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY
)


@dataclass
class Measured:
    """`share`: of one core. `ages`: seconds between an answer's request and now, of every good node at each look."""

    share: float = 0.0
    answers: int = 0
    samples: int = 0
    ages: list[float] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probes", type=int, default=PROBES)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="over which the CPU time is taken")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve is not None:
        uvloop.run(_serve(chosen.serve))
        return 0
    quiet = uvloop.run(_measure(chosen.probes, chosen.seconds, hangs=False))
    beside = uvloop.run(_measure(chosen.probes, chosen.seconds, hangs=True))
    print(f"| {chosen.probes} HTTP probes, each every 500 ms, with two conditions | alone | beside one that hangs |")
    print("|---|---|---|")
    _print("share of one core", quiet, beside, lambda found: f"{found.share:.1%}")
    _print("answers a second", quiet, beside, lambda found: f"{found.answers / chosen.seconds:.0f}")
    _print("samples a second", quiet, beside, lambda found: f"{found.samples / chosen.seconds:.1f}")
    _print("age of an answer, median", quiet, beside, lambda found: f"{_percentile(found.ages, 50) * 1000:.0f} ms")
    _print(
        "age of an answer, 99th percentile", quiet, beside, lambda found: f"{_percentile(found.ages, 99) * 1000:.0f} ms"
    )
    return 0 if max(quiet.share, beside.share) < MAX_SHARE else 1


def _print(what: str, quiet: Measured, beside: Measured, tell: Callable[[Measured], str]) -> None:
    print(f"| {what} | {tell(quiet)} | {tell(beside)} |")


def _percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)] if values else 0.0


class _Answers(asyncio.Protocol):
    """Answers every request with the same bytes; one for `/hangs` never."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        if HANGS.encode() not in data:
            self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Answers, "127.0.0.1", port, backlog=1000)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


@contextlib.asynccontextmanager
async def _serving() -> AsyncIterator[int]:
    port = free_ports(1)[0]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.probes", "--serve", str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        await process.stdout.readline()
        yield port
    finally:
        process.kill()
        await process.wait()


async def _measure(count: int, seconds: float, *, hangs: bool) -> Measured:
    async with _serving() as port, open_session() as session:
        settings = {
            f"api-{number}": ProbeSettings.model_validate(
                {
                    "http": f"http://127.0.0.1:{port}/health/{number}",
                    "up": "status == 200 and body.status == ok",
                    "degraded": "body.lag > 1",
                    "main": "latency ms",
                    "timeout": "5s",  # a busy machine is measured, too
                }
            )
            for number in range(count)
        }
        if hangs:
            settings["hangs"] = ProbeSettings.model_validate({"http": f"http://127.0.0.1:{port}{HANGS}"})
        board = ProbeBoard(settings, Sources(lambda: session))
        found = Measured()
        board.on_answer(lambda: setattr(found, "answers", found.answers + 1))
        poller = ShowPoller(board)
        running = asyncio.create_task(poller.run())
        async with asyncio.timeout(WARM_UP_SEC):
            while not all(node.state == "up" for node in board.all_nodes() if node.id != "hangs"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await _watch(board, poller, found, seconds)
        poller.stop()
        await running
    return found


async def _watch(board: ProbeBoard, poller: ShowPoller, found: Measured, seconds: float) -> None:
    """Take the CPU time of everything but this watching, which is left out of it."""
    found.answers, own = 0, 0.0
    until = time.monotonic() + seconds
    began, newest = time.process_time(), None
    while time.monotonic() < until:
        await asyncio.sleep(0.1)
        looking = time.process_time()
        health = poller.get_health()
        found.samples += health is not newest
        newest = health
        now = CLOCK.now()
        found.ages += [now - node.worst.at for node in board.all_nodes() if node.id != "hangs"]
        own += time.process_time() - looking
    found.share = (time.process_time() - began - own) / seconds


if __name__ == "__main__":
    sys.exit(main())
