"""Who belongs to a cluster that this show did not bring up: PD's own word, matched to the containers of a project."""

import asyncio
from collections.abc import Sequence
from typing import Any

from demo.container_engine.container import Container
from demo.errors import SubjectError
from demo.probes.pd import NOT_BOOTSTRAPPED, PdProbe
from demo.probes.result import Reading
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.compose_deployment import ComposeDeployment
from demo.subjects.cluster.members import Member, address_of, is_called
from demo.subjects.tikv.topology import PD_PORT, Topology, split

AGAIN_SEC = 2.0
ASK_SEC = 1.0
LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "")  # noqa: S104 - read, not bound
TOMBSTONE = "Tombstone"


class MemberDiscovery:
    """`urls`: PDs to ask; without one, the containers of `ground` that publish a PD's port."""

    def __init__(
        self, parts: Topology, cluster: Cluster, urls: Sequence[str], ground: ComposeDeployment | None
    ) -> None:
        self._parts, self._cluster = parts, cluster
        self._members, self._session = cluster.members, cluster.lines.session
        self.urls, self._ground = tuple(urls), ground
        self._told_by = ""

    async def look(self) -> Reading:
        """As a probe: new members are taken in as they come."""
        before = len(tuple(self._members))
        try:
            await self.learn()
            if len(tuple(self._members)) > before:
                await self._cluster.tell_endpoints()
        except SubjectError as error:
            return Reading(trouble=str(error))
        return Reading()

    async def learn(self) -> None:
        """Raises `SubjectError` when no PD tells."""
        containers = await self._ground.listed() if self._ground is not None else ()
        told = await self._ask(containers)
        for pd in sorted(told["members"]["members"], key=lambda pd: str(pd["name"])):
            self._take_pd(pd, containers)
        for store in sorted(told["stores"], key=lambda store: int(store["id"])):
            self._take_store(store, containers)

    async def _ask(self, containers: Sequence[Container]) -> dict[str, Any]:
        """Who told it last is asked again; when that one does not tell, all entrances at once."""
        entrances = self._entrances(containers)
        if self._told_by in entrances:
            told = await self._tell(self._told_by)
            if isinstance(told, dict):
                return told
        found = await asyncio.gather(*map(self._tell, entrances))
        for url, one in zip(entrances, found, strict=True):
            if isinstance(one, dict):
                self._told_by = url
                return one
        raise SubjectError(f"no PD tells who belongs to the cluster: {'; '.join(map(str, found))}")

    async def judge(self, containers: Sequence[Container]) -> None:
        """Raises `SubjectError` when nobody could be asked who belongs to it."""
        self._entrances(containers)

    def _entrances(self, containers: Sequence[Container]) -> list[str]:
        known = [f"http://{pd.member.address}" for pd in self._parts.pds if pd.member.address]
        published = [f"http://{at}" for one in containers if (at := address_of(one, PD_PORT))]
        entrances = list(dict.fromkeys([*self.urls, *published, *known]))
        if not entrances:
            raise SubjectError(
                f"no container of it publishes PD's port {PD_PORT} on this machine: publish it on 127.0.0.1, "
                f"or say where a PD answers (--pd URL){_there(containers)}"
            )
        return entrances

    async def _tell(self, url: str) -> dict[str, Any] | str:
        probe = PdProbe(self._session, url, ASK_SEC)
        members, stores = await asyncio.gather(probe.look_at("members"), probe.look_at("stores"))
        if members.ok and stores.trouble == NOT_BOOTSTRAPPED:
            return {**members.data, "stores": []}
        if members.ok and stores.ok:
            return {**members.data, **stores.data}
        return f"{url}: {members.trouble or stores.trouble}"

    def _take_pd(self, told: dict[str, Any], containers: Sequence[Container]) -> None:
        name = told["name"]
        advertised = next((url.rpartition("//")[2].rstrip("/") for url in told["urls"]), "")
        if not advertised or any(pd.name == name for pd in self._parts.pds):
            return
        ident = self._free(_called(containers, split(advertised)[0]) or name)
        self._settle(self._parts.add_pd(ident, name, advertised), containers, advertised)

    def _take_store(self, told: dict[str, Any], containers: Sequence[Container]) -> None:
        advertised = told["address"]
        if not advertised or told["state"] == TOMBSTONE or self._parts.store_at(advertised) is not None:
            return
        host = split(advertised)[0]
        plain = "" if host in LOCAL or host.replace(".", "").isdecimal() or ":" in host else host
        ident = self._free(_called(containers, host) or plain or f"store-{told['id']}", f"store-{told['id']}")
        member = self._parts.add_store(ident, advertised, told["status_address"] or "")
        self._settle(member, containers, advertised, told["status_address"] or "")

    def _free(self, ident: str, otherwise: str = "") -> str:
        """No two cards under one name."""
        return ident if self._members.find(ident) is None else otherwise or f"{ident}-pd"

    def _settle(self, member: Member, containers: Sequence[Container], *advertised: str) -> None:
        """Where it is reached: as it is advertised, unless a container of that name publishes the port."""
        member.places = {port: address for address in advertised if (port := split(address)[1])}
        for container in containers:
            if member.is_in(container):
                member.take(container)
        self._members.add(member)


def _there(containers: Sequence[Container]) -> str:
    names = ", ".join(sorted({container.called for container in containers}))
    return f"; what is there: {names}" if names else ""


def _called(containers: Sequence[Container], host: str) -> str:
    return next((container.called for container in containers if is_called(container, host)), "")
