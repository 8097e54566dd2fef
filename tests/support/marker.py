"""A subject whose fault outlives its server: a marker file that only the heal removes."""

from pathlib import Path

MARKER = '''
"""A system of one file: broken while the file `broken` is there."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from demo.types import ChaosConfig, ChaosType, Chapter, Plan

PLACE = Path(os.environ.get("MARKER", "."))


class Break:
    config = ChaosConfig("break", ChaosType.CONTAINER_KILL, "Break it", float("inf"))
    target = "the file"
    observable = "the file is there"

    async def plan(self):
        return Plan("marker", "the file", {"path": str(PLACE / "broken")})

    async def inject(self, plan):
        Path(plan.undo["path"]).write_text("broken")

    async def heal(self, plan):
        with (PLACE / "heals").open("a") as log:
            log.write("heal\\n")
        Path(plan.undo["path"]).unlink(missing_ok=True)

    async def is_healed(self, plan):
        return not Path(plan.undo["path"]).exists()

    def is_seen(self, health, since):
        return any(node["health"] == "down" for node in health["nodes"])


class Watch:
    def __init__(self):
        self.newest, self.ended = None, asyncio.Event()

    async def run(self):
        while not self.ended.is_set():
            if (PLACE / "poller-dies").exists():
                raise RuntimeError("the poller fell over")
            health = "down" if (PLACE / "broken").exists() else "up"
            node = {"id": "file", "name": "file", "health": health}
            self.newest = {"nodes": [node], "last_updated": datetime.now(UTC), "interval_sec": 0.2}
            await asyncio.sleep(0.1)

    def get_health(self):
        return self.newest

    def stop(self):
        self.ended.set()


class Marker:
    name = "marker"
    title = "A file"
    description = "one file"

    def __init__(self):
        self.poller, self.faults = Watch(), [Break()]

    def chapters(self, stage):
        async def act():
            await stage.say("acted")

        deck = [Chapter(f"Chapter {number}", f"Number {number}.") for number in range(1, 11)]
        deck[2] = Chapter("Chapter 3", "It acts.", on_enter=act)
        deck[5] = Chapter("Chapter 6", "It acts.", on_enter=act)
        return deck

    def check(self): ...

    async def start(self): ...

    async def heal(self): ...

    async def stop(self): ...
'''

SUBJECT = "marker:Marker"


def marker(place: Path) -> dict[str, str]:
    """Write the module to `place`; the environment in which `demo serve marker:Marker` finds it."""
    place.mkdir(exist_ok=True)
    (place / "marker.py").write_text(MARKER)
    return {"PYTHONPATH": f"{place}:{Path(__file__).parents[2]}", "MARKER": str(place)}
