"""A subject and a driver whose every word would steer a terminal or forge a line of ours. For `demo serve`."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from demo.errors import SubjectError
from demo.findings import Finding
from demo.types import ChaosConfig, ChaosType, Chapter, Plan, Stage

STEERS = "\x1b]0;PWNED\x07\x1b[2J\x1b[31mANSI\x1b[0m\x9b5n\x07\u202egnp.exe\u202c\u2066iso\u2069\x1bPq\x1b\\"
FORGES = f"{STEERS}\nFORGED  line\r\nFORGED  line\u2028FORGED  line"
OFF = ChaosConfig("off", ChaosType.CONTAINER_KILL, FORGES, duration_sec=60)


class Off:
    config = OFF
    target = observable = FORGES

    async def plan(self) -> Plan:
        return Plan(FORGES, FORGES, {}, manual=FORGES, late_sec=0)

    async def inject(self, plan: Plan) -> None: ...

    async def heal(self, plan: Plan) -> None:
        print(STEERS, file=sys.stderr)
        raise RuntimeError(FORGES)

    async def is_healed(self, plan: Plan) -> bool:
        return False

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return True


class Poller:
    def __init__(self) -> None:
        self._ended = asyncio.Event()

    async def run(self) -> None:
        await self._ended.wait()

    def get_health(self) -> dict[str, Any]:
        node = {"id": FORGES, "name": FORGES, "type": FORGES, "health": "down", "address": FORGES, "detail": FORGES}
        return {"nodes": [node], "last_updated": datetime.now(UTC), "interval_sec": 0.3}

    def stop(self) -> None:
        self._ended.set()


class Forging:
    """As `demo serve tests.support.forged_headers:Forging`: it starts, tells of itself, and cannot heal."""

    name = f"forging{FORGES}"
    title = description = FORGES

    def __init__(self) -> None:
        self.poller = Poller()
        self.faults = [Off()]

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        async def fail() -> None:
            print(STEERS, file=sys.stderr)
            await stage.say(FORGES[:280])
            raise RuntimeError(FORGES)

        return [Chapter(FORGES, FORGES, key_hint=FORGES, notes=FORGES, hypothesis=FORGES, on_enter=fail)] * 2

    async def examine(self) -> Sequence[Finding]:
        return [Finding(FORGES, "no", FORGES, FORGES)]

    def listen(self, tell: Callable[[str], None]) -> None:
        tell(FORGES)

    def check(self) -> None: ...

    async def start(self) -> None: ...

    async def heal(self) -> None:
        raise RuntimeError(FORGES)

    async def stop(self) -> None: ...


class Lost(Forging):
    """It does not start."""

    async def start(self) -> None:
        raise SubjectError(FORGES)


class Refusing(Forging):
    """It says at once what is missing."""

    def check(self) -> None:
        raise SubjectError(FORGES)


class Broken(Forging):
    """It cannot even be made."""

    def __init__(self) -> None:
        raise RuntimeError(FORGES)
