"""A show file whose server kills itself (-9) at one chosen step of a fault's life: see `self_killing_subject.py`."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from demo.showfile.subject import ShowFile
from demo.types import FaultDriver, Plan
from tests.support.self_killing_subject import HALF_WAY_SEC, Crashing, die


class CrashesWhileInjecting(Crashing):
    """A driver that also dies while it injects, whatever it does then; its fault lasts `CRASH_DURATION` seconds."""

    def __init__(self, driver: FaultDriver) -> None:
        super().__init__(driver)
        duration = float(os.environ.get("CRASH_DURATION", "60"))
        self.config = replace(driver.config, duration_sec=duration)

    async def inject(self, plan: Plan) -> None:
        injecting = asyncio.ensure_future(self._driver.inject(plan))
        await asyncio.wait({injecting}, timeout=HALF_WAY_SEC)
        die(self._name, "half-applied")
        await injecting
        die(self._name, "applied")


class CrashingShow(ShowFile):
    """A show file with drivers that crash."""

    def __init__(
        self,
        path: str = "",
        allow_run: bool = True,
        allow_unlabelled: bool = False,
        source: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(path, allow_run, allow_unlabelled, source=source)
        self._crashing = tuple(CrashesWhileInjecting(driver) for driver in super().faults)

    @property
    def faults(self) -> Sequence[Any]:
        return self._crashing
