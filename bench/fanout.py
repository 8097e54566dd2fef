"""How fast, and at what cost, one POST reaches N listeners: `demo serve` beside its peers. `scripts/bench` runs it.

Interleaved in one run, a fresh server each time, medians over the runs; the server on the first CPU, the client on the
second where there are two. Every peer's message has as many bytes as ours. Loopback only, so no network is in it.
"""

import argparse
import contextlib
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path

from bench.crowd import Crowd, Target, compiled, pinned, require_files
from bench.live import Rate, live_rates
from bench.peers import NCHAN_MODULE, Peer, others, ours
from bench.procs import cost, machine
from demo.errors import DemoError, UsageError

OPEN_TIMEOUT_SEC = 20.0
ROUND_LIMIT_MS = 25_000
GAP_MS = 50
WARM_UP = 2
SETTLE_SEC = 0.5

COMPARED = ("p50", "p99", "max", "cpu_us", "kb")

MAX_BUSY = 90.0
"""Percent of a round that the client may be busy; beyond that the latencies may be its own."""


@dataclass(frozen=True)
class Run:
    """One server with so many listeners. Latencies in ms; `spike`: the worst round's worst to the median round's."""

    p50: float
    p99: float
    max: float
    cpu_us: float
    kb: float
    spike: float
    bytes: float
    busy: float
    lost: int
    missed: int


def measure(client: Path, peer: Peer, listeners: int, rounds: int, pad: int, limit_ms: int = ROUND_LIMIT_MS) -> Run:
    with (
        peer.start() as server,
        Crowd(client, Target(server.port, pad=pad, strict=server.strict), pinned(1)) as crowd,
    ):
        time.sleep(SETTLE_SEC)
        empty = cost(server.pid)
        crowd.open(listeners)
        crowd.until_live(listeners, OPEN_TIMEOUT_SEC)
        time.sleep(SETTLE_SEC)
        full = cost(server.pid)
        crowd.rounds(WARM_UP, GAP_MS, limit_ms)
        opening = crowd.stats()
        before = cost(server.pid)
        found = crowd.rounds(rounds, GAP_MS, limit_ms)
        after = cost(server.pid)
        seen = crowd.stats()
    if not seen.deliveries:
        raise UsageError(f"{peer.name} delivered nothing to {listeners:,} listeners in {rounds} rounds")
    return Run(
        p50=seen.latency.at(0.5),
        p99=seen.latency.at(0.99),
        max=seen.latency.most,
        cpu_us=(after.cpu_sec - before.cpu_sec) / seen.deliveries * 1e6,
        kb=(full.rss_kb - empty.rss_kb) / listeners,
        spike=max(found.worst) / (statistics.median(found.worst) or max(found.worst)),
        bytes=seen.bytes / seen.deliveries,
        busy=found.busy_percent,
        lost=sum(one.lost + one.ended + one.refused + one.post_failures for one in (opening, seen)),
        missed=found.expected - seen.deliveries,
    )


def padding(client: Path, peer: Peer, wanted: float) -> int:
    """Bytes to add to a POST so that this peer's message is as long as ours."""
    diff = round(wanted - measure(client, peer, 1, 1, 0).bytes)
    return max(diff - 1, 0)


def medians(runs: list[Run]) -> Run:
    """Each figure's median; what was lost or missed adds up, and the busiest client counts."""
    middle = {one.name: statistics.median(getattr(run, one.name) for run in runs) for one in fields(Run)}
    added = {name: sum(getattr(run, name) for run in runs) for name in ("lost", "missed")}
    return Run(**middle | added | {"busy": max(run.busy for run in runs)})


def compare(
    client: Path, peers: list[Peer], listeners: int, rounds: int, reps: int, absent: list[str]
) -> dict[str, Run]:
    """By name, ours first. A peer that fails is left out, and `absent` says so; ours may not."""
    own, *rest = peers
    runs: dict[str, list[Run]] = {peer.name: [] for peer in peers}
    pads: dict[str, int] = {}
    for rep in range(reps):
        runs[own.name].append(measure(client, own, listeners, rounds, 0))
        for peer in [peer for peer in rest if peer.name in runs]:
            try:
                if peer.name not in pads:
                    pads[peer.name] = padding(client, peer, runs[own.name][0].bytes)
                runs[peer.name].append(measure(client, peer, listeners, rounds, pads[peer.name]))
            except UsageError as error:
                absent.append(f"{peer.name} is left out with {listeners:,} listeners: {error}")
                del runs[peer.name]
        print(f"{listeners:,} listeners: run {rep + 1} of {reps} done", file=sys.stderr)
    return {name: medians(found) for name, found in runs.items()}


def ratios(own: Run, other: Run) -> dict[str, float]:
    """Ours to theirs: below 1 ours is less. Nothing can be compared with a peer that takes no memory to speak of."""
    pairs = {name: (getattr(own, name), getattr(other, name)) for name in COMPARED}
    return {
        name: mine / theirs for name, (mine, theirs) in pairs.items() if theirs > 0 and (name != "kb" or theirs >= 1)
    }


