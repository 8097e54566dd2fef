"""How long a death takes to a red card: from the kill until the stage's page in a real Chromium shows the node as down.

`python -m bench.red_card [N] [NAME…]` kills N times (30 unless said otherwise) each kind of target, from outside and by
the show's own fault, and prints median and 95th percentile in milliseconds. The page's own clock dates the change of
the card's class, by a MutationObserver; both clocks are those of this machine.
"""

import http.client
import os
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from demo.processes.ports import free_ports
from tests.support.chromium import FLAGS, chromium_path
from tests.support.compose_projects import compose_file
from tests.support.containers import container_group
from tests.support.etcd_cluster import project, show, until_up
from tests.support.servers import Server, wait_for

UP_SEC = 120.0
RED_SEC = 30.0

WATCH = """() => {
  window.redAt = {};
  const look = () => {
    for (const card of document.querySelectorAll('.node, .tile')) {
      const name = card.querySelector('header b, bdi')?.textContent ?? '';
      if (!card.classList.contains('down')) continue;
      window.redAt[name] ??= performance.timeOrigin + performance.now();
    }
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""

PROCESS_SHOW = """---
title: One process
processes:
  page:
    run: ["{python}", -m, http.server, "{port}", --bind, 127.0.0.1]
    port: {port}
probes:
  page: {{process: page}}
faults:
  kill:
    process: {{name: page, do: kill}}
    duration: 1h
---

# One process
"""

CONTAINER_SHOW = """---
title: One container
system: {system}
probes:
  db: {{docker: db}}
faults:
  kill:
    container: {{service: db, do: kill}}
    duration: 1h
---

