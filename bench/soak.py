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
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.crowd import Crowd, Target, compiled, pinned, require_files
from bench.phases import Plan, churn, reconnect, stalled, steady
from bench.procs import machine
from bench.stand import Stand
from bench.verdict import Check
from demo.errors import DemoError
from tests.serving import serving

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

OPEN_LIMIT_SEC = 120.0
READY_LIMIT_SEC = 60.0


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
    return parser.parse_args()


@contextlib.contextmanager
def standing(client: Path, streams: int, hz: float, show: str) -> Iterator[Stand]:
    """A fresh server with everyone before it."""
    slow = max(1, streams // SLOW_SHARE)
    program = [*pinned(0), sys.executable, "-m", "demo", "serve", show, "--no-open", "--port", "0"]
    with serving(program=program) as server:
        server.until(lambda state: show == "none" or _is_green(state), READY_LIMIT_SEC)
        with Crowd(client, Target(server.port, pad=PAD), pinned(1)) as crowd:
            crowd.open(streams - slow)
            crowd.open(slow, slow=True)
            crowd.until_live(streams, OPEN_LIMIT_SEC)
            yield Stand(crowd, server.process.pid, server.url, streams, slow, hz, server.said)


def _is_green(state: dict[str, Any]) -> bool:
    return bool(state["health"]) and not state["health"]["has_issues"]


def run(args: argparse.Namespace, tell: Callable[[Check], object]) -> list[Check]:
    plan = Plan(args.minutes, args.pairs, args.window, args.churn, args.churn_minutes)
    checks: list[Check] = []
    with tempfile.TemporaryDirectory() as folder:
        client = compiled("crowd", Path(folder))
        with standing(client, args.streams, args.hz, args.show) as stand:
            for name, phase in PHASES.items():
                for check in phase(stand, plan) if args.only is None or name in args.only else ():
                    checks.append(check)
                    tell(check)
    return checks


def main() -> int:
    args = arguments()
    require_files(args.streams)
    shown = (
        f"{args.streams:,} listeners of `demo serve {args.show}`, {args.hz:g} rounds a second, {args.minutes:g} minutes"
    )
    about = f"{machine()}; {shown}"
    if not args.json:
        print(about, flush=True)
    checks = run(args, lambda check: None if args.json else print(check, flush=True))
    ok = all(check.ok is not False for check in checks)
    if args.json:
        print(json.dumps({"about": about, "ok": ok, "checks": [asdict(check) for check in checks]}))
    return 0 if ok else 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        try:
            sys.exit(main())
        except DemoError as error:
            sys.exit(f"scripts/soak: {error}")
    sys.exit(130)
