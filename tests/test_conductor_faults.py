"""Faults in a real conductor: what drivers and decks are handed, and targets that come back without a heal of ours."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from demo.types import Chapter, Stage
from tests.test_conductor import SOON, THREE, Switch, System, playing, reached

pytestmark = pytest.mark.anyio


class Dated(System):
    """Dates its samples as it is told to."""

    def __init__(self, date: Any) -> None:
        super().__init__()
        self.date = date
        self.polls = self.dated

    def dated(self) -> Mapping[str, Any]:
        return {**self.look(), "last_updated": self.date()}


@pytest.mark.parametrize(
    "date",
    [
        lambda: datetime.now(timezone(timedelta(hours=5, minutes=30))),
        lambda: datetime.now(UTC).isoformat(),
        datetime.now,
        lambda: None,
    ],
    ids=["aware", "its text", "naive", "none"],
)
async def test_drivers_and_decks_get_last_updated_as_an_aware_datetime(date: Any) -> None:
    got: list[Any] = []

    class Dating(Switch):
        def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
            got.append(health["last_updated"])
            return health["last_updated"].timestamp() > since and super().is_seen(health, since)

    def dated(health: Mapping[str, Any]) -> bool:
        got.append(health["last_updated"])
        return True

    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            assert await stage.wait_until(dated, SOON)
            got.append((stage.health() or {})["last_updated"])

        return [Chapter("one", "a", on_enter=act), *THREE[1:]]

    system = Dated(date)
    async with playing(deck, Dating(system), system=system) as conductor:
        state = await reached(conductor, lambda state: state.action.status in ("done", "failed"))
        assert state.action.error is None
        assert not [line.text for line in state.log if line.level == "error"]
    now = datetime.now(UTC)
    assert len(got) >= 3
    assert all(isinstance(one, datetime) and one.tzinfo is not None for one in got)
    assert all(abs((now - one).total_seconds()) < SOON for one in got)
