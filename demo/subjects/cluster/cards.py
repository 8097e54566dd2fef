"""The cards of a cluster: the container engine's account of a node first, then its probe's. No I/O."""

from collections.abc import Mapping
from typing import Any

from demo.clock import CLOCK
from demo.container_engine.event_watch import WatchedContainer
from demo.probes.numbers import mapping, number, rounded
from demo.probes.periodic import Pulse
from demo.probes.result import Reading
from demo.subjects.cluster.members import Members
from demo.subjects.request_stats import metric

STARTING_SEC = 15.0
"""For so long a new container that does not answer yet counts as starting, then as down."""

OLD_SEC = 3.0
"""A reading older than this is not used."""

DEAD = {
    "exited": "killed",
    "dead": "dead",
    "gone": "removed",
    "removing": "being removed",
    "created": "never started",
    "restarting": "restarting",
}
SIGKILLED = 137


def health_of(
    seen: WatchedContainer | None, pulse: Pulse, now: float, *, expects_container: bool = True
) -> tuple[str, str]:
    """Return a node's health and, unless it is up, the reason in a few words."""
    if expects_container:
        if seen is None:
            return "down", "no container"
        if seen.state == "paused":
            return "down", "frozen"
        if seen.state != "running":
            return "down", _describe_end(seen)
    if not pulse.at:
        return "unknown", "not checked yet"
    since = seen.since if seen is not None else 0.0
    reading = answer(pulse, since, now)
    if reading.ok:
        return "up", ""
    # It has never answered since its container was started.
    fresh = expects_container and pulse.worked_at < since and now - since < STARTING_SEC
    return ("starting", "starting") if fresh else ("down", reading.trouble)


def _describe_end(seen: WatchedContainer) -> str:
    label = DEAD.get(seen.state, seen.state)
    if seen.state == "exited" and seen.exit_code != SIGKILLED:
        return "stopped" if not seen.exit_code else f"ended with code {seen.exit_code}"
    return label


def answer(pulse: Pulse, since: float, now: float) -> Reading:
    """Return the newest reading; `trouble` if it is older than OLD_SEC or than the container's state (`since`)."""
    if pulse.at < since:
        return Reading(trouble="not checked yet")
    if now - pulse.at > OLD_SEC:
        return Reading(trouble=f"not checked for {now - pulse.at:.0f} s")
    return pulse.reading


def card(ident: str, kind: str, health: str, detail: str, metrics: Mapping[str, object], **more: Any) -> dict[str, Any]:
    """Return one entry of the health sample's `nodes`; a node that is not up shows no numbers."""
    shown = {name: known for name, value in metrics.items() if (known := rounded(value)) is not None}
    return {
        "id": ident,
        "name": ident,
        "type": kind,
        "health": health,
        "detail": detail,
        "metrics": shown if health in ("up", "degraded") else {},
        "address": more.get("address", ""),
        "links": list(more.get("links", ())),
    }


def engine_cards(members: Members) -> list[dict[str, Any]]:
    """Return the container engine's card, where there is an engine: without it, no fault can be injected or healed."""
    if members.watch is None:
        return []
    if members.watch.trouble:
        return [card("engine", "engine", "down", "does not answer", {})]
    running = [member.id for member in members if (seen := members.seen(member.id)) and seen.state == "running"]
    return [card("engine", "engine", "up", "events live", {"running": float(len(running))})]


def client_cards(pulse: Pulse, now: float) -> list[dict[str, Any]]:
    """Return the client process's cards: its load, and whether the store takes writes."""
    reading = answer(pulse, 0.0, now)
    if not reading.ok:
        trouble = "the client does not answer"
        return [
            card("load", "load", "down", reading.trouble, {}),
            card("writes", "canary", "unknown", trouble, {}),
        ]
    return [_load_card(reading.data), _writes_card(mapping(reading.data.get("canary")), now)]


def _load_card(data: Mapping[str, Any]) -> dict[str, Any]:
    p99, rate, missing = number(data.get("p99_ms")), number(data.get("rate")), number(data.get("missing"))
    errors = number(data.get("error_percent"))
    summary = "off" if not rate else "no answers" if p99 is None else f"p99 {p99:.0f} ms"
    if missing:
        summary = f"{missing:g} confirmed writes not found"
    elif errors and rate:
        summary = f"{errors:.0f} % errors · {summary}"
    numbers = {"ops/s": _answered_per_sec(data), "errors %": errors, "p99 ms": p99}
    return card("load", "load", "degraded" if missing else "up", summary, numbers)


def _answered_per_sec(data: Mapping[str, Any]) -> float | None:
    """Return the operations per second that succeeded; None if unknown."""
    per_sec, errors = number(data.get("per_sec")), number(data.get("error_percent"))
    if not per_sec:
        return per_sec
    return None if errors is None else per_sec * (1 - errors / 100)


def _writes_card(canary: Mapping[str, Any], now: float) -> dict[str, Any]:
    write_ms, last = canary.get("write_ms"), number(canary.get("last_at"))
    if canary.get("takes_writes"):
        return card("writes", "canary", "up", "confirmed all the time", {"ms": write_ms})
    reason = canary.get("reason")
    if last is None:
        return card("writes", "canary", "starting", "none yet" + (f": {reason}" if reason else ""), {})
    return card(
        "writes",
        "canary",
        "down",
        f"none for {CLOCK.to_uptime(now) - last:.1f} s" + (f": {reason}" if reason else ""),
        {},
    )


def curves(pulse: Pulse, now: float) -> list[dict[str, Any]]:
    """Return the main numbers as the client sees them; None each while it does not answer."""
    reading = answer(pulse, 0.0, now)
    data = reading.data if reading.ok else {}
    return [
        metric("load", "operations", _answered_per_sec(data), "/s", "load"),
        metric("latency", "p99", data.get("p99_ms"), "ms", "latency"),
        metric("errors", "errors", data.get("error_percent"), "%", "errors"),
    ]
