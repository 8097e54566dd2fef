"""What a node costs: reading a sample, folding it, drawing it and sending it, as the system grows from 6 to 600 nodes.

The parts are taken in this process, each sample bringing new numbers for every node. Then a real `demo serve` of
the same system polls it once a second, with one stage and one presenter's page listening.
"""

import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from typing import TypeVar

from bench.fleet import Fleet
from demo.show import Refusal, ShowState, apply, create_initial_state, decide
from demo.show import commands as c
from demo.show import events as e
from demo.show.health_sample import read_sample
from demo.types import Chapter
from demo.web.rendering.assets import Assets
from demo.web.rendering.renderer import Renderer
from tests.support.servers import Server, Stream, serving

COUNTS = (6, 20, 60, 200, 600)
SAMPLES = 20
WHOLES = {
    "read, folded and encoded": ("read", "decide and fold", "encode for the journal"),
    "three views drawn": ("draw stage", "draw presenter", "draw remote"),
}
ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")

Row = tuple[str, list[float], str]
T = TypeVar("T")


def nodes(seconds: float, counts: tuple[int, ...] = COUNTS) -> Iterator[Row]:
    """`seconds`: how long each real server is watched."""
    cost: dict[int, float] = {}
    for count in counts:
        parts = in_process(count)
        for what, names in WHOLES.items():
            values = [sum(turn) for turn in zip(*(parts[part] for part in names), strict=True)]
            yield f"{count} nodes, each sample: {what}", values, "ms"
            cost[count] = cost.get(count, 0) + statistics.median(values)
        for view in ("stage", "presenter"):
            yield f"{count} nodes, each sample: to a {view}'s page", parts[f"bytes to {view}"], "bytes"
    yield "reading to drawing, for each node more (least squares)", [slope(cost) * 1000], "µs"
    for count in counts:
        yield from _served(count, seconds)


def slope(cost: dict[int, float]) -> float:
    """Least squares over all sizes."""
    x, y = list(cost), list(cost.values())
    return statistics.linear_regression(x, y).slope


def in_process(count: int) -> dict[str, list[float]]:
    """By part: CPU milliseconds (or bytes) of each sample."""
    system, at = Fleet(count), time.time()
    state = create_initial_state("fleet", "fleet", "", [Chapter("One", "Look.")])
    state = _played(state, c.Open(), at)
    pages = Renderer(Assets(Path(str(resources.files("demo") / "static"))))
    found: dict[str, list[float]] = defaultdict(list)

    def timed(what: str, work: Callable[[], T]) -> T:
        began = time.thread_time()
        result = work()
        found[what].append((time.thread_time() - began) * 1000)
        return result

    last: dict[str, dict[str, str]] = {}
    for turn in range(SAMPLES):
        at += 1
        health = system.health(turn, 1.0) | {"last_updated": None}
        sample = timed("read", lambda: read_sample(health, at))  # noqa: B023 - called at once
        state = timed("decide and fold", lambda: _played(state, c.RecordSample(sample), at))  # noqa: B023
        written = timed("encode for the journal", lambda: json.dumps(e.to_json(e.HealthSampled(sample.raw, at))))  # noqa: B023
        found["bytes to journal"].append(len(written))
        for view in ("stage", "presenter", "remote"):
            drawn = timed(f"draw {view}", lambda: pages.regions(view, state, {}))  # noqa: B023
            regions = {region.name: region.html for region in drawn}
            before = last.get(view, {})
            changed = sum(len(html) for name, html in regions.items() if before.get(name) != html)
            found[f"bytes to {view}"].append(changed)
            last[view] = regions
    return {what: values[1:] for what, values in found.items()}  # the first compiles, and is whole


def _played(state: ShowState, what: c.Command, at: float) -> ShowState:
    decision = decide(state, c.CommandEnvelope("bench", what), at)
    assert not isinstance(decision, Refusal)
    for event in decision:
        state = apply(state, e.JournalEntry(state.seq + 1, at, "bench", event))
    return state


def _served(count: int, seconds: float) -> Iterator[Row]:
    with serving("bench.fleet:Fleet", "-o", f"nodes={count}", cwd=ROOT) as server, ExitStack() as streams:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        stage = streams.enter_context(Stream(server, "/stream/stage"))
        desk = streams.enter_context(Stream(server, "/stream/presenter"))
        stage.next()
        desk.next()
        before, began = _cpu(server), time.monotonic()
        received = [0]
        while time.monotonic() - began < seconds:
            received.append(sum(len(line) for line in stage.next().values()))
        took = time.monotonic() - began
        yield (
            f"{count} nodes, polled once a second: CPU of the server",
            [100 * (_cpu(server) - before) / took],
            "% of a core",
        )
        yield f"{count} nodes: to a stage, at rest", [sum(received) / took], "bytes/s"


def _cpu(server: Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
