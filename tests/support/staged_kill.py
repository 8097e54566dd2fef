"""A deck with every state of the stage, over a system that only its poller tells of: five nodes, one of them killed.

`demo serve tests.support.staged_kill:StagedKill`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bench.fleet import Watch
from demo.types import ChaosConfig, ChaosType, Chapter, HealthPollerProtocol, Plan, Stage

INTERVAL_SEC = 0.2
COUNTDOWN_SEC = 4.0
DOWN_SEC = 60.0
"""Long: a test heals when it has seen enough."""

NODES = ("node-1", "node-2", "node-3")


class Kill:
    """One node is reported as down until healed."""

    def __init__(self, system: "StagedKill", name: str, node: str) -> None:
        self._system, self.target, self.observable = system, node, "a node down"
        self.config = ChaosConfig(name, ChaosType.CONTAINER_KILL, f"Kill {node}", DOWN_SEC)

    async def plan(self) -> Plan:
        return Plan("staged", self.target, {"node": self.target})

    async def inject(self, plan: Plan) -> None:
        self._system.down.add(plan.undo["node"])

    async def heal(self, plan: Plan) -> None:
        self._system.down.discard(plan.undo["node"])

    async def is_healed(self, plan: Plan) -> bool:
        return plan.undo["node"] not in self._system.down

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return any(node["health"] == "down" and node["id"] == self.target for node in health["nodes"])


class StagedKill:
    name = "staged-kill"
    title = "Who takes over?"
    description = "three nodes, one store"

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.poller: HealthPollerProtocol = Watch(self, INTERVAL_SEC)  # type: ignore[arg-type] # it only asks `health`
        self.faults = [Kill(self, f"kill-{node}", node) for node in reversed(NODES)]

    def check(self) -> None: ...
    async def start(self) -> None: ...
    async def heal(self) -> None:
        self.down.clear()

    async def stop(self) -> None: ...

    def health(self, turn: int, interval: float) -> dict[str, Any]:
        """As `HealthPollerProtocol` says it."""
        left = len(NODES) - len(self.down)
        rate = {node: 0 if node in self.down else round(66 / max(1, left)) + turn % 3 for node in NODES}
        nodes = [self._node("clients", "load", 66, list(NODES)) | {"kind": "load"}]
        nodes += [self._node(node, "node", rate[node], ["store"]) for node in NODES]
        nodes += [self._node("store", "store", 66, [])]
        metrics = [
            {"name": "requests", "label": "requests", "value": 66 + turn % 40, "unit": "/s", "role": "load"},
            {"name": "errors", "label": "errors", "value": 0, "unit": "%", "role": "errors"},
        ]
        return {"nodes": nodes, "metrics": metrics, "last_updated": datetime.now(UTC), "interval_sec": interval}

    def _node(self, name: str, kind: str, rate: float, links: Sequence[str]) -> dict[str, Any]:
        health = "down" if name in self.down else "up"
        return {"id": name, "name": name, "type": kind, "health": health, "metrics": {"req/s": rate}, "links": links}

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        async def kill() -> None:
            await stage.countdown(COUNTDOWN_SEC)
            await stage.inject("kill-node-2")
            await stage.wait_recovered("kill-node-2", 2 * DOWN_SEC)
            found = stage.measured("kill-node-2").recovered_after_sec
            await stage.conclude(True, f"0 of 580 requests failed. All running {found or 0:.1f} s after the repair.")

        async def refute() -> None:
            await stage.conclude(False, "125 of 100 admitted, so 25 too many. In one step never more than 100.")

        async def miss() -> None:
            await stage.conclude(None, "Not measurable: the client process was down as well.")

        return (
            Chapter("Who takes over?", "A shop of **three** nodes. Today one of them dies."),
            Chapter("Three nodes", "Each request goes to **one** of three nodes.\n\nThey share one store."),
            Chapter(
                "What if one dies?",
                "No goodbye, no clean-up.",
                hypothesis="One node of three dies: no request fails, and five seconds later all are running.",
            ),
            Chapter(
                "Kill a node",
                "At zero `node-2` is killed, and stays dead for a while.\n\nWatch who takes over.",
                on_enter=kill,
                blocks_advance=True,
                highlight=("node-2", "errors"),
                injects=("kill-node-2",),
            ),
            Chapter("A limit", "Count to a hundred.", hypothesis="Read, then write stays within 100.", on_enter=refute),
            Chapter("A freeze", "The store stops.", hypothesis="Nobody notices when the store stops.", on_enter=miss),
            Chapter("What we measured", "", shows_evidence=True),
            Chapter("Count where it matters", "Read and write **in one step**.\n\nDecide before the outage."),
        )
