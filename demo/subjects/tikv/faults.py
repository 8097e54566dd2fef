"""The faults of this cluster: three on the leading store, one on PD's leader; they need containers or a playground."""

import math
from collections.abc import Callable

from demo.container_engine import Engine
from demo.container_engine.selector import Selector
from demo.errors import FaultError
from demo.faults.container import ContainerFault, Elected
from demo.faults.process_signal import ProcessOwner, SignalFault
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.compose_deployment import ComposeDeployment
from demo.subjects.tikv.health_sample import TikvHealth
from demo.types import ChaosConfig, ChaosType

KILL = ChaosConfig("kill-store", ChaosType.CONTAINER_KILL, "Kill the leading store", math.inf)
FREEZE = ChaosConfig("freeze-store", ChaosType.CONTAINER_PAUSE, "Freeze the leading store", 15.0)
CUT = ChaosConfig("cut-off-store", ChaosType.NETWORK_DISCONNECT, "Cut the leading store off the network", 15.0)
KILL_PD = ChaosConfig("kill-pd-leader", ChaosType.CONTAINER_KILL, "Kill PD's leader", 15.0)

LEADING, PD_LEADING = "the leading store", "the leader of PD"

NO_CONTAINERS = (
    "only the addresses of this cluster are known, so no fault can be injected: "
    "name the compose project of its containers (--attach PROJECT)"
)


def faults(cluster: Cluster, ground: ComposeDeployment | None, wall: TikvHealth) -> tuple[ContainerFault, ...]:
    """Return the faults on containers; without a `ground` they refuse, with the reason."""
    project = ground.plans.project if ground is not None else ""

    def select(ident: str) -> Selector | None:
        watched = cluster.members.seen(ident)
        if watched is None:
            return None
        container = watched.container
        return Selector(project, service=container.service, name="" if container.service else container.name)

    def elected(role: str, name: Callable[[], str | None], kind: str) -> Elected:
        async def ask() -> Selector | None:
            ident = name()
            if ground is None:
                raise FaultError(NO_CONTAINERS)
            if ident is None:
                return None
            if (selector := select(ident)) is None:
                raise FaultError(f"{ident} is not in a container of {project}, so nothing was changed")
            return selector

        def others() -> list[Selector]:
            found = [select(member.id) for member in cluster.members if member.kind == kind]
            return [selector for selector in found if selector is not None]

        return Elected(role, ask, others)

    def fault(config: ChaosConfig, victim: Elected) -> ContainerFault:
        return ContainerFault(
            config,
            victim,
            ground.engine if ground is not None else Engine(),
            cluster.is_up,
            project=project,
            allow_unlabelled=ground is not None and ground.terms.allow_unlabelled,
        )

    leading = elected(LEADING, lambda: wall.lead.name, "tikv")
    pd_leader = elected(PD_LEADING, lambda: wall.pd_leader, "pd")
    return (fault(KILL, leading), fault(FREEZE, leading), fault(CUT, leading), fault(KILL_PD, pd_leader))


def signal_faults(keeper: ProcessOwner, wall: TikvHealth, cluster: Cluster) -> tuple[SignalFault, ...]:
    """Return the faults on a playground's processes; none disconnects a store, as there is no network of its own."""

    def leading() -> str | None:
        return wall.lead.name

    def all_of(kind: str) -> Callable[[], list[str]]:
        return lambda: [member.id for member in cluster.members if member.kind == kind]

    return (
        SignalFault(KILL, LEADING, leading, keeper, all_of("tikv")),
        SignalFault(FREEZE, LEADING, leading, keeper, all_of("tikv")),
        SignalFault(KILL_PD, PD_LEADING, lambda: wall.pd_leader, keeper, all_of("pd")),
    )
