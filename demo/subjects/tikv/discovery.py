"""Discovers the members of a cluster that this show did not start: asks PD, and matches the answer to containers."""

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
    """`urls`: PDs to ask; in addition, the containers of `ground` that publish PD's port are asked."""

    def __init__(
        self, parts: Topology, cluster: Cluster, urls: Sequence[str], ground: ComposeDeployment | None
    ) -> None:
        self._parts, self._cluster = parts, cluster
        self._members, self._session = cluster.members, cluster.connections.session
        self.urls, self._ground = tuple(urls), ground
        self._last_answering_url = ""

    async def read(self) -> Reading:
        """Look for new members, in the form of a probe."""
        before = len(tuple(self._members))
        try:
            await self.learn()
            if len(tuple(self._members)) > before:
                await self._cluster.send_endpoints()
        except SubjectError as error:
            return Reading(trouble=str(error))
        return Reading()

    async def learn(self) -> None:
        """Ask PD for the members and add the new ones. Raises `SubjectError` when no PD answers."""
        containers = await self._ground.listed() if self._ground is not None else ()
        answer = await self._ask(containers)
        for pd in sorted(answer["members"]["members"], key=lambda pd: str(pd["name"])):
            self._add_pd(pd, containers)
        for store in sorted(answer["stores"], key=lambda store: int(store["id"])):
            self._add_store(store, containers)

    async def _ask(self, containers: Sequence[Container]) -> dict[str, Any]:
        """Ask the PD that answered last; if it does not answer, all known ones concurrently."""
        urls = self._pd_urls(containers)
        if self._last_answering_url in urls:
            answer = await self._ask_pd(self._last_answering_url)
            if isinstance(answer, dict):
                return answer
        answers = await asyncio.gather(*map(self._ask_pd, urls))
        for url, answer in zip(urls, answers, strict=True):
            if isinstance(answer, dict):
                self._last_answering_url = url
                return answer
        raise SubjectError(f"no PD reports the members of the cluster: {'; '.join(map(str, answers))}")

    async def judge(self, containers: Sequence[Container]) -> None:
        """Check that some PD can be asked for the members. Raises `SubjectError`."""
        self._pd_urls(containers)

    def _pd_urls(self, containers: Sequence[Container]) -> list[str]:
        known = [f"http://{pd.member.address}" for pd in self._parts.pds if pd.member.address]
        published = [f"http://{at}" for one in containers if (at := address_of(one, PD_PORT))]
        urls = list(dict.fromkeys([*self.urls, *published, *known]))
        if not urls:
            raise SubjectError(
                f"no container of it publishes PD's port {PD_PORT} on this machine: publish it on 127.0.0.1, "
                f"or give the URL of a PD (--pd URL){_describe_containers(containers)}"
            )
        return urls

    async def _ask_pd(self, url: str) -> dict[str, Any] | str:
        probe = PdProbe(self._session, url, ASK_SEC)
        members, stores = await asyncio.gather(probe.read_part("members"), probe.read_part("stores"))
        if members.ok and stores.trouble == NOT_BOOTSTRAPPED:
            return {**members.data, "stores": []}
        if members.ok and stores.ok:
            return {**members.data, **stores.data}
        return f"{url}: {members.trouble or stores.trouble}"

    def _add_pd(self, info: dict[str, Any], containers: Sequence[Container]) -> None:
        name = info["name"]
        advertised = next((url.rpartition("//")[2].rstrip("/") for url in info["urls"]), "")
        if not advertised or any(pd.name == name for pd in self._parts.pds):
            return
        ident = self._unused_name(_find_container_name(containers, split(advertised)[0]) or name)
        self._add_member(self._parts.add_pd(ident, name, advertised), containers, advertised)

    def _add_store(self, info: dict[str, Any], containers: Sequence[Container]) -> None:
        advertised = info["address"]
        if not advertised or info["state"] == TOMBSTONE or self._parts.store_at(advertised) is not None:
            return
        host = split(advertised)[0]
        # A host name is a good name for a card, an address is not.
        usable_host = "" if host in LOCAL or host.replace(".", "").isdecimal() or ":" in host else host
        ident = self._unused_name(
            _find_container_name(containers, host) or usable_host or f"store-{info['id']}", f"store-{info['id']}"
        )
        member = self._parts.add_store(ident, advertised, info["status_address"] or "")
        self._add_member(member, containers, advertised, info["status_address"] or "")

    def _unused_name(self, ident: str, otherwise: str = "") -> str:
        """Return a name that no other card has."""
        return ident if self._members.find(ident) is None else otherwise or f"{ident}-pd"

    def _add_member(self, member: Member, containers: Sequence[Container], *advertised: str) -> None:
        """Add a member, reached at its advertised addresses unless a container of that name publishes the port."""
        member.places = {port: address for address in advertised if (port := split(address)[1])}
        for container in containers:
            if member.is_in(container):
                member.update_address(container)
        self._members.add(member)


def _describe_containers(containers: Sequence[Container]) -> str:
    names = ", ".join(sorted({container.called for container in containers}))
    return f"; its containers: {names}" if names else ""


def _find_container_name(containers: Sequence[Container], host: str) -> str:
    return next((container.called for container in containers if is_called(container, host)), "")
