"""A system of any size, for measuring and for looking at: nodes in six groups that go down when they are told to.

`demo serve bench.fleet:Fleet -o nodes=600`. Nothing runs behind it: its faults change what its poller reports.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from demo.types import ChaosConfig, ChaosType, Chapter, FaultDriver, HealthPollerProtocol, Plan, Stage

GROUPS = ("gateway", "orders", "payments", "search", "storage", "queue")


class Down:
    """Some nodes are reported as down until healed."""

    def __init__(self, fleet: "Fleet", name: str, text: str, nodes: Iterable[str]) -> None:
        self._fleet = fleet
        self.config = ChaosConfig(name, ChaosType.CONTAINER_KILL, text, duration_sec=math.inf)
        self.nodes = tuple(nodes)
        self.target = f"{len(self.nodes)} nodes"
        self.observable = "a node down"

    async def plan(self) -> Plan:
        return Plan("fleet", self.target, {"nodes": list(self.nodes)})

    async def inject(self, plan: Plan) -> None:
        self._fleet.down |= set(plan.undo["nodes"])

    async def heal(self, plan: Plan) -> None:
        self._fleet.down -= set(plan.undo["nodes"])

    async def is_healed(self, plan: Plan) -> bool:
        return self._fleet.down.isdisjoint(plan.undo["nodes"])

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return any(node["health"] == "down" and node["id"] in self.nodes for node in health["nodes"])


class Watch:
    """The poller: a new picture of all nodes in each interval."""

    def __init__(self, fleet: "Fleet", interval: float) -> None:
        self._fleet = fleet
        self._interval = interval
        self._newest: dict[str, Any] | None = None
        self._ended = asyncio.Event()
        self._round = 0

    async def run(self) -> None:
        while not self._ended.is_set():
            self._round += 1
            self._newest = self._fleet.health(self._round, self._interval)
            await asyncio.sleep(self._interval)

    def get_health(self) -> dict[str, Any] | None:
        return self._newest

    def stop(self) -> None:
        self._ended.set()


class Fleet:
    name = "fleet"
    title = "Many nodes, one wall"

    def __init__(self, nodes: int = 600, interval: float = 1.0, groups: int = len(GROUPS)) -> None:
        self.description = f"{nodes} nodes, {groups} services"
        self._count, self._groups = nodes, groups
        self.down: set[str] = set()
        self.poller: HealthPollerProtocol = Watch(self, interval)
        idents = [ident for ident, _ in self._members()]
        whole = [ident for ident, group in self._members() if group == self._members()[0][1]]
        self.faults: Sequence[FaultDriver] = (
            Down(self, "three", "Kill three nodes", idents[1 :: max(1, nodes // 3)][:3]),
            Down(self, "group", "Kill a whole group", whole),
        )

    def _members(self) -> list[tuple[str, str]]:
        """Each node and its group."""
        names = [GROUPS[place] if place < len(GROUPS) else f"shard-{place}" for place in range(self._groups)]
        return [
            (f"{names[n % self._groups]}-{n // self._groups + 1}", names[n % self._groups]) for n in range(self._count)
        ]

    def health(self, turn: int, interval: float) -> dict[str, Any]:
        """As `HealthPollerProtocol` says it."""
        nodes = [self._node(place, ident, group, turn) for place, (ident, group) in enumerate(self._members())]
        served = sum(node["metrics"]["req/s"] for node in nodes)
        metrics = [{"name": "served", "label": "requests served", "value": served, "unit": "req/s", "role": "load"}]
        return {"nodes": nodes, "metrics": metrics, "last_updated": datetime.now(UTC), "interval_sec": interval}

    def _node(self, place: int, ident: str, group: str, turn: int) -> dict[str, Any]:
        down = ident in self.down
        return {
            "id": ident,
            "name": ident,
            "type": "service",
            "group": group,
            "health": "down" if down else "up",
            "address": f"node-{place}:7000",
            "detail": "no answer" if down else "answers",
            "metrics": {"req/s": 0 if down else 100 + (place * 7 + turn * 13) % 50, "p99 ms": 4.2},
            "links": [],
        }

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        return (
            Chapter(
                "Six services, many nodes", "Each square is a node.\n\nWatch where it turns red.", notes="- Kill three."
            ),
            Chapter(
                "A whole service",
                "One service is gone.\n\nThe others go on.",
                hypothesis="A dead service costs only its own calls.",
            ),
        )

    def check(self) -> None:
        """There is nothing to miss."""

    async def start(self) -> None:
        """There is nothing to start."""

    async def heal(self) -> None:
        """There is nothing to bring back."""

    async def stop(self) -> None:
        """There is nothing to stop."""
