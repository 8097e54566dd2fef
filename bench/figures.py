"""The figures in docs/performance.md: start-up, POST to changed page, kill to red card, idle cost.

`scripts/figures` runs it.
Everything is real: servers started as a user starts them, a Chromium with ten pages in contexts of their own, a
node killed with SIGKILL. Times are of this machine's one clock. Prints a Markdown table.
"""

import argparse
import contextlib
import os
import platform
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from bench.cluster import clusters
from bench.entry import entries
from bench.flood import floods
from bench.nodes import nodes
from bench.press import presses
from bench.processes import processes
from bench.relays import relays
from bench.rescue import closings, rescues
from bench.restart import restarts
from bench.start import AS_INSTALLED, SLIDEV, free_port, slidev_in
from bench.start import starts as first_bytes
from bench.weight import weights
from tests.support.chromium import PROJECTOR, Window, chromium
from tests.support.servers import Server, serving, wait_for

TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=5, help="starts of each kind")
    parser.add_argument("--rounds", type=int, default=100, help="POSTs from which the page latency is taken")
    parser.add_argument("--kills", type=int, default=5, help="nodes killed")
    parser.add_argument("--idle", type=float, default=30.0, help="seconds over which idle CPU is taken")
    parser.add_argument("--streams", type=int, default=1000, help="open streams at the end of a show")
    parser.add_argument(
        "--only",
        choices=[
            *("start", "first-byte", "weight", "pages", "press", "kill", "idle", "rescue", "close", "cluster", "nodes"),
            *("relays", "hall", "flood", "restart", "processes"),
        ],
        help="one measurement alone",
    )
    parser.add_argument(
        "--slidev", type=slidev, metavar="DIR", help=f"a directory in which `{SLIDEV}` was run: Slidev is started too"
    )
    args = parser.parse_args()
    os.environ |= AS_INSTALLED
    # In the background of a script it is ignored, and so it would be by every server that is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| what | median | worst |\n|---|---|---|", flush=True)
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "start": lambda: starts(args.starts),
        "first-byte": lambda: (row(*found) for found in first_bytes(args.starts, args.slidev)),
        "weight": lambda: (row(*found) for found in weights(args.starts)),
        "pages": lambda: pages(args.rounds),
        "press": lambda: (row(*found) for found in presses(args.rounds)),
        "kill": lambda: kills(args.kills),
        "idle": lambda: idle(args.idle),
        "rescue": lambda: (row(*found) for found in rescues(args.kills)),
        "close": lambda: (row(*found) for found in closings(3, args.streams)),
        "nodes": lambda: (row(*found) for found in nodes(args.idle / 3)),
        "cluster": lambda: (row(*found) for found in clusters(args.kills)),
        "hall": lambda: (row(*found) for found in entries(5)),
        "flood": lambda: (row(*found) for found in floods()),
        "restart": lambda: (row(*found) for found in restarts(args.starts)),
        "processes": lambda: (row(*found) for found in processes()),
        "relays": lambda: (f"| {what} | {median} | {worst} |" for what, median, worst in relays()),
    }
    told = [tell(name, parts[name]) for name in ([args.only] if args.only else parts)]
    return 0 if all(told) else 1


def tell(name: str, part: Callable[[], Iterator[str]]) -> bool:
    """Print a part's rows as they come. False when it broke: that is said, and the next can still be measured."""
    try:
        for line in part():
            print(line, flush=True)
    except pytest.skip.Exception as absent:
        print(f"| **{name} was not measured**: {absent.msg} | – | – |", flush=True)
    except Exception as error:  # noqa: BLE001 - said in the table
        said = f"{type(error).__name__}: {error}".split("\n")[0]
        print(f"| **{name} was not measured to its end**: {said[:300]} | – | – |", flush=True)
        return False
    return True


def slidev(place: str) -> Path:
    try:
        return slidev_in(place)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def row(what: str, values: list[float], unit: str, scale: float = 1.0, worst: str = "") -> str:
    last = worst or f"{max(values) * scale:.3g} {unit}"
    return f"| {what} | {statistics.median(values) * scale:.3g} {unit} | {last} |"


def starts(count: int) -> Iterator[str]:
    first: list[float] = []
    green: list[float] = []
    for _ in range(count):
        port = free_port()
        program = [sys.executable, "-m", "demo", "serve", "ratelimiter", "--no-open", "--port", str(port)]
        began = time.monotonic()
        with Starting(program, port, began) as (page_at, green_at):
            first.append(page_at)
            green.append(green_at)
    yield row("`demo serve` to the first page", first, "s")
    yield row("`demo serve` to all green", green, "s")


