"""A probe of one etcd member through its JSON gateway: which leader it follows, and how far it has applied the log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from demo.probes.http import HttpProbe
from demo.probes.numbers import mapping
from demo.probes.result import Reading

TIMEOUT_SEC = 0.3
STATUS = "v3/maintenance/status"
NOBODY = "0"


@dataclass(frozen=True)
class EtcdProbe:
    """Asks the member at `url` for its own status, which it returns even while there is no leader.

    etcd's JSON writes ids as decimal text, and they stay text here: they exceed what a double can hold exactly.
    """

    session: Callable[[], aiohttp.ClientSession]
    url: str
    timeout_sec: float = TIMEOUT_SEC

    async def read(self) -> Reading:
        probe = HttpProbe(self.session, f"{self.url}/{STATUS}", timeout_sec=self.timeout_sec, posts={})
        reading = await probe.read()
        if not reading.ok:
            return reading
        status = status_of(reading.data)
        if None in (status["member"], status["cluster"]):
            return Reading(trouble="answered, but not with etcd's status")
        return Reading(status, took_ms=reading.took_ms)


def status_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return `cluster`, `member` and `leader` (ids as text, leader "" if there is none), `term`, `applied`, `db_bytes`.

    What is missing or makes no sense is None.
    """
    header = mapping(said.get("header"))
    member, cluster = header.get("member_id"), header.get("cluster_id")
    leader = said.get("leader", NOBODY)
    return {
        "cluster": cluster if isinstance(cluster, str) else None,
        "member": member if isinstance(member, str) else None,
        "leader": leader if isinstance(leader, str) and leader != NOBODY else "",
        "term": _parse_int(said.get("raftTerm")),
        "applied": _parse_int(said.get("raftAppliedIndex", said.get("raftIndex"))),
        "db_bytes": _parse_int(said.get("dbSize")),
    }


def _parse_int(value: object) -> int | None:
    """Return the number, which etcd's JSON writes as text where it has 64 bits; None for anything else."""
    try:
        return int(value) if isinstance(value, str | int) else None
    except ValueError:
        return None
