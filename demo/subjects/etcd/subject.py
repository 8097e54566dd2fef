"""etcd as the subject of a show: three members in containers, started with compose, or attached to."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from demo.container_engine import Container, Engine
from demo.errors import UsageError
from demo.findings import Finding, together
from demo.probes.etcd import EtcdProbe
from demo.subjects.cluster.chapter_actions import ClusterActions, KillScenario
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.compose_deployment import ComposeDeployment, ComposeSpec, DeploymentOptions
from demo.subjects.cluster.doctor import Needs, examine_engine
from demo.subjects.cluster.members import Member
from demo.subjects.cluster.poller import ClusterPoller
from demo.subjects.etcd.attached import CLIENT_PORT, members_soon
from demo.subjects.etcd.description import describe_etcd
from demo.subjects.etcd.faults import KILL, faults
from demo.subjects.etcd.health_sample import EtcdHealth
from demo.subjects.etcd.identity import Identities
from demo.subjects.packaged_deck import packaged_deck
from demo.types import Chapter, FaultDriver, Stage

MEMBERS = ("etcd-0", "etcd-1", "etcd-2")
PROJECT = "demo-etcd"
IMAGE = "rancher/mirrored-coreos-etcd:v3.5.12"
FIRST_PORT = 23791
MEMORY = 600_000_000
"""The bytes of memory that three members need."""


LEADS_WITHIN_SEC = 5.0
"""One election takes one to two; both followers may stand at once, and then it takes another."""


class Etcd:
    """`attach`: a compose project that runs already, whatever its services are called.

    `load`: operations per second once the chapters start the load. `base_port`: the first of three ports on loopback.
    """

    name = "etcd"
    title = "The leader is dead"
    description = "etcd, three members"

    def __init__(
        self,
        attach: str | None = None,
        keep: bool = False,
        allow_unlabelled: bool = False,
        load: float = 100.0,
        base_port: int = FIRST_PORT,
        project: str = PROJECT,
        image: str | None = None,
    ) -> None:
        if not 1 <= load <= 5000:
            raise UsageError(f"load must be between 1 and 5000 operations a second, not {load!r}")
        used = image or os.environ.get("DEMO_ETCD_IMAGE") or IMAGE
        environ = {f"DEMO_PORT_{place}": str(base_port + place) for place in range(len(MEMBERS))}
        plans = ComposeSpec(
            attach or project,
            Path(__file__).with_name("compose.yaml"),
            (used,),
            environ | {"DEMO_ETCD_IMAGE": used},
            {name: (base_port + place,) for place, name in enumerate(MEMBERS)},
        )
        self.deployment = ground = ComposeDeployment(
            plans, DeploymentOptions(attach is not None, keep, allow_unlabelled)
        )
        # When attaching, etcd itself is asked for its members: see `_learn`.
        known = [self._member(name) for name in MEMBERS] if attach is None else []
        self.cluster = Cluster(ground, known, "demo.subjects.etcd.kv_store")
        if attach is not None:
            ground.judge = self._find_members
            self.cluster.learn = self._learn
        self._identities = Identities(self._container_id)
        self.health = EtcdHealth(self.cluster)
        self._poller = ClusterPoller(self.health.build)
        self.cluster.on_change = self._poller.check_for_changes
        self.cluster.members.added = lambda member: self._poller.follow(
            [member.watched(self.cluster.check_for_changes)]
        )
        self._poller.follow(self.cluster.pulses, self.cluster.watch)
        self._faults = faults(self.cluster, ground, self.health)
        self._rate = load
        self._actions: ClusterActions | None = None
        ports = () if attach is not None else tuple(range(base_port, base_port + len(MEMBERS)))
        self._needs = Needs(plans.project, () if attach is not None else (used,), ports, MEMORY)

    def _member(self, name: str) -> Member:
        member = Member(
            name, "etcd", CLIENT_PORT, lambda at: EtcdProbe(self.cluster.connections.session, f"http://{at}")
        )
        member.judge = lambda reading: self._identities.judge(name, reading)
        return member

    async def _find_members(self, containers: Sequence[Container]) -> tuple[str, ...]:
        return await members_soon(self.deployment.plans.project, containers)

    async def _learn(self) -> None:
        """Find out the members, once, so that one that is down later is still expected. Raises `SubjectError`."""
        if not tuple(self.cluster.members):
            for name in await self._find_members(await self.deployment.listed()):
                self.cluster.members.add(self._member(name))

    def _container_id(self, name: str) -> str:
        seen = self.cluster.members.seen(name)
        return "" if seen is None else seen.container.id

    @property
    def poller(self) -> ClusterPoller:
        return self._poller

    @property
    def faults(self) -> Sequence[FaultDriver]:
        return self._faults

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        return packaged_deck(Path(__file__).with_name("show.md"), stage, self)

    @property
    def words(self) -> Mapping[str, str]:
        """Words of the deck: the load, and the time for an election."""
        return {"rate": f"{self._rate:g}", "leads_within": f"{LEADS_WITHIN_SEC:g}"}

    def actions(self, stage: Stage) -> ClusterActions:
        """Return the actions of the show's one deck, which remember the newest kill."""
        if self._actions is None:
            scenario = KillScenario(KILL.name, self._rate, LEADS_WITHIN_SEC)
            self._actions = ClusterActions(stage, self.cluster, self._faults[0], scenario)
        return self._actions

    def listen(self, tell: Callable[[str], None]) -> None:
        self.cluster.notify = tell

    def check(self) -> None:
        asyncio.run(self.cluster.check())

    async def examine(self) -> Sequence[Finding]:
        """Run the checks of `demo doctor`."""
        found = await examine_engine(Engine(), self._needs)
        if not self.deployment.terms.attach:
            return found
        return (*found, *await together({f"project {self.deployment.plans.project}": self.deployment.examine()}))

    async def describe_system(self) -> Sequence[tuple[str, str]]:
        return await describe_etcd(self.cluster, self._rate)

    async def start(self) -> None:
        await self.cluster.start()

    @property
    def heal_sec(self) -> float:
        return self.cluster.heal_sec

    async def heal(self) -> None:
        await self.cluster.heal()

    async def stop(self) -> None:
        await self.cluster.stop()
