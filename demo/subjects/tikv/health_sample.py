"""Builds a TiKV cluster's health sample from the newest readings. Only reads; waits for nothing."""

from typing import Any

from demo.probes.http_fetch import UNKNOWN_NAME
from demo.probes.pd import NO_LEADER, NOT_BOOTSTRAPPED
from demo.probes.periodic import Pulse
from demo.subjects.cluster.cards import answer, card, client_cards, curves, engine_cards, health_of
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.members import Member
from demo.subjects.tikv.pd_status import PdStatus, PdStatusTracker, troubles
from demo.subjects.tikv.region_leaders import LeaderTracker, LeadingStore, by_pd, read
from demo.subjects.tikv.topology import PdInfo, TikvStoreInfo, Topology

COPIES = 3
LED = ("kill-store", "freeze-store", "cut-off-store")
"""The faults whose target is the leading store."""

PD_LED = ("kill-pd-leader",)


class TikvHealth:
    """`is_own`: this show starts the cluster, so all of its containers and each region's copies are known."""

    def __init__(self, cluster: Cluster, parts: Topology, served: Pulse | None, *, is_own: bool) -> None:
        self._cluster, self._parts, self._prometheus = cluster, parts, served
        self._is_own = is_own
        self._leader_tracker = LeaderTracker()
        self._pd_status = PdStatusTracker()

    @property
    def lead(self) -> LeadingStore:
        return self._leader_tracker.now

    @property
    def pd_leader(self) -> str | None:
        """Its name on the stage; None while there is none."""
        return next((pd.member.id for pd in self._parts.pds if pd.name == self._pd_status.newest.leader), None)

    def missing(self) -> list[str]:
        """Return what a new cluster is still waiting for, in words."""
        if self._is_own and None in (self._pd_status.newest.regions, self._pd_status.newest.copies):
            return ["PD's count of copies"]
        missing = self._pd_status.newest.copies_missing(COPIES) if self._is_own else 0
        return [f"{missing} copies of regions"] if missing else []

    def build(self, now: float) -> dict[str, Any]:
        """Build the health dict without its time stamps; it has `leader` and more in addition to the agreed keys."""
        cluster, parts = self._cluster, self._parts
        health = {member.id: self._health(member, now) for member in cluster.members}
        living = [pd for pd in parts.pds if health[pd.member.id][0] == "up"]
        reached = [pd.name for pd in parts.pds if parts.is_reached(pd.name)]
        pd_status = self._pd_status.update(living, reached, parts, now)
        client = answer(cluster.client_pulse, 0.0, now)
        regions = read(client.data.get("store") or {}, pd_status.names) if client.ok else by_pd(pd_status.leaders, now)
        lead = self._leader_tracker.update(regions, cluster.members.dead(), now)
        stores = [self._store_card(store, *health[store.member.id], pd_status, now) for store in parts.stores]
        pds = [self._pd_card(pd, *health[pd.member.id], pd_status) for pd in parts.pds]
        leading, pd_leader = lead.name or "none now", self.pd_leader or "none now"
        return {
            "nodes": [*stores, *pds, *client_cards(cluster.client_pulse, now), *engine_cards(cluster.members)],
            "metrics": curves(cluster.client_pulse, now),
            "counters": [],
            "leader": {
                "id": lead.name,
                "since": lead.since,
                "previous": lead.previous,
                "leads": lead.leads,
                "regions": lead.regions,
                "led": dict(lead.led),
                "told_by": "client" if client.ok else "PD",
            },
            "pd_leader": {"id": self.pd_leader},
            "pd_words": self._pd_status.reported,
            "lacks": self.missing(),
            "engine": cluster.watch.trouble if cluster.watch is not None else "",
            "client": {name: client.data.get(name) for name in ("rate", "confirmed", "missing")},
            "victims": dict.fromkeys(LED, f"the leading store, {leading}")
            | dict.fromkeys(PD_LED, f"PD's leader, {pd_leader}"),
        }

    def _health(self, member: Member, now: float) -> tuple[str, str]:
        seen = self._cluster.members.seen(member.id)
        watch = self._cluster.watch
        expects = watch is not None and watch.is_listed and (self._is_own or seen is not None)
        health, reason = health_of(seen, member.pulse, now, expects_container=expects)
        return ("unknown", reason) if reason == UNKNOWN_NAME else (health, reason)

    def _store_card(
        self, store: TikvStoreInfo, health: str, reason: str, pd_status: PdStatus, now: float
    ) -> dict[str, Any]:
        name = store.member.id
        state = pd_status.stores.get(name)
        leads = None if state is None or pd_status.regions is None else pd_status.leaders.get(name, 0)
        pd_says = f"PD: {state or 'no report'}"
        led = "?" if leads is None else f"{leads}/{pd_status.regions}"
        detail = f"{pd_says} · {reason}" if reason else f"leads {led} · {pd_says}"
        numbers = {"ops/s": self._qps(store, now)}
        store_card = card(name, store.member.kind, health, detail, numbers, address=store.member.address)
        return store_card | {"leaders": leads, "store_id": pd_status.idents.get(name, "")}

    def _qps(self, store: TikvStoreInfo, now: float) -> float | None:
        if self._prometheus is not None and (by := answer(self._prometheus, 0.0, now)).ok:
            return next((float(value) for at, value in by.data["values"].items() if at in store.labels), None)
        reading = answer(store.qps, 0.0, now)
        return reading.data.get("qps") if reading.ok else None

    def _pd_card(self, pd: PdInfo, health: str, reason: str, pd_status: PdStatus) -> dict[str, Any]:
        reading = pd.member.pulse.reading
        trouble = next(iter(troubles(reading)), "")
        if health == "up" and not pd_status.leader:
            health, reason = "degraded", NO_LEADER
        elif health == "up" and not pd_status.is_bootstrapped:
            health, reason = "starting", NOT_BOOTSTRAPPED
        elif health == "up" and trouble:
            health, reason = "degraded", trouble
        role = "leads" if pd_status.leader == pd.name else "follows"
        took = reading.took_ms if reading.ok else None
        pd_card = card(pd.member.id, pd.member.kind, health, reason or role, {"ms": took}, address=pd.member.address)
        return pd_card | {"member_id": pd_status.members.get(pd.name, "")}