# One container
"""


@dataclass
class Target:
    """A server with its victim. `kill` ends it from outside; `fault`: the name of the fault that does the same."""

    server: Server
    kill: Callable[[], object]
    fault: str | None


class _EngineConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")


def kill_container(ident: str) -> None:
    """Send what `docker kill` sends, without the time that the command takes to start."""
    connection = _EngineConnection("localhost")
    connection.request("POST", f"/containers/{ident}/kill?signal=KILL")
    assert connection.getresponse().status == 204
    connection.close()


def pids_of(server: Server, words: str) -> list[int]:
    """Return the processes of a server, itself excluded, whose command line holds these words."""
    mark, found = f"SERVED_BY_TEST={server.mark}".encode(), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == server.process.pid:
            continue
        try:
            child = int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == server.process.pid
            ours = child or mark in (entry / "environ").read_bytes().split(b"\0")  # Redis writes over its own
            if ours and words.encode() in (entry / "cmdline").read_bytes().replace(b"\0", b" "):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill_process(server: Server, words: str) -> None:
    os.kill(min(pids_of(server, words)), signal.SIGKILL)


@contextmanager
def serving(*words: str) -> Iterator[Server]:
    server = Server(*words, "--fresh")
    try:
        yield server
    finally:
        server.stop()
        server.remove_state()


@contextmanager
def process_of_show(folder: Path) -> Iterator[Target]:
    port = free_ports(1)[0]
    deck = folder / "show.md"
    deck.write_text(PROCESS_SHOW.format(python=sys.executable, port=port))
    with serving(str(deck), "-x") as server:
        yield Target(server, lambda: kill_process(server, f"http.server {port}"), "kill")


@contextmanager
def attached_container(folder: Path) -> Iterator[Target]:
    deck = folder / "show.md"
    with container_group() as containers:
        ident = containers.run("db")
        deck.write_text(CONTAINER_SHOW.format(system=f"{{attach: {containers.project}}}"))
        with serving(str(deck), "-x") as server:
            # Nobody but a fault heals a container that was only found: it is started again here.
            yield Target(server, lambda: kill_container(ident), "kill")


@contextmanager
def compose_container(folder: Path) -> Iterator[Target]:
    deck = folder / "show.md"
    with compose_file(folder) as file:
        file.write({"db": {}})
        deck.write_text(CONTAINER_SHOW.format(system=f"{{compose: compose.yaml, project: {file.project}}}"))
        with serving(str(deck), "-x") as server:
            yield Target(server, lambda: kill_container(file.container("db")), "kill")


@contextmanager
def limiter_node(folder: Path) -> Iterator[Target]:
    with serving("ratelimiter") as server:
        yield Target(server, lambda: kill_process(server, "demo.subjects.ratelimiter.node"), "kill-node")


@contextmanager
def limiter_redis(folder: Path) -> Iterator[Target]:
    with serving("ratelimiter") as server:
        yield Target(server, lambda: kill_process(server, "redis-server"), None)


@contextmanager
def etcd_leader(folder: Path) -> Iterator[Target]:
    with project() as made:
        server = show(made)
        try:
            until_up(server)
            leader = "kill-leader"
            yield Target(server, lambda: kill_container(made.container(leader_of(server))), leader)
        finally:
            server.stop()
            server.remove_state()


def leader_of(server: Server) -> str:
    return str(wait_for(lambda: (server.state()["health"].get("leader") or {}).get("id"), UP_SEC))


KINDS = {
    "process": process_of_show,
    "attach": attached_container,
    "compose": compose_container,
    "limiter-node": limiter_node,
    "limiter-redis": limiter_redis,
    "etcd-leader": etcd_leader,
}


def is_up(state: dict[str, Any]) -> bool:
    return bool(state["health"]) and bool(state["health"]["nodes"]) and not state["health"]["has_issues"]


def heal(target: Target) -> None:
    """Bring everything back up."""
    target.server.client.post("/heal")
    begun = time.monotonic()

    def is_well() -> bool:
        state = target.server.state()
        running = any(fault["state"] != "idle" for fault in state["chaos"])
        if (running or not is_up(state)) and time.monotonic() - begun > 2:
            target.server.client.post("/heal")
        return is_up(state) and not running

    wait_for(is_well, UP_SEC)


def red_after(page: Page, target: Target, kill: Callable[[], object]) -> float:
    """Kill, and return after how many milliseconds the first card was red."""
    page.evaluate("() => { window.redAt = {} }")
    at = time.time()
    sent = kill()
    at = sent if isinstance(sent, float) else at
    found: list[float] = wait_for(
        lambda: page.evaluate("() => Object.values(window.redAt)") or None, RED_SEC, lambda: describe(target, page)
    )
    return (min(found) / 1000 - at) * 1000


def inject(target: Target) -> float:
    """Inject, once what was healed before has ended; return when the request was sent that was accepted."""

    def accepted() -> float | None:
        sent = time.time()
        answer = target.server.client.post(f"/chaos/{target.fault}")
        assert answer.status_code == 202 or answer.json()["code"] == "healing", answer.text
        return sent if answer.status_code == 202 else None

    sent: float = wait_for(accepted, UP_SEC)
    return sent


def describe(target: Target, page: Page) -> str:
    """Return what server and page say, for a card that did not turn red."""
    cards = page.evaluate("() => [...document.querySelectorAll('.node, .tile')].map((card) => card.className)")
    state = target.server.state()
    nodes = [(node["id"], node["health"]) for node in state["health"]["nodes"]]
    return f"page: {cards}; server: {nodes}; log: {[line['text'] for line in state['log'][-4:]]}"


def measure(kind: str, count: int, page: Page) -> None:
    with tempfile.TemporaryDirectory() as folder, KINDS[kind](Path(folder)) as target:
        target.server.until(is_up, UP_SEC)
        if target.server.state()["chapter"]["total"] > 1:
            target.server.client.post("/goto/2")  # The first chapter of a show is its cover, without cards.
        page.goto(target.server.url)
        page.evaluate(WATCH)
        ways = {"from outside": target.kill}
        if kind == "attach":
            ways = {}  # the show leaves what it found as it is: only its fault is healed
        if target.fault is not None:
            ways["by the fault"] = lambda: inject(target)
        for way, kill in ways.items():
            times = []
            for _ in range(count):
                wait_for(lambda: not page.evaluate("() => document.querySelector(':is(.node, .tile).down')"), UP_SEC)
                times.append(red_after(page, target, kill))
                heal(target)
            report(f"{kind}, {way}", times)


def report(what: str, times: list[float]) -> None:
    times = sorted(times)
    p95 = times[max(0, round(0.95 * len(times)) - 1)]
    print(f"{what:<32} p50 {statistics.median(times):6.0f} ms   p95 {p95:6.0f} ms   n {len(times)}", flush=True)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        for kind in sys.argv[2:] or KINDS:
            measure(kind, count, page)
        browser.close()


if __name__ == "__main__":
    main()
