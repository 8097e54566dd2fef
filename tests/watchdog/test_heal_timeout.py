"""How long a heal may take: the usual time, or what its driver tells."""

import time

import pytest

from demo.types import Plan
from demo.watchdog import undo as undoing

pytestmark = pytest.mark.anyio


class NeverHealed:
    """Only what an undo calls."""

    async def heal(self, plan: Plan) -> None:
        pass

    async def is_healed(self, plan: Plan) -> bool:
        return False

    def heal_timeout(self, plan: Plan) -> float:
        return float(plan.undo["heal_timeout"])


async def test_a_driver_tells_when_its_fault_counts_as_not_healed() -> None:
    began = time.monotonic()
    why = await undoing.undo(NeverHealed(), Plan("x", "the lamp", {"heal_timeout": 0.3}))  # type: ignore[arg-type]
    assert why == "the lamp was not healed within 0.3 s"
    assert time.monotonic() - began < undoing.HEAL_TIMEOUT_SEC
