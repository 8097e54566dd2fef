"""What a live show sends: bytes a second and listener of the rate limiter under load, at rest and during a fault."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.crowd import Crowd, Target, pinned
from bench.screen import Screen
from tests.support.servers import serving

LISTENERS = 50
OPEN_TIMEOUT_SEC = 30.0
SETTLE_SEC = 5.0
FAULT = "kill-node"
MAX_FAULT_SEC = 60.0

State = dict[str, Any]


@dataclass(frozen=True)
class Rate:
    """Bytes as they came through the socket, and messages; each a second and listener.

    `page_bytes`: to our own stage page, whose stream is packed. `bytes`: to any other listener.
    """

    what: str
    page_bytes: float
    bytes: float
    messages: float


def live_rates(client: Path, seconds: float) -> list[Rate]:
    """At rest, once all is green and under load; and from a node's death until it has recovered."""
    program = [*pinned(0), sys.executable, "-m", "demo", "serve", "ratelimiter", "--no-open", "--port", "0"]
    with serving(program=program) as server:
        server.until(_is_green, 60)
        server.client.post("/goto/2").raise_for_status()  # The first chapter is a cover, where nothing changes.
        with Crowd(client, Target(server.port), pinned(1)) as crowd, Screen(server.port) as screen:
            crowd.open(LISTENERS)
            crowd.until_live(LISTENERS, OPEN_TIMEOUT_SEC)
            time.sleep(SETTLE_SEC)
            rest = _watched(crowd, screen, "at rest", lambda: time.sleep(seconds))
            server.client.post(f"/chaos/{FAULT}").raise_for_status()
            fault = _watched(
                crowd,
                screen,
                "a node is killed, until it has recovered",
                lambda: server.until(_has_recovered, MAX_FAULT_SEC),
            )
    return [rest, fault]


def _watched(crowd: Crowd, screen: Screen, what: str, during: Callable[[], object]) -> Rate:
    crowd.stats()
    before = screen.bytes
    during()
    seen = crowd.stats()
    share = seen.seconds * LISTENERS
    return Rate(what, (screen.bytes - before) / seen.seconds, seen.bytes / share, seen.messages / share)


def _is_green(state: State) -> bool:
    health = state["health"]
    return isinstance(health, dict) and not health["has_issues"] and health["freshness"] == "live"


def _has_recovered(state: State) -> bool:
    fault = next(one for one in state["chaos"] if one["name"] == FAULT)
    return fault["state"] == "idle" and fault["recovered_after_sec"] is not None and _is_green(state)
