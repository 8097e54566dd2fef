"""What the wall shows of a TiKV cluster, from the newest answers of its parts. Reads only; waits for nothing."""

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
"""The faults whose victim is the store that leads."""

PD_LED = ("kill-pd-leader",)


class TikvHealth:
    """`is_own`: this show brings the cluster up, so it knows of every container, and of every region's copies."""

    def __init__(self, cluster: Cluster, parts: Topology, served: Pulse | None, *, is_own: bool) -> None:
        self._cluster, self._parts, self._served = cluster, parts, served
        self._is_own = is_own
        self._leads = LeaderTracker()
        self._words = PdStatusTracker()

    @property
    def lead(self) -> LeadingStore:
        return self._leads.now

    @property
    def pd_leader(self) -> str | None:
        """By the wall's name for it."""
        return next((pd.member.id for pd in self._parts.pds if pd.name == self._words.newest.leader), None)

    def lacks(self) -> list[str]:
        """What a fresh cluster still waits for."""
        if self._is_own and None in (self._words.newest.regions, self._words.newest.copies):
            return ["PD's count of copies"]
        missing = self._words.newest.copies_missing(COPIES) if self._is_own else 0
        return [f"{missing} copies of regions"] if missing else []

    def build(self, now: float) -> dict[str, Any]:
        """The health dict without its time; `leader` and more beside the agreed keys."""
        cluster, parts = self._cluster, self._parts
        health = {member.id: self._health(member, now) for member in cluster.members}
        living = [pd for pd in parts.pds if health[pd.member.id][0] == "up"]
        reached = [pd.name for pd in parts.pds if parts.is_reached(pd.name)]
        word = self._words.see(living, reached, parts, now)
        client = answer(cluster.client_pulse, 0.0, now)
        regions = read(client.data.get("store") or {}, word.names) if client.ok else by_pd(word.leaders, now)
        lead = self._leads.see(regions, cluster.members.dead(), now)
        stores = [self._store_card(store, *health[store.member.id], word, now) for store in parts.stores]
        pds = [self._pd_card(pd, *health[pd.member.id], word) for pd in parts.pds]
        leading, pd_leader = lead.name or "nobody now", self.pd_leader or "nobody now"
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
            "pd_words": self._words.spoken,
            "lacks": self.lacks(),
            "engine": cluster.watch.trouble if cluster.watch is not None else "",
            "client": {name: client.data.get(name) for name in ("rate", "confirmed", "missing")},
            "victims": dict.fromkeys(LED, f"the leading store, {leading}")
            | dict.fromkeys(PD_LED, f"PD's leader, {pd_leader}"),
        }

    def _health(self, member: Member, now: float) -> tuple[str, str]:
        seen = self._cluster.members.seen(member.id)
        watch = self._cluster.watch
        expects = watch is not None and watch.is_listed and (self._is_own or seen is not None)
        health, why = health_of(seen, member.pulse, now, expects_container=expects)
        return ("unknown", why) if why == UNKNOWN_NAME else (health, why)

    def _store_card(self, store: TikvStoreInfo, health: str, why: str, word: PdStatus, now: float) -> dict[str, Any]:
        name = store.member.id
        said = word.stores.get(name)
        leads = None if said is None or word.regions is None else word.leaders.get(name, 0)
        spoken = f"PD: {said or 'nothing'}"
        led = "?" if leads is None else f"{leads}/{word.regions}"
        about = f"{spoken} · {why}" if why else f"leads {led} · {spoken}"
        numbers = {"ops/s": self._qps(store, now)}
        made = card(name, store.member.kind, health, about, numbers, address=store.member.address)
        return made | {"leaders": leads, "store_id": word.idents.get(name, "")}

    def _qps(self, store: TikvStoreInfo, now: float) -> float | None:
        if self._served is not None and (by := answer(self._served, 0.0, now)).ok:
            return next((float(value) for at, value in by.data["values"].items() if at in store.labels), None)
        found = answer(store.qps, 0.0, now)
        return found.data.get("qps") if found.ok else None

    def _pd_card(self, pd: PdInfo, health: str, why: str, word: PdStatus) -> dict[str, Any]:
        reading = pd.member.pulse.reading
        trouble = next(iter(troubles(reading)), "")
        if health == "up" and not word.leader:
            health, why = "degraded", NO_LEADER
        elif health == "up" and not word.is_bootstrapped:
            health, why = "starting", NOT_BOOTSTRAPPED
        elif health == "up" and trouble:
            health, why = "degraded", trouble
        role = "leads" if word.leader == pd.name else "follows"
        took = reading.took_ms if reading.ok else None
        made = card(pd.member.id, pd.member.kind, health, why or role, {"ms": took}, address=pd.member.address)
        return made | {"member_id": word.members.get(pd.name, "")}
