"""Thousands of listeners for half an hour before one `demo serve`, then halls that misbehave. `scripts/soak` runs it.

The server is a process of its own, started as a user starts it. Each phase prints what it measured against its bound;
the exit code is 1 when one does not hold. Loopback only, so no network is in it.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.crowd import Crowd, Status, Target, compiled, pinned, require_files
from bench.phases import Plan, churn, reconnect, stalled, steady
from bench.procs import machine
from bench.stand import Stand
from bench.verdict import Check
from demo.errors import DemoError, UsageError
from tests.support.servers import serving

PHASES: dict[str, Callable[[Stand, Plan], Iterator[Check]]] = {
    "steady": steady,
    "reconnect": reconnect,
    "stalled": stalled,
    "churn": churn,
}

SLOW_SHARE = 10
"""Every tenth listener has small buffers: these are the ones that stall."""

PAD = 240
"""Characters that are said besides the marker: a message of about 1,400 bytes."""

OPEN_TIMEOUT_SEC = 20.0
READY_TIMEOUT_SEC = 60.0

WARM_UP = 5000
"""Rounds before anyone is there: the journal's page cache (2 MB of SQLite's) is full after about 4,000 of them.
What grows from then on grows for good."""

WARM_UP_HZ = 500.0
WARM_UP_TIMEOUT_SEC = 300.0


def arguments() -> argparse.Namespace:
    plan = Plan()
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--streams", type=int, default=5000, help="listeners (default %(default)s)")
    parser.add_argument("--hz", type=float, default=2.0, help="rounds a second (default %(default)s)")
    parser.add_argument("--minutes", type=float, default=plan.minutes, help="steady ones (default %(default)s)")
    parser.add_argument(
        "--show", choices=["none", "ratelimiter"], default="none", help="what is served (default %(default)s)"
    )
    parser.add_argument(
        "--pairs", type=int, default=plan.pairs, help="pairs of windows with stalled readers and without"
    )
    parser.add_argument(
        "--window", type=float, default=plan.window_sec, help="seconds of such a window (default %(default)s)"
    )
    parser.add_argument(
        "--churn", type=float, default=plan.churn, help="joins and leaves a minute (default %(default)s)"
    )
    parser.add_argument("--churn-minutes", type=float, default=plan.churn_minutes, help="of them (default %(default)s)")
    parser.add_argument("--only", choices=list(PHASES), action="append", help="this phase; repeatable")
    parser.add_argument("--json", action="store_true", help="one JSON object at the end instead of lines")
    parser.add_argument(
        "--warm-up", type=int, default=WARM_UP, help="rounds before anyone is there (default %(default)s)"
    )
    parser.add_argument("--at", type=int, metavar="PORT", help="a server on 127.0.0.1 that runs already; needs --pid")
    parser.add_argument("--pid", type=int, help="its process")
    args = parser.parse_args()
    if (args.at is None) != (args.pid is None):
        parser.error("--at and --pid go together")
    return args


@dataclass(frozen=True)
class Served:
    """A server that answers. `tick` reads what it prints."""

    pid: int
    port: int
    tick: Callable[[], object] = lambda: None


@contextlib.contextmanager
def served(args: argparse.Namespace) -> Iterator[Served]:
    """The server that is asked for: a fresh one, or one that runs already."""
    if args.at:
        yield Served(args.pid, args.at)
        return
    program = [*pinned(0), sys.executable, "-m", "demo", "serve", args.show, "--no-open", "--port", "0"]
    with serving(program=program) as server:
        server.until(lambda state: args.show == "none" or _is_green(state), READY_TIMEOUT_SEC)
        yield Served(server.process.pid, server.port, server.read_output)


def _is_green(state: dict[str, Any]) -> bool:
    return bool(state["health"]) and not state["health"]["has_issues"]


@contextlib.contextmanager
def standing(client: Path, server: Served, streams: int, hz: float, warm_up: int = 0) -> Iterator[Stand]:
    """Everyone before the server, which has had `warm_up` rounds by then."""
    slow = max(1, streams // SLOW_SHARE)
    with Crowd(client, Target(server.port, pad=PAD), pinned(1)) as crowd:
        _warm_up(crowd, server, warm_up)
        crowd.open(streams - slow)
        crowd.open(slow, slow=True)
        crowd.until_live(streams, OPEN_TIMEOUT_SEC)
        yield Stand(crowd, server.pid, f"http://127.0.0.1:{server.port}", streams, slow, hz, server.tick)


def _warm_up(crowd: Crowd, server: Served, rounds: int) -> None:
    def look(status: Status) -> bool:
        server.tick()
        return status.marker >= rounds

    crowd.play(WARM_UP_HZ)
    if crowd.until(look, WARM_UP_TIMEOUT_SEC) is None:
        raise UsageError(f"the server took only {crowd.status().marker:,} POSTs in {WARM_UP_TIMEOUT_SEC:.0f} s")
    crowd.play(0)
    crowd.until(lambda status: not status.pending, WARM_UP_TIMEOUT_SEC)


def run(args: argparse.Namespace) -> Iterator[Check]:
    plan = Plan(args.minutes, args.pairs, args.window, args.churn, args.churn_minutes)
    with tempfile.TemporaryDirectory() as folder:
        client = compiled("crowd", Path(folder))
        with served(args) as server, standing(client, server, args.streams, args.hz, args.warm_up) as stand:
            for name, phase in PHASES.items():
                yield from phase(stand, plan) if args.only is None or name in args.only else ()


def main() -> int:
    args = arguments()
    require_files(args.streams)
    show = f"the server on port {args.at}" if args.at else f"`demo serve {args.show}`"
    about = f"{machine()}; {args.streams:,} listeners of {show}, {args.hz:g} rounds a second, {args.minutes:g} minutes"
    checks = []
    if not args.json:
        print(about, flush=True)
    for check in run(args):
        checks.append(check)
        if not args.json:
            print(check, flush=True)
    ok = all(check.ok is not False for check in checks)
    if args.json:
        print(json.dumps({"about": about, "ok": ok, "checks": [asdict(check) for check in checks]}))
    return 0 if ok else 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        try:
            sys.exit(main())
        except (DemoError, AssertionError) as error:
            sys.exit(f"scripts/soak: {error}")
    sys.exit(130)
