"""The card of one process: its health, its numbers and a few words, made from one reading. No I/O."""

from collections.abc import Callable, Mapping
from typing import Any

from demo.errors import FaultError
from demo.probes.numbers import number, rounded
from demo.probes.result import Reading
from demo.processes.service_auth import HOST
from demo.processes.supervised import ObservedProcess

ALONE = {"alone": "alone", "not at all": "letting all in", "refusing": "refusing all"}
MEGA = 1_000_000


def node_card(part: ObservedProcess, reading: Reading) -> dict[str, Any]:
    """Return one entry of the health sample's `nodes`."""
    health = _health(part, reading)
    numbers = _NUMBERS[part.kind](reading.data) if reading.ok else {}
    return {
        "id": part.id,
        "name": part.id,
        "type": part.kind,
        "health": health,
        "address": f"{HOST}:{part.port}",
        "detail": _detail(part, reading, health),
        "metrics": {name: shown for name, value in numbers.items() if (shown := rounded(value)) is not None},
        "links": list(part.links),
    }


def _health(part: ObservedProcess, reading: Reading) -> str:
    if not reading.ok:
        return "starting" if part.is_starting else "down"
    return "degraded" if reading.data.get("status") == "degraded" else "up"


def _detail(part: ObservedProcess, reading: Reading, health: str) -> str:
    if health == "starting":
        return "starting"
    if health == "down":
        return _describe_outage(part, reading)
    return _DETAILS[part.kind](reading.data)


def _redis_detail(data: Mapping[str, Any]) -> str:
    memory = number(data.get("memory_bytes"))
    return "accepts writes" if memory is None else f"{memory / MEGA:.3g} MB"


def _traffic_detail(data: Mapping[str, Any]) -> str:
    if data.get("bursting"):
        return "bursting"
    refused = number(data.get("limited_per_sec"))
    return "counting requests" if refused is None else f"{_format_short(refused)}/s refused"


def _node_detail(data: Mapping[str, Any]) -> str:
    p99 = number(data.get("p99_ms"))
    latency = "no requests" if p99 is None else f"{_format_short(p99)} ms"
    counting = str(data.get("counting"))
    return ALONE.get(counting, f"{counting} · {latency}")


def _format_short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _describe_outage(part: ObservedProcess, reading: Reading) -> str:
    if part.handle is None:
        return part.trouble or "not started"
    try:
        alive = part.handle.is_alive
    except FaultError:
        return reading.trouble
    if alive:
        return reading.trouble
    return part.trouble or ("killed" if part.handle.was_killed else "has terminated by itself")


def _request_numbers(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "req/s": data.get("per_sec"),
        "p99 ms": data.get("p99_ms"),
        "errors %": data.get("error_percent"),
        "in flight": data.get("in_flight"),
    }


def _redis_numbers(data: Mapping[str, Any]) -> dict[str, Any]:
    memory = number(data.get("memory_bytes"))
    return {"write ms": data.get("write_ms"), "memory MB": None if memory is None else memory / MEGA}


def _backend_numbers(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"req/s": data.get("per_sec")}


_DETAILS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "node": _node_detail,
    "traffic": _traffic_detail,
    "redis": _redis_detail,
    "backend": lambda data: "counts arrivals",
}
_NUMBERS = {"node": _request_numbers, "traffic": _request_numbers, "redis": _redis_numbers, "backend": _backend_numbers}
