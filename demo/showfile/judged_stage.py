"""The stage that a Python step gets where `expect` judges the hypothesis: it must not conclude as well."""

from typing import Any

from demo.errors import FaultError
from demo.types import Stage


class JudgedStage:
    """A `Stage` whose `conclude` raises `FaultError`: the hypothesis has its verdict by `expect`, and no other."""

    def __init__(self, stage: Stage, expect: str) -> None:
        self._stage = stage
        self._expect = expect

    async def conclude(self, held: bool | None, text: str) -> None:
        """Refuse the verdict, whatever it is."""
        raise FaultError(f"conclude cannot be called here: this hypothesis is judged by expect: {self._expect}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)
