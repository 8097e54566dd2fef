"""The checks of `demo doctor` for the rate limiter; starts nothing."""

import asyncio

from demo.findings import Finding, no, ok, together
from demo.processes.port_owner import taken_by
from demo.processes.ports import free_ports, is_free
from demo.processes.process_ref import ProcessRef
from demo.subjects.ratelimiter.attached_system import SupervisorClient
from demo.subjects.ratelimiter.redis_server import OLDEST, remedy, survey
from demo.subjects.standalone import find

PARTS = 6
ASK_SEC = 3.0
REDIS, PORTS, SYSTEM = "redis-server", "its ports", "its system"


async def examine_own(base_port: int | None) -> tuple[Finding, ...]:
    """Run the checks for a system of the show's own."""
    return await together({REDIS: asyncio.to_thread(_check_redis), PORTS: asyncio.to_thread(_check_ports, base_port)})


async def examine_standing(name: str) -> tuple[Finding, ...]:
    """Run the checks for a system that `demo up` started."""
    return await together({SYSTEM: _check_standing(name)})


def _check_redis() -> Finding:
    path, version, passed_over = survey()
    if path:
        return ok(REDIS, f"{version[0]}.{version[1]}, {path}")
    oldest = ".".join(map(str, OLDEST))
    problem = f"only {', '.join(passed_over)}, but the show needs {oldest} or newer" if passed_over else "not found"
    return no(REDIS, problem, remedy(passed_over))


def _check_ports(base_port: int | None) -> Finding:
    if base_port is None:
        try:
            return ok(PORTS, f"{PARTS} are free, like {', '.join(map(str, sorted(free_ports(PARTS))))}")
        except OSError as error:
            return no(PORTS, str(error), "stop the programs that use them")
    wanted = range(base_port, base_port + PARTS)
    taken = [taken_by(port) for port in wanted if not is_free(port)]
    if taken:
        return no(PORTS, ", ".join(taken), "stop the programs that use them, or choose another --base-port")
    return ok(PORTS, f"{wanted[0]} to {wanted[-1]} are free")


async def _check_standing(name: str) -> Finding:
    supervisor = SupervisorClient(name, find(name))
    if supervisor.is_gone:
        return no(SYSTEM, f"no system with the name {name!r} is running", "demo up ratelimiter")
    answer = await supervisor.ask("GET", "/parts", ASK_SEC)
    down = [
        part
        for part, status in answer["parts"].items()
        if status["pid"] is None or ProcessRef(status["pid"], status["born"]).has_terminated
    ]
    if down:
        return no(SYSTEM, f"{name!r} is running, except {', '.join(down)}", f"demo heal {name}")
    return ok(SYSTEM, f"{name!r} is running with all {len(answer['parts'])} parts")
