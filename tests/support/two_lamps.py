"""A subject of two lamps: one fault that always hits the left one, and one that can be told which to hit."""

LAMPS = '''
"""Two lamps that are files: they are dark while these exist."""

import math
from pathlib import Path

from demo.subjects.none import NoSystem
from demo.types import ChaosConfig, ChaosType, Plan

HERE = Path.cwd()

class Dark:
    observable = "it is dark"
    target = "left"

    def __init__(self, name, duration):
        self.config = ChaosConfig(name, ChaosType.CONTAINER_STOP, "Stop the left lamp", duration)

    async def plan(self):
        return Plan("dark", "left", {"file": str(HERE / "left")}, late_sec=0)

    async def inject(self, plan):
        Path(plan.undo["file"]).write_text(str(plan.duration_sec))

    async def heal(self, plan):
        Path(plan.undo["file"]).unlink(missing_ok=True)

    async def is_healed(self, plan):
        return not Path(plan.undo["file"]).exists()

    def is_seen(self, health, since):
        return False

class Chosen(Dark):
    def targets(self):
        return ["left", "right"]

    async def plan_for(self, target):
        return Plan("dark", target, {"file": str(HERE / target)}, late_sec=0)

class Lamps(NoSystem):
    faults = (Dark("dark", 60.0), Chosen("chosen", math.inf))
'''
