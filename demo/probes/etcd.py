"""A probe of one etcd member through its JSON gateway: whom it follows, and how far it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from demo.probes.http import HttpProbe
from demo.probes.numbers import mapping
from demo.probes.result import Reading

TIMEOUT_SEC = 0.3
NOBODY = "0"


@dataclass(frozen=True)
class EtcdProbe:
    """Asks for the status of the member at `url`, which it tells of itself even while there is no leader.

    Ids travel as decimal text in etcd's JSON, and stay text: they exceed what a double holds.
    """

    session: Callable[[], aiohttp.ClientSession]
    url: str
    deadline_sec: float = TIMEOUT_SEC

    async def look(self) -> Reading:
        probe = HttpProbe(self.session, f"{self.url}/v3/maintenance/status", deadline_sec=self.deadline_sec, posts={})
        reading = await probe.look()
        if not reading.ok:
            return reading
        status = status_of(reading.data)
        if None in (status["member"], status["cluster"]):
            return Reading(trouble="answered with something else than etcd's status")
        return Reading(status, took_ms=reading.took_ms)


def status_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """`cluster`, `member` and `leader` (ids as text, leader "" while there is none), `term`, `applied` and `db_bytes`.

    What is missing or makes no sense is None.
    """
    header = mapping(said.get("header"))
    member, cluster = header.get("member_id"), header.get("cluster_id")
    leader = said.get("leader", NOBODY)
    return {
        "cluster": cluster if isinstance(cluster, str) else None,
        "member": member if isinstance(member, str) else None,
        "leader": leader if isinstance(leader, str) and leader != NOBODY else "",
        "term": _number(said.get("raftTerm")),
        "applied": _number(said.get("raftAppliedIndex", said.get("raftIndex"))),
        "db_bytes": _number(said.get("dbSize")),
    }


def _number(value: object) -> int | None:
    """etcd's JSON writes 64-bit numbers as text."""
    try:
        return int(value) if isinstance(value, str | int) else None
    except ValueError:
        return None
