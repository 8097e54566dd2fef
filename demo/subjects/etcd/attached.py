"""Finds the members of an etcd that runs already in a compose project: etcd lists them, and containers are matched."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from demo.container_engine import Container
from demo.errors import SubjectError
from demo.probes.http import HttpProbe
from demo.probes.numbers import mapping
from demo.subjects.cluster.members import address_of, is_called, natural_key

CLIENT_PORT = 2379
ASK_SEC = 2.0
BEGINS_SEC, AGAIN_SEC = 4.0, 0.2
LIST = "v3/cluster/member/list"
QUESTIONS: tuple[Mapping[str, Any], ...] = ({"linearizable": False}, {})
"""The member list as the member itself knows it, as there may be no leader; before 3.5 etcd lacks that option."""


class Silent(SubjectError):
    """No member answers, perhaps not yet."""


@dataclass(frozen=True)
class Listed:
    """One member's list of all members. `members`: name → the hosts under which the others reach it."""

    cluster: str
    members: Mapping[str, tuple[str, ...]]


async def members_soon(project: str, containers: Sequence[Container]) -> tuple[str, ...]:
    """Return the same as `members_of`; try again for BEGINS_SEC, as the cluster may just have started."""
    until = time.monotonic() + BEGINS_SEC
    while True:
        try:
            return await members_of(project, containers)
        except Silent:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(AGAIN_SEC)


async def members_of(project: str, containers: Sequence[Container]) -> tuple[str, ...]:
    """Return the services that are etcd's members.

    Raises `SubjectError`, with what is there, where that is no etcd cluster that can be presented.
    """
    addresses = {one.called: at for one in containers if one.is_running and (at := address_of(one, CLIENT_PORT))}
    services = ", ".join(sorted({one.called for one in containers}, key=natural_key))
    if not addresses:
        raise SubjectError(
            f"no running container of the compose project {project!r} publishes etcd's client port "
            f"{CLIENT_PORT} on this "
            f"machine; its services: {services}"
        )
    async with aiohttp.ClientSession() as session:
        answers = await asyncio.gather(*(_ask_for_members(lambda: session, at) for at in addresses.values()))
    lists = [listed for listed in answers if listed is not None]
    if not lists:
        raise Silent(
            f"no container of the compose project {project!r} answers as etcd over plain http; "
            f"tried: {', '.join(addresses)}"
        )
    if len({listed.cluster for listed in lists}) > 1:
        raise SubjectError(
            f"the compose project {project!r} has more than one etcd cluster, attach to a project "
            f"with one: {', '.join(addresses)}"
        )
    return _match_containers(project, lists[0], containers, services)


def _match_containers(project: str, listed: Listed, containers: Sequence[Container], services: str) -> tuple[str, ...]:
    """Find each listed member's container, which must publish the client port while it runs. Raises `SubjectError`."""
    known: dict[str, Container] = {}
    for name, hosts in listed.members.items():
        matching = [one for one in containers if any(is_called(one, host) for host in (*hosts, name))]
        if not matching:
            where = ", ".join(hosts)
            raise SubjectError(
                f"the member {name or where} of that etcd is not a container of the compose project {project!r}: it is "
                f"reached as {where}; its services: {services}"
            )
        known[matching[0].called] = matching[0]
    hidden = [name for name, one in known.items() if one.is_running and not address_of(one, CLIENT_PORT)]
    if hidden:
        raise SubjectError(
            f"{', '.join(sorted(hidden, key=natural_key))} of the compose project {project!r} publish no port "
            f"{CLIENT_PORT} on this machine, so their health cannot be checked: publish it on 127.0.0.1"
        )
    return tuple(sorted(known, key=natural_key))


async def _ask_for_members(session: Callable[[], aiohttp.ClientSession], address: str) -> Listed | None:
    for question in QUESTIONS:
        reading = await HttpProbe(session, f"http://{address}/{LIST}", timeout_sec=ASK_SEC, posts=question).read()
        if reading.ok and (listed := _parse(reading.data)) is not None:
            return listed
    return None


def _parse(body: Mapping[str, Any]) -> Listed | None:
    cluster, members = mapping(body.get("header")).get("cluster_id"), body.get("members")
    if not isinstance(cluster, str) or not isinstance(members, list) or not members:
        return None
    hosts_by_name: dict[str, tuple[str, ...]] = {}
    for place, member in enumerate(map(mapping, members)):
        urls = [url for key in ("peerURLs", "clientURLs") for url in member.get(key) or () if isinstance(url, str)]
        hosts = dict.fromkeys(host for url in urls if (host := urlsplit(url).hostname or ""))
        hosts_by_name[str(member.get("name") or f"#{place}")] = tuple(hosts)
    return Listed(cluster, hosts_by_name)