class Starting:
    """One start, watched from outside from before the process exists."""

    def __init__(self, program: list[str], port: int, began: float) -> None:
        self._server: Server | None = None
        self._program, self._port, self._began = program, port, began

    def __enter__(self) -> tuple[float, float]:
        self._server = Unannounced(self._program, self._port)
        page_at = wait_for(self._page, 30)
        self._server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 60)
        return page_at, time.monotonic() - self._began

    def _page(self) -> float | None:
        try:
            httpx.get(f"http://127.0.0.1:{self._port}/", timeout=5).raise_for_status()
        except httpx.TransportError:
            return None
        return time.monotonic() - self._began

    def __exit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.stop()


class Unannounced(Server):
    """A server on a known port: nobody waits for what it prints."""

    def __init__(self, program: list[str], port: int) -> None:
        self._known = f"http://127.0.0.1:{port}"
        super().__init__(program=program)

    def _read_address(self) -> str:
        return self._known


WATCH_SAID = """() => {
  window.seen = {};
  const place = document.getElementById('r-said');
  new MutationObserver(() => {
    const text = place.textContent.trim();
    if (text && !(text in window.seen)) window.seen[text] = performance.timeOrigin + performance.now();
  }).observe(place, {subtree: true, childList: true, characterData: true});
}"""

WATCH_DOWN = """() => {
  window.downAt = null;
  const place = document.getElementById('r-cards');
  const look = () => {
    const down = place.querySelector('article.down') !== null;
    if (down && window.downAt === null) window.downAt = performance.timeOrigin + performance.now();
  };
  new MutationObserver(look).observe(place, {subtree: true, childList: true, attributes: true});
}"""


def pages(rounds: int, count: int = 10) -> Iterator[str]:
    with ExitStack() as stack:
        server = stack.enter_context(serving("none"))
        browser = stack.enter_context(chromium())
        windows = [Window(browser, server.url, PROJECTOR) for _ in range(count)]
        server.until(lambda state: state["viewers"]["stage"] == count)
        for one in windows:
            one.page.evaluate(WATCH_SAID)
        sent: dict[str, float] = {}
        for number in range(rounds):
            text = f"round {number}"
            sent[text] = time.time() * 1000
            server.client.post("/say", json={"text": text})
            time.sleep(0.05)
        delays = sorted(delay for one in windows for delay in latencies(one.page, sent))
        missing = rounds * count - len(delays)
        p99 = delays[int(len(delays) * 0.99)]
        what = f"POST to changed DOM, {count} pages, {rounds} rounds, {missing} missed"
        yield row(what, delays, "ms", worst=f"p99 {p99:.0f} ms, worst {delays[-1]:.0f} ms")


def latencies(page: Page, sent: dict[str, float]) -> list[float]:
    seen: dict[str, float] = page.evaluate("window.seen")
    return [seen[text] - at for text, at in sent.items() if text in seen]


def kills(count: int) -> Iterator[str]:
    with ExitStack() as stack:
        server = stack.enter_context(serving("ratelimiter"))
        browser = stack.enter_context(chromium())
        server.until(all_green, 60)
        window = Window(browser, server.url, PROJECTOR)
        server.until(lambda state: state["viewers"]["stage"] == 1)
        delays: list[float] = []
        recovered: list[float] = []
        for _ in range(count):
            server.until(lambda state: all_green(state) and state["chaos"][0]["state"] == "idle", 60)
            window.page.evaluate(WATCH_DOWN)
            began = time.time() * 1000
            server.client.post("/chaos/kill-node")
            down_at = wait_for(lambda: window.page.evaluate("window.downAt"), 20)
            delays.append(down_at - began)
            server.client.post("/chaos/kill-node/heal")
            state = server.until(lambda state: state["chaos"][0]["recovered_after_sec"] is not None, 30)
            recovered.append(state["chaos"][0]["recovered_after_sec"])
        yield row("kill (POST) to red card in the browser", delays, "ms")
        yield row("heal to recovered, as the show measures it", recovered, "s")


def all_green(state: dict[str, object]) -> bool:
    health = state["health"]
    return isinstance(health, dict) and not health["has_issues"] and health["freshness"] == "live"


def idle(seconds: float) -> Iterator[str]:
    with serving("ratelimiter") as server:
        server.until(all_green, 60)
        server.client.close()
        time.sleep(3)
        pids = [server.process.pid, *children(server.process.pid)]
        before = {pid: cpu_seconds(pid) for pid in pids}
        time.sleep(seconds)
        used = {pid: (cpu_seconds(pid) - before[pid]) / seconds * 100 for pid in pids}
        yield f"| CPU of the idle server's own process, system green | {used[server.process.pid]:.1f} % of a core | – |"
        yield f"| CPU of the whole show, traffic included | {sum(used.values()):.1f} % of a core | – |"


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found] + [deep for child in found for deep in children(int(child))]


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
