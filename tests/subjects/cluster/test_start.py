"""The start of a cluster, and what may be done while it waits."""

import asyncio
from typing import Any, cast

import pytest

from demo.subjects.cluster.cluster import Cluster

pytestmark = pytest.mark.anyio


class Ground:
    """A deployment of one member, which is dead until it is restored."""

    watch = None

    def __init__(self) -> None:
        self.restored = 0

    def connect(self, *_what: Any) -> None: ...

    async def bring_up(self) -> None: ...

    async def update_addresses(self) -> None: ...

    async def restore(self) -> None:
        self.restored += 1


async def test_what_dies_during_the_start_can_be_healed(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = Ground()
    cluster = Cluster(cast("Any", ground), [], "client")

    async def ensure_running() -> None: ...

    async def list_down() -> list[str]:
        return [] if ground.restored else ["store-1"]

    monkeypatch.setattr(cluster._process, "ensure_running", ensure_running)
    monkeypatch.setattr(cluster, "_list_down", list_down)
    starting = asyncio.ensure_future(cluster.start())
    await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        await cluster.heal()
        await starting
    assert ground.restored == 1
    await cluster.connections.close()
