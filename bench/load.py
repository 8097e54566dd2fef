"""How punctual a load is: `python -m bench.load [--rate N] [--seconds N]`.

Sends http requests to a small aiohttp server in a process of its own, on loopback, and prints by how much each started
after it was due, how many were sent, what the sender costs, and how late this machine's own timers are right now.
The event loop is that of `demo serve`. On a machine that is busy with other work, `chrt -f 5 python -m bench.load` (as
root) measures the load and not the queue for a processor.
"""

import argparse
import asyncio
import subprocess
import sys
import time

import uvloop

from demo.load.http import HttpSender
from demo.load.load import Load
from demo.load.measured import Times
from demo.load.window import RECENT_SEC
from demo.processes.ports import free_ports

SERVER = """
import sys
from aiohttp import web
async def answer(request):
    return web.Response(text="ok")
app = web.Application()
app.router.add_get("/", answer)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
"""


async def wait_until_listens(port: int) -> None:
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    sys.exit("the server did not start")


async def timers(seconds: float) -> Times:
    """Return by how much sleeps of 10 ms end late here, without a load."""
    late, until = Times(), time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        await asyncio.sleep(0.01)
        late.add(max(time.perf_counter() - began - 0.01, 0.0))
    return late


async def measure(port: int, rate: float, seconds: float) -> None:
    await wait_until_listens(port)
    show("a sleep of 10 ms here", await timers(min(seconds, 3)))
    load = Load(HttpSender(f"http://127.0.0.1:{port}/", 1.0), 1.0)
    load.set_rate(rate)
    await asyncio.sleep(1)  # the connections are opened
    spent, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    took, spent = time.perf_counter() - began, time.process_time() - spent
    found = load.recent(seconds)
    await load.close()
    print(f"due: {rate:g} a second; ended: {found.count / min(seconds, RECENT_SEC):.1f} a second")
    print(f"failed: {found.errors}, not sent: {found.missed}; the sender takes {spent / took:.0%} of a processor")
    show("start after it was due", found.late)
    show("start to answer", found.took)


def show(what: str, times: Times) -> None:
    shares = ", ".join(f"p{share:g} {(times.percentile(share) or 0) * 1000:.2f} ms" for share in (50, 99, 99.9))
    print(f"{what}: {shares}, at most {times.max * 1000:.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    (port,) = free_ports(1)
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdin=subprocess.DEVNULL)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(port, given.rate, given.seconds))
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
