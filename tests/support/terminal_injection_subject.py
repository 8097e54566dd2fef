"""A subject and a driver whose every word would steer a terminal or forge a line of ours. For `demo serve`."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from demo.errors import SubjectError
from demo.findings import Finding
from demo.types import ChaosConfig, ChaosType, Chapter, Plan, Stage

CONTROL_SEQUENCES = "\x1b]0;PWNED\x07\x1b[2J\x1b[31mANSI\x1b[0m\x9b5n\x07\u202egnp.exe\u202c\u2066iso\u2069\x1bPq\x1b\\"
FORGED_LINES = f"{CONTROL_SEQUENCES}\nFORGED  line\r\nFORGED  line\u2028FORGED  line"
OFF = ChaosConfig("off", ChaosType.CONTAINER_KILL, FORGED_LINES, duration_sec=60)


class InjectingFault:
    config = OFF
    target = observable = FORGED_LINES

    async def plan(self) -> Plan:
        return Plan(FORGED_LINES, FORGED_LINES, {}, manual=FORGED_LINES, late_sec=0)

    async def inject(self, plan: Plan) -> None: ...

    async def heal(self, plan: Plan) -> None:
        print(CONTROL_SEQUENCES, file=sys.stderr)
        raise RuntimeError(FORGED_LINES)

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
        node = {
            "id": FORGED_LINES,
            "name": FORGED_LINES,
            "type": FORGED_LINES,
            "health": "down",
            "address": FORGED_LINES,
            "detail": FORGED_LINES,
        }
        return {"nodes": [node], "last_updated": datetime.now(UTC), "interval_sec": 0.3}

    def stop(self) -> None:
        self._ended.set()


class InjectingSubject:
    """Starts, describes itself, and cannot heal."""

    name = f"forging{FORGED_LINES}"
    title = description = FORGED_LINES

    def __init__(self) -> None:
        self.poller = Poller()
        self.faults = [InjectingFault()]

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        async def fail() -> None:
            print(CONTROL_SEQUENCES, file=sys.stderr)
            await stage.say(FORGED_LINES[:280])
            raise RuntimeError(FORGED_LINES)

        return [
            Chapter(
                FORGED_LINES,
                FORGED_LINES,
                key_hint=FORGED_LINES,
                notes=FORGED_LINES,
                hypothesis=FORGED_LINES,
                on_enter=fail,
            )
        ] * 2

    async def examine(self) -> Sequence[Finding]:
        return [Finding(FORGED_LINES, "no", FORGED_LINES, FORGED_LINES)]

    def listen(self, tell: Callable[[str], None]) -> None:
        tell(FORGED_LINES)

    def check(self) -> None: ...

    async def start(self) -> None: ...

    async def heal(self) -> None:
        raise RuntimeError(FORGED_LINES)

    async def stop(self) -> None: ...


class NotStartingSubject(InjectingSubject):
    """It does not start."""

    async def start(self) -> None:
        raise SubjectError(FORGED_LINES)


class RefusingSubject(InjectingSubject):
    """It says at once what is missing."""

    def check(self) -> None:
        raise SubjectError(FORGED_LINES)


class NotConstructibleSubject(InjectingSubject):
    """It cannot even be made."""

    def __init__(self) -> None:
        raise RuntimeError(FORGED_LINES)
