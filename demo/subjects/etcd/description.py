"""What an etcd cluster runs on: the version that each member tells, how many there are, and how they run."""

import asyncio
from collections.abc import Sequence

from demo.probes.etcd import STATUS, TIMEOUT_SEC
from demo.probes.http import HttpProbe
from demo.subjects.cluster.cluster import Cluster, addresses_of
from demo.subjects.cluster.description import describe_deployment, describe_load, join_versions


async def describe_etcd(cluster: Cluster, per_sec: float) -> Sequence[tuple[str, str]]:
    """Return names and values; what does not answer is left out. `per_sec`: the load that the chapters start."""
    session = cluster.connections.session
    probes = [
        HttpProbe(session, f"http://{address}/{STATUS}", timeout_sec=TIMEOUT_SEC, posts={})
        for address in addresses_of(cluster.members)
    ]
    readings = await asyncio.gather(*(probe.read() for probe in probes))
    return (
        ("etcd", join_versions(reading.data.get("version") for reading in readings)),
        ("members", str(len(tuple(cluster.members)))),
        *await describe_deployment(cluster.deployment),
        describe_load(per_sec),
    )
