"""The faults of this cluster: three on the leader, one on any member."""

import math

from demo.container_engine.selector import Selector
from demo.faults.container import ContainerFault, Elected, TargetSelection
from demo.faults.target_selection import AnyMember
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.compose_deployment import ComposeDeployment
from demo.subjects.etcd.health_sample import EtcdHealth
from demo.types import ChaosConfig, ChaosType

KILL = ChaosConfig("kill-leader", ChaosType.CONTAINER_KILL, "Kill the leader", math.inf)
FREEZE = ChaosConfig("freeze-leader", ChaosType.CONTAINER_PAUSE, "Freeze the leader", 10.0)
CUT = ChaosConfig("cut-off-leader", ChaosType.NETWORK_DISCONNECT, "Cut the leader off the network", 10.0)
STOP = ChaosConfig("stop-member", ChaosType.CONTAINER_STOP, "Stop any one member", 10.0)


def faults(cluster: Cluster, ground: ComposeDeployment, wall: EtcdHealth) -> tuple[ContainerFault, ...]:
    project = ground.plans.project

    async def leader() -> Selector | None:
        name = wall.leader.name
        return None if name is None else Selector(project=project, service=name)

    def members() -> list[Selector]:
        return [Selector(project=project, service=member.id) for member in cluster.members]

    led, any_one = Elected("the leader", leader, members), AnyMember(members)

    def fault(config: ChaosConfig, victim: TargetSelection) -> ContainerFault:
        return ContainerFault(
            config,
            victim,
            ground.engine,
            cluster.is_up,
            project=project,
            allow_unlabelled=ground.terms.allow_unlabelled,
        )

    return (fault(KILL, led), fault(FREEZE, led), fault(CUT, led), fault(STOP, any_one))
