"""How punctual a load is: `python -m bench.load [--rate N] [--seconds N] [--book]`.

Sends http requests to a small aiohttp server in a process of its own, on loopback, and prints by how much each started
after it was due, how many were sent, what the sender costs, and how late this machine's own timers are right now. With
`--book` each request is a numbered write, and all of them are read again.
The event loop is that of `demo serve`. On a machine that is busy with other work, `chrt -f 5 python -m bench.load` (as
root) measures the load and not the queue for a processor.
"""

import argparse
import asyncio
import subprocess
import sys
import time

import uvloop

from demo.load.book.http import BookRequest, HttpBook
from demo.load.book.sender import BookSender
from demo.load.http import HttpSender
from demo.load.load import Load
from demo.load.measured import Times
from demo.load.window import RECENT_SEC
from demo.processes.ports import free_ports

SERVER = """
import sys
from aiohttp import web
numbers = []
async def answer(request):
    return web.Response(text="ok")
async def add(request):
    numbers.append((await request.json())["n"])
    return web.Response(text="ok")
async def list_numbers(request):
    first, last = int(request.query["from"]), int(request.query["to"])
    return web.json_response([number for number in numbers if first <= number <= last])
app = web.Application()
app.router.add_get("/", answer)
app.router.add_post("/", add)
app.router.add_get("/numbers", list_numbers)
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


async def measure(port: int, rate: float, seconds: float, has_book: bool) -> None:
    await wait_until_listens(port)
    show("a sleep of 10 ms here", await timers(min(seconds, 3)))
    url = f"http://127.0.0.1:{port}/"
    book = BookSender(HttpBook(BookRequest(url, f"{url}numbers?from=${{from}}&to=${{to}}"), 1.0)) if has_book else None
    load = Load(book or HttpSender(url, 1.0), 1.0)
    load.set_rate(rate)
    await asyncio.sleep(1)  # the connections are opened
    spent, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    took, spent = time.perf_counter() - began, time.process_time() - spent
    found = load.recent(seconds)
    if book is not None:
        load.set_rate(0)
        book.ask()
        while not (state := book.state()).is_known and not state.trouble:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        print(f"the book, {'read' if state.is_known else 'unread'}: {state.counts}")
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
    parser.add_argument("--book", action="store_true")
    given = parser.parse_args()
    (port,) = free_ports(1)
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdin=subprocess.DEVNULL)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(port, given.rate, given.seconds, given.book))
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
