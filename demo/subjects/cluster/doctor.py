"""The checks of `demo doctor` for a subject in containers: asks the engine, and starts, pulls and changes nothing."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from demo.compose.command import find_compose, version_of
from demo.compose.packages import installs_engine
from demo.container_engine import Engine
from demo.container_engine.container import UP
from demo.errors import EngineError
from demo.findings import Finding, maybe, no, ok, together
from demo.processes.ports import is_free

MAX_APART_SEC = 1.0
"""If the engine's clock differs more than this from ours, the ages shown on the stage are wrong."""


@dataclass(frozen=True)
class Needs:
    """What a subject requires. `project`: the compose project whose own containers may occupy the ports."""

    project: str
    images: Sequence[str] = ()
    ports: Sequence[int] = ()
    memory_bytes: int = 0


@dataclass(frozen=True)
class EngineInfo:
    """The engine's answer to /info, and when (seconds of the epoch) it was asked for and received."""

    info: Mapping[str, Any]
    asked: float
    answered: float


async def examine_engine(engine: Engine, needs: Needs) -> tuple[Finding, ...]:
    """Run all checks concurrently; without an engine only those that need none. Closes the engine in the end."""
    begun = asyncio.ensure_future(together({"compose": compose()}))
    try:
        engine_info = await ask_for_info(engine)
        checks = {
            **{f"image {name}": image(engine, name) for name in needs.images},
            "ports": ports(engine, needs.project, needs.ports),
        }
        found = (
            _version(engine, engine_info),
            *memory_and_clock(engine_info, needs.memory_bytes),
            *await together(checks),
        )
    except EngineError as error:
        found = (no("engine", str(error), await _engine_remedy()),)
    finally:
        with contextlib.suppress(EngineError):
            await engine.close()
    return (*found[:1], *await begun, *found[1:])


async def _engine_remedy() -> str:
    """Return how to install an engine; "" where one is installed, as the error itself says what to do then."""
    if any(map(shutil.which, ("docker", "dockerd", "podman"))):
        return ""
    return await asyncio.to_thread(installs_engine)


async def ask_for_info(engine: Engine) -> EngineInfo:
    """Ask the engine for /info. Raises `EngineError`."""
    asked = time.time()
    info = await engine.info()
    return EngineInfo(info, asked, time.time())


def _version(engine: Engine, answer: EngineInfo) -> Finding:
    return ok("engine", f"{answer.info.get('ServerVersion') or 'unknown version'}, {engine.where}")


COMPOSE_SEC = 5.0
"""How long one of the two may take to answer: both must fit into the time of one check."""


async def compose() -> Finding:
    """Check for the compose plugin, else the older `docker-compose`. Raises `SubjectError` when there is neither."""
    program, *subcommand = await find_compose(answer_sec=COMPOSE_SEC)
    version = await version_of((program, *subcommand), {})
    return ok("compose", " ".join((Path(program).name, *subcommand, version)))


async def image(engine: Engine, name: str) -> Finding:
    if await engine.has_image(name):
        return ok(f"image {name}", "is present")
    return maybe(f"image {name}", "not present yet", f"docker pull {name} before the show")


async def ports(engine: Engine, project: str, wanted: Sequence[int]) -> Finding:
    """Check that these ports of 127.0.0.1 are free, or published by containers of our own project."""
    holders = {
        port: container
        for container in await engine.containers()
        if container.state in UP
        for _, port in container.ports.values()
    }
    ours = [port for port in wanted if port in holders and holders[port].project == project]
    taken = [port for port in wanted if port not in ours and (port in holders or not is_free(port))]
    if taken:
        by = [f"{port} by {f'container {holders[port].name}' if port in holders else 'a program'}" for port in taken]
        return no("ports", f"in use: {', '.join(by)}", "stop the programs that use them")
    free = [port for port in wanted if port not in ours]
    summary = [
        f"{_list(ports)} {word}"
        for ports, word in ((free, "free"), (ours, "used by this project's own containers"))
        if ports
    ]
    return ok("ports", "; ".join(summary) or "none needed")


def memory_and_clock(engine_info: EngineInfo, need: int) -> tuple[Finding, Finding]:
    return _memory(engine_info.info.get("MemTotal"), need), _clock(engine_info)


def _memory(total: object, need: int) -> Finding:
    if isinstance(total, bool) or not isinstance(total, int) or total <= 0:
        return maybe("engine's memory", "the engine does not report it", f"make sure that it has {_gigabytes(need)}")
    summary = f"{_gigabytes(total)} in all, {_gigabytes(need)} needed"
    if total < need:
        return no("engine's memory", summary, "give the engine's machine more (Docker Desktop: Settings, Resources)")
    return ok("engine's memory", summary)


def _clock(engine_info: EngineInfo) -> Finding:
    """Compare the clocks; they differ only by more than the duration of the request can explain."""
    try:
        theirs: datetime | None = datetime.fromisoformat(str(engine_info.info["SystemTime"]))
    except (KeyError, ValueError):
        theirs = None
    if theirs is None or theirs.tzinfo is None:
        return maybe(
            "engine's clock", "the engine does not report it", "make sure that the clock of its machine is synchronized"
        )
    difference = theirs.timestamp() - (engine_info.asked + engine_info.answered) / 2
    uncertainty = (engine_info.answered - engine_info.asked) / 2
    summary = f"{abs(difference):.1f} s {'ahead of' if difference > 0 else 'behind'} this machine's"
    if abs(difference) - uncertainty > MAX_APART_SEC:
        return no("engine's clock", summary, "synchronize both (timedatectl set-ntp true; Docker Desktop: restart it)")
    if uncertainty > MAX_APART_SEC:
        return maybe(
            "engine's clock", f"{summary}, give or take {uncertainty:.1f} s", "find out why the engine is slow"
        )
    return ok("engine's clock", summary)


def _list(ports: Sequence[int]) -> str:
    return ", ".join(map(str, ports))


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
