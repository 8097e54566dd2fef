"""How calm the pages of a live rate limiter are, beside a blank page in the same browser.

`python -m bench.calm [MINUTES]` (10 unless said otherwise) watches stage, presenter's page, phone and a blank page in
a real Chromium: so many minutes at rest, then as many with a node killed each minute. It prints for each page the tasks
of more than 50 ms, the layout shift that no person caused (all of it, and the worst 5 s, as Core Web Vitals count), and
the texts that changed a second.

A task is counted by the clock, as a browser does it, and by the CPU time of its thread: on a machine with other work
only the latter tells of the page.
"""

import json
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.chromium import FLAGS, chromium_path
from tests.support.servers import Server, serving

UP_SEC = 90.0
HEAL_EACH_SEC = 60.0
SETTLE_SEC = 8.0
FAULT = "kill-node"
LONG_MS = 50.0
MARK = "calm:"
"""Begins the name of the mark by which a page is found in the trace."""

TASKS = "disabled-by-default-devtools.timeline"
"""The trace events that have every task of a thread, with its CPU time."""

WATCH = """() => {
  window.calm = { tasks: 0, taskMs: 0, shifts: [], texts: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) { calm.tasks += 1; calm.taskMs += entry.duration; }
  }).observe({ type: 'longtask' });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) calm.shifts.push([entry.startTime, entry.value]);
  }).observe({ type: 'layout-shift' });
  new MutationObserver((records) => { calm.texts += records.length; })
    .observe(document.documentElement, { subtree: true, characterData: true });
}"""


@dataclass(frozen=True)
class Calm:
    """What was counted on one page.

    `cpu_tasks`: tasks of more than 50 ms of CPU time; `largest_cpu_ms`: that of the largest task. `worst_shift`: the
    largest sum of shifts less than 1 s apart, of 5 s at most.
    """

    page: str
    tasks: int
    cpu_tasks: int
    largest_cpu_ms: float
    shift: float
    worst_shift: float
    texts_a_second: float


def worst_window(shifts: list[list[float]]) -> float:
    """Return the largest sum of shifts that follow each other within a second, in 5 s at most."""
    worst = total = 0.0
    began = last = float("-inf")
    for at, value in shifts:
        if at - last > 1000 or at - began > 5000:
            began, total = at, 0.0
        total, last = total + value, at
        worst = max(worst, total)
    return worst


def watch(browser: Browser, pages: dict[str, Page], seconds: float, server: Server | None) -> list[Calm]:
    """Watch pages for so long; with a server, kill a node of it each minute."""
    for page in pages.values():
        page.evaluate(WATCH)
    browser.start_tracing(page=pages["stage"], categories=[TASKS, "blink.user_timing"])
    for name, page in pages.items():
        page.evaluate("(mark) => performance.mark(mark)", MARK + name)
    began = time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        if server is not None and left > HEAL_EACH_SEC / 2:
            server.client.post(f"/chaos/{FAULT}").raise_for_status()
        time.sleep(min(HEAL_EACH_SEC, left))
    took = time.monotonic() - began
    found = {name: page.evaluate("calm") for name, page in pages.items()}
    cpu = cpu_of_tasks(json.loads(browser.stop_tracing()))
    return [_count(name, told, cpu[name], took) for name, told in found.items()]


def cpu_of_tasks(trace: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the CPU milliseconds of each task of each page's main thread."""
    events: list[dict[str, Any]] = trace["traceEvents"]
    marks = (event for event in events if event["name"].startswith(MARK))
    pages = {(event["pid"], event["tid"]): event["name"].removeprefix(MARK) for event in marks}
    cpu: dict[str, list[float]] = {name: [] for name in pages.values()}
    for event in events:
        if event["name"] == "RunTask" and (thread := (event["pid"], event["tid"])) in pages:
            cpu[pages[thread]].append(event.get("tdur", 0) / 1000)
    return cpu


def _count(name: str, found: Mapping[str, Any], cpu: list[float], seconds: float) -> Calm:
    shifts = found["shifts"]
    return Calm(
        name,
        found["tasks"],
        sum(ms > LONG_MS for ms in cpu),
        max(cpu, default=0.0),
        sum(value for _, value in shifts),
        worst_window(shifts),
        found["texts"] / seconds,
    )


def open_pages(browser: Browser, server: Server) -> dict[str, Page]:
    """Open each page in a context of its own, and a blank one."""
    asked = {"stage": ("/", 1920, 1080), "presenter": ("/presenter", 1440, 900), "phone": ("/remote", 390, 844)}
    pages = {}
    for name, (path, width, height) in asked.items():
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        page.goto(f"{server.url}{path}")
        page.wait_for_selector('body[data-link="up"]')
        pages[name] = page
    blank = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
    blank.set_content("<!doctype html><title>blank</title><p>blank")
    return pages | {"blank": blank}


def _is_green(state: dict[str, Any]) -> bool:
    nodes = (state["health"] or {}).get("nodes") or []
    return bool(nodes) and all(node["health"] == "up" for node in nodes)


def main() -> None:
    """Measure and print both phases."""
    # Ended early, it ends its show and its browser, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with serving("ratelimiter") as server, sync_playwright() as playwright:
        server.until(_is_green, UP_SEC)
        server.client.post("/goto/2").raise_for_status()
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        pages = open_pages(browser, server)
        time.sleep(SETTLE_SEC)
        for phase, target in (("at rest", None), ("a node killed each minute", server)):
            print(f"{phase}, {minutes:g} minutes")
            for one in watch(browser, pages, minutes * 60, target):
                print(
                    f"  {one.page:<10} {one.tasks:>3} long tasks, {one.cpu_tasks} of them by CPU time (largest "
                    f"{one.largest_cpu_ms:.0f} ms)  shift {one.shift:.4f} "
                    f"(worst 5 s {one.worst_shift:.4f})  {one.texts_a_second:.1f} texts/s",
                    flush=True,
                )
        browser.close()


if __name__ == "__main__":
    main()
