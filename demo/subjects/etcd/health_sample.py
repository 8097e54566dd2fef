"""Builds an etcd cluster's health sample from the newest readings. Only reads; waits for nothing."""

from collections.abc import Mapping
from typing import Any

from demo.subjects.cluster.cards import answer, card, client_cards, curves, engine_cards, health_of
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.leadership import Leader, LeaderReport, Leadership
from demo.subjects.cluster.members import Member

MEGA = 1_000_000


class EtcdHealth:
    """Remembers which member each etcd id belongs to, and who led."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._leadership = Leadership()
        self._names: dict[str, str] = {}
        self._applied: dict[str, tuple[float, int, float | None]] = {}

    @property
    def leader(self) -> Leader:
        return self._leadership.now

    def build(self, now: float) -> dict[str, Any]:
        """Build the health dict without its time stamps, with `leader` and `client` in addition to the agreed keys."""
        cluster = self._cluster
        statuses = {member.id: self._status(member, now) for member in cluster.members}
        leader = self._leadership.update(self._votes(statuses), cluster.members.dead(), now)
        nodes = [self._member_card(member, statuses[member.id], leader, now) for member in cluster.members]
        client = answer(cluster.client_pulse, 0.0, now)
        return {
            "nodes": [*nodes, *client_cards(cluster.client_pulse, now), *engine_cards(cluster.members)],
            "metrics": curves(cluster.client_pulse, now),
            "counters": [],
            "leader": {"id": leader.name, "term": leader.term, "since": leader.since, "previous": leader.previous},
            "engine": cluster.watch.trouble if cluster.watch is not None else "",
            "client": {name: client.data.get(name) for name in ("rate", "confirmed", "missing")},
            "victims": dict.fromkeys(LED, f"the leader, {leader.name}" if leader.name else "the leader: none now"),
        }

    def _status(self, member: Member, now: float) -> Mapping[str, Any]:
        """Return what a member reports of itself; empty unless it is known to be up."""
        health, _ = self._health(member, now)
        data = member.pulse.reading.data if health == "up" else {}
        if data.get("member"):
            self._names[data["member"]] = member.id
        return data

    def _votes(self, statuses: Mapping[str, Mapping[str, Any]]) -> list[LeaderReport]:
        return [
            LeaderReport(name, self._names.get(status["leader"], ""), status["term"])
            for name, status in statuses.items()
            if status.get("term") is not None
        ]

    def _health(self, member: Member, now: float) -> tuple[str, str]:
        watch = self._cluster.watch
        is_listed = watch is not None and watch.is_listed
        return health_of(self._cluster.members.seen(member.id), member.pulse, now, expects_container=is_listed)

    def _member_card(self, member: Member, status: Mapping[str, Any], leader: Leader, now: float) -> dict[str, Any]:
        health, reason = self._health(member, now)
        role = "leads" if leader.name == member.id else "follows" if status.get("leader") else "no leader"
        if health == "up" and role == "no leader":
            health = "degraded"
        summary = f"{role} · term {status['term']}" if status.get("term") is not None else role
        numbers = {"commits/s": self._commits_per_sec(member, status), "term": status.get("term")}
        size = status.get("db_bytes")
        numbers["db MB"] = None if size is None else size / MEGA
        return card(member.id, member.kind, health, reason or summary, numbers, address=member.address)

    def _commits_per_sec(self, member: Member, status: Mapping[str, Any]) -> float | None:
        """Return how fast a member's log grows, from two of its answers; None when the log was reset."""
        applied, at = status.get("applied"), member.pulse.at
        if applied is None:
            self._applied.pop(member.id, None)
            return None
        before = self._applied.get(member.id)
        if before is None:
            self._applied[member.id] = (at, applied, None)
            return None
        # Measured over a second at least: the member is asked more often, and over less time the rate would jump.
        if at - before[0] < 1.0:
            return before[2]
        rate = (applied - before[1]) / (at - before[0])
        self._applied[member.id] = (at, applied, rate if rate >= 0 else None)
        return self._applied[member.id][2]


LED = ("kill-leader", "freeze-leader", "cut-off-leader")
"""The faults whose target is the leader."""
