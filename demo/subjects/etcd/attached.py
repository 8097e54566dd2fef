"""The members of an etcd that runs already in a compose project: as etcd itself lists them, under the names it has."""

import asyncio
import re
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
from demo.subjects.cluster.members import address_of, is_called

CLIENT_PORT = 2379
ASK_SEC = 2.0
BEGINS_SEC, AGAIN_SEC = 4.0, 0.2
LIST = "v3/cluster/member/list"
QUESTIONS: tuple[Mapping[str, Any], ...] = ({"linearizable": False}, {})
"""Of its own knowledge, for there may be no leader; an etcd before 3.5 knows no such question."""


class Silent(SubjectError):
    """Nobody answers: perhaps not yet."""


@dataclass(frozen=True)
class Listed:
    """What one member says of all. `members`: name → the hosts under which the others reach it."""

    cluster: str
    members: Mapping[str, tuple[str, ...]]


async def members_soon(project: str, containers: Sequence[Container]) -> tuple[str, ...]:
    """As `members_of`, of a cluster that may just have begun."""
    until = time.monotonic() + BEGINS_SEC
    while True:
        try:
            return await members_of(project, containers)
        except Silent:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(AGAIN_SEC)


async def members_of(project: str, containers: Sequence[Container]) -> tuple[str, ...]:
    """The services of its members. Raises `SubjectError` that names what is there, where that is no etcd to present."""
    entrances = {one.called: at for one in containers if one.is_running and (at := address_of(one, CLIENT_PORT))}
    services = ", ".join(sorted({one.called for one in containers}, key=_in_order))
    if not entrances:
        raise SubjectError(
            f"nothing that runs in the compose project {project!r} publishes etcd's client port {CLIENT_PORT} on this "
            f"machine; what is there: {services}"
        )
    async with aiohttp.ClientSession() as session:
        told = await asyncio.gather(*(_ask(lambda: session, at) for at in entrances.values()))
    found = [listed for listed in told if listed is not None]
    if not found:
        raise Silent(
            f"nobody in the compose project {project!r} answers as etcd over plain http; asked: {', '.join(entrances)}"
        )
    if len({listed.cluster for listed in found}) > 1:
        raise SubjectError(f"the compose project {project!r} holds more than one etcd cluster: {', '.join(entrances)}")
    return _matched(project, found[0], containers, services)


def _matched(project: str, listed: Listed, containers: Sequence[Container], services: str) -> tuple[str, ...]:
    """Each member that etcd lists is one container, which can be seen from here while it runs."""
    known: dict[str, Container] = {}
    for name, hosts in listed.members.items():
        own = [one for one in containers if any(is_called(one, host) for host in (*hosts, name))]
        if not own:
            where = ", ".join(hosts)
            raise SubjectError(
                f"the member {name or where} of that etcd is no container of the compose project {project!r}: it is "
                f"reached as {where}; what is there: {services}"
            )
        known[own[0].called] = own[0]
    hidden = [name for name, one in known.items() if one.is_running and not address_of(one, CLIENT_PORT)]
    if hidden:
        raise SubjectError(
            f"{', '.join(sorted(hidden, key=_in_order))} of the compose project {project!r} publish no port "
            f"{CLIENT_PORT} on this machine, so nobody could see how they are: publish it on 127.0.0.1"
        )
    return tuple(sorted(known, key=_in_order))


async def _ask(session: Callable[[], aiohttp.ClientSession], address: str) -> Listed | None:
    for question in QUESTIONS:
        reading = await HttpProbe(session, f"http://{address}/{LIST}", deadline_sec=ASK_SEC, posts=question).look()
        if reading.ok and (listed := _read(reading.data)) is not None:
            return listed
    return None


def _read(said: Mapping[str, Any]) -> Listed | None:
    cluster, members = mapping(said.get("header")).get("cluster_id"), said.get("members")
    if not isinstance(cluster, str) or not isinstance(members, list) or not members:
        return None
    found: dict[str, tuple[str, ...]] = {}
    for place, member in enumerate(map(mapping, members)):
        urls = [url for key in ("peerURLs", "clientURLs") for url in member.get(key) or () if isinstance(url, str)]
        hosts = dict.fromkeys(host for url in urls if (host := urlsplit(url).hostname or ""))
        found[str(member.get("name") or f"#{place}")] = tuple(hosts)
    return Listed(cluster, found)


def _in_order(name: str) -> list[tuple[int, str]]:
    """etcd-10 comes after etcd-9."""
    return [(int(word), "") if word.isdigit() else (-1, word) for word in re.split(r"(\d+)", name)]
