"""A cluster in containers: a leader's death until the wall shows it, the election, the way back, what polling costs.

Everything is real: three etcd members in containers of the engine, a Chromium on the stage page, `docker kill`.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack

from playwright.sync_api import Page

from demo.subjects.etcd.subject import Etcd
from tests.support.chromium import PROJECTOR, Window, chromium
from tests.support.etcd_cluster import Project, fault, project, show, until_up
from tests.support.servers import Server, wait_for

Row = tuple[str, list[float], str]

WATCHED_SEC = 10.0
FROZEN = "etcd-2"

WATCH = """() => {
  window.downAt = window.ledAt = window.greenAt = null;
  const place = document.getElementById('r-cards');
  const now = () => performance.timeOrigin + performance.now();
  const look = () => {
    const cards = [...place.querySelectorAll('article')];
    const down = cards.some(card => card.classList.contains('down'));
    const led = cards.some(card => !card.classList.contains('down') && /leads/.test(card.textContent));
    if (down && window.downAt === null) window.downAt = now();
    if (window.downAt !== null && led && window.ledAt === null) window.ledAt = now();
    if (window.ledAt !== null && cards.every(card => card.classList.contains('up'))) window.greenAt ??= now();
  };
  new MutationObserver(look).observe(place, {subtree: true, childList: true, attributes: true, characterData: true});
}"""


def clusters(count: int) -> Iterator[Row]:
    """`count` leaders are killed, each healed before the next."""
    with project() as made:
        server = show(made)
        try:
            yield from _kills(server, count)
            yield from _polls(made)
        finally:
            server.stop()
            server.remove_state()


def _kills(server: Server, count: int) -> Iterator[Row]:
    down: list[float] = []
    led: list[float] = []
    green: list[float] = []
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        until_up(server)
        window = Window(browser, server.url, PROJECTOR)
        server.until(lambda state: state["viewers"]["stage"] == 1)
        for _ in range(count):
            until_up(server)
            server.until(
                lambda state: fault(state, "kill-leader")["state"] == "idle" and state["health"]["leader"]["id"]
            )
            window.page.evaluate(WATCH)
            began = time.time() * 1000
            server.client.post("/chaos/kill-leader")
            down.append(_when(window.page, "downAt") - began)
            led.append(_when(window.page, "ledAt") - began)
            began = time.time() * 1000
            server.client.post("/chaos/kill-leader/heal")
            green.append(_when(window.page, "greenAt") - began)
    yield "etcd in containers: kill (POST) to red card in the browser", down, "ms"
    yield "kill (POST) to the new leader's card, election timeout 1 s", [ms / 1000 for ms in led], "s"
    yield "heal (POST) to all cards green", [ms / 1000 for ms in green], "s"


def _when(page: Page, name: str) -> float:
    """In milliseconds of the epoch."""
    return float(wait_for(lambda: page.evaluate(f"window.{name}"), 60))


def _polls(made: Project) -> Iterator[Row]:
    """Attached from this process, with all members well and with one that takes connections and never answers."""
    costs, cpu, lags = asyncio.run(_watched(made, frozen=False))
    yield "drawing one sample of the cluster (poll round)", costs, "ms"
    yield "CPU of polling: 3 members, client and engine events, samples at 2 Hz", [cpu], "% of a core"
    yield "a look at a member begins late by", lags, "ms"
    _, _, lags = asyncio.run(_watched(made, frozen=True))
    yield "the same of the other two while one is frozen", lags, "ms"


async def _watched(made: Project, *, frozen: bool) -> tuple[list[float], float, list[float]]:
    """Milliseconds to draw a sample, percent of a core, and milliseconds by which looks began late."""
    subject = Etcd(attach=made.name)
    polling = asyncio.create_task(subject.poller.run())
    ident = await asyncio.to_thread(made.container, FROZEN)
    costs: list[float] = []
    lags: list[float] = []
    try:
        await asyncio.sleep(1)
        if frozen:
            await subject.deployment.engine.pause(ident)
            await asyncio.sleep(1)
        began, cpu = time.monotonic(), time.process_time()
        while time.monotonic() - began < WATCHED_SEC:
            await asyncio.sleep(0.25)
            costs.append(subject.poller.cost_sec * 1000)
            lags += [member.pulse.late_sec * 1000 for member in subject.cluster.members if member.id != FROZEN]
        share = (time.process_time() - cpu) / (time.monotonic() - began) * 100
    finally:
        if frozen:
            await subject.deployment.engine.unpause(ident)
        polling.cancel()
        await asyncio.wait([polling])
        await subject.stop()
    return costs, share, lags
