"""A talk in Arabic with a system, two faults, a verdict and an error: every text of the deck's on every page.

For `demo serve tests.support.right_to_left_subject:Rightward`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from demo.types import ChaosConfig, ChaosType, Chapter, Plan, Stage

WORD = "عقدة"
"""In every text of this show, and in none of ours."""


class Fault:
    def __init__(self, lamp: "Rightward", name: str) -> None:
        self.config = ChaosConfig(name, ChaosType.CONTAINER_KILL, f"{WORD} node-1 ...", duration_sec=60)
        self.target = self.observable = f"{WORD} node-1 (a)"
        self._lamp = lamp

    async def plan(self) -> Plan:
        return Plan("lamp", self.target, {}, late_sec=0)

    async def inject(self, plan: Plan) -> None:
        self._lamp.on = False

    async def heal(self, plan: Plan) -> None:
        self._lamp.on = True

    async def is_healed(self, plan: Plan) -> bool:
        return self._lamp.on

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return not self._lamp.on


class Poller:
    def __init__(self, lamp: "Rightward") -> None:
        self._lamp, self._ended = lamp, asyncio.Event()

    async def run(self) -> None:
        await self._ended.wait()

    def get_health(self) -> dict[str, Any]:
        health = "up" if self._lamp.on else "down"
        node = {"id": "a", "name": f"{WORD} a (1)", "type": WORD, "health": health, "detail": f"{WORD} b (2)"}
        metric = {"name": "m", "label": f"{WORD} c", "value": 7.0, "unit": f"{WORD} d"}
        return {"nodes": [node], "metrics": [metric], "last_updated": datetime.now(UTC), "interval_sec": 0.3}

    def stop(self) -> None:
        self._ended.set()


class Rightward:
    name = "rightward"
    title = f"{WORD} Redis (title)"
    description = f"{WORD} Redis (description)"

    def __init__(self) -> None:
        self.on = True
        self.poller = Poller(self)
        self.faults = [Fault(self, f"{WORD} kill"), Fault(self, f"{WORD} pause")]

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        async def tell() -> None:
            await stage.say(f"{WORD} said (1).")
            await stage.conclude(True, f"{WORD} verdict (1).")

        async def fail() -> None:
            raise RuntimeError(f"{WORD} error (1)")

        text = (
            f"{WORD} p (1).\n\n- {WORD} li (1)\n\n## {WORD} h (1)\n\n> {WORD} q\n\n|{WORD} th|b|\n|-|-|\n|{WORD} td|2|"
        )
        guess = f"{WORD} guess (1)."
        return [
            Chapter(f"{WORD} one (1)?", text, notes=text, hypothesis=guess, on_enter=tell),
            Chapter(f"{WORD} two (2)?", f"[bold]{WORD}[/bold] (2)", notes=f"[bold]{WORD}[/bold] (2)", on_enter=fail),
            Chapter(f"{WORD} three (3)?", text, shows_evidence=True),
        ]

    def check(self) -> None: ...

    async def start(self) -> None: ...

    async def heal(self) -> None: ...

    async def stop(self) -> None: ...