def table(listeners: int, found: dict[str, Run]) -> Iterator[str]:
    own = next(iter(found.values()))
    columns = "p50 ms | p99 ms | max ms | CPU µs a delivery | KB a listener | worst round | lost | missed"
    yield f"| {listeners:,} listeners | {columns} |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, run in found.items():
        times = " | ".join(f"{value:.3g}" for value in (run.p50, run.p99, run.max, run.cpu_us, run.kb))
        yield f"| {name} | {times} | {run.spike:.2g} × median | {run.lost} | {run.missed} |"
    for name, run in list(found.items())[1:]:
        share = ratios(own, run)
        shown = " | ".join(f"{share[key]:.2f} ×" if key in share else "–" for key in COMPARED)
        yield f"| *ours to {name}* | {shown} | | | |"


def remarks(results: dict[int, dict[str, Run]]) -> Iterator[str]:
    """What makes a figure doubtful."""
    for listeners, found in results.items():
        for name, run in found.items():
            which = f"{listeners:,} listeners, {name}"
            if run.busy > MAX_BUSY:
                yield f"{which}: the client was busy {run.busy:.0f} % of a round and may set these latencies"
            if run.lost or run.missed:
                yield f"{which}: {run.lost} connections or POSTs lost, {run.missed} deliveries missed"


def heading() -> str:
    parts = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "sse-starlette"))
    where = "server and client on a CPU each" if pinned(0) else "server and client share the CPUs"
    return f"{machine()}; Python {platform.python_version()}, {parts}; {where}"


def live_table(rates: list[Rate]) -> Iterator[str]:
    yield "| `demo serve ratelimiter`, load on | bytes/s to a stage page | to a plain listener | messages/s |"
    yield "|---|---|---|---|"
    for rate in rates:
        yield f"| {rate.what} | {rate.page_bytes:,.0f} | {rate.bytes:,.0f} | {rate.messages:.2g} |"


def said_by(script: str) -> Iterator[str]:
    """What `scripts/figures` or `scripts/soak` prints, line by line; the last one says so if it failed."""
    with subprocess.Popen([sys.executable, "-m", f"bench.{script}"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield from (line.rstrip("\n") for line in process.stdout)
    if process.returncode:
        yield f"scripts/{script} ended with {process.returncode}: not all of it was measured, or a bound does not hold"


def _counts(text: str) -> list[int]:
    """Numbers of listeners, separated by commas."""
    return [int(one) for one in text.split(",")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--n", type=_counts, default="100,1000,5000", help="listeners (default %(default)s)")
    parser.add_argument("--reps", type=int, default=3, help="runs of each server (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=20, help="POSTs in a run (default %(default)s)")
    parser.add_argument("--nchan", type=Path, default=NCHAN_MODULE, help="nchan's module for nginx")
    parser.add_argument(
        "--live", type=float, default=20.0, help="seconds over which a live show's bytes are counted; 0: not"
    )
    parser.add_argument("--all", action="store_true", help="scripts/figures and scripts/soak, too: about an hour")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the tables")
    parser.add_argument("--out", type=Path, help="write the tables to this file, too")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    require_files(max(args.n))
    lines: list[str] = []

    def tell(*more: str) -> None:
        """At once: what was measured in an hour must not be lost in its last minute."""
        lines.extend(more)
        if not args.json:
            print(*more, sep="\n", flush=True)

    tell(heading())
    results: dict[int, dict[str, Run]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        client = compiled("crowd", folder)
        found, absent = others(folder, args.nchan)
        for count in args.n:
            results[count] = compare(client, [ours(), *found], count, args.rounds, args.reps, absent)
            tell("", *table(count, results[count]))
        rates = _live(client, args.live, absent)
    if rates:
        tell("", *live_table(rates))
    doubts = [*absent, *remarks(results)]
    if doubts:
        tell("", *(f"- {doubt}" for doubt in doubts))
    told = len(lines)
    for script in ("figures", "soak") if args.all else ():
        tell("")
        for line in said_by(script):
            tell(line)
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")
    if args.json:
        print(as_json(results, rates, doubts, lines[told:]))
    return int(any(run.lost or run.missed for servers in results.values() for run in servers.values()))


def _live(client: Path, seconds: float, absent: list[str]) -> list[Rate]:
    try:
        return live_rates(client, seconds) if seconds else []
    except (DemoError, AssertionError) as error:
        absent.append(f"the live show is left out: {error}")
        return []


def as_json(results: dict[int, dict[str, Run]], rates: list[Rate], doubts: list[str], more: list[str]) -> str:
    fan_out = {
        count: {
            name: asdict(run) | ({} if name == "ours" else {"ours_to_it": ratios(found["ours"], run)})
            for name, run in found.items()
        }
        for count, found in results.items()
    }
    live = [asdict(rate) for rate in rates]
    return json.dumps({"machine": heading(), "fan_out": fan_out, "live": live, "doubts": doubts, "figures": more})


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        try:
            sys.exit(main())
        except (DemoError, AssertionError) as error:
            sys.exit(f"scripts/bench: {error}")
    sys.exit(130)
