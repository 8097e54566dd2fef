"""What a TiKV cluster runs on: the versions that PD tells, how many members and stores there are, and how they run."""

from collections.abc import Mapping, Sequence
from typing import Any

from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.description import describe_deployment, describe_load, join_versions
from demo.subjects.tikv.playground.deployment import Playground
from demo.subjects.tikv.playground.tiup import VERSION
from demo.subjects.tikv.topology import Topology


async def describe_tikv(cluster: Cluster, parts: Topology, per_sec: float) -> Sequence[tuple[str, str]]:
    """Return names and values; what PD has not told is left out. Nothing is asked that is not polled anyway."""
    told: list[Mapping[str, Any]] = [pd.member.pulse.reading.data for pd in parts.pds]
    leaders = [data["leader"]["version"] for data in told if "leader" in data]
    stores = [store["version"] for data in told for store in data.get("stores", ())]
    if isinstance(cluster.deployment, Playground):
        deployment: Sequence[tuple[str, str]] = (("runs as", f"tiup playground {VERSION}"),)
    else:
        deployment = await describe_deployment(cluster.deployment)
    return (
        ("PD", join_versions(leaders)),
        ("TiKV", join_versions(stores)),
        ("PD members", str(len(parts.pds))),
        ("stores", str(len(parts.stores))),
        *deployment,
        describe_load(per_sec),
    )
