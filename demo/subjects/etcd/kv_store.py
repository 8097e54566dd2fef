"""etcd through its JSON gateway, as a store of the load. Run as a program it is the client process."""

import asyncio
import base64
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from demo.processes.service import run
from demo.subjects.cluster.kv_store import NotDone
from demo.subjects.cluster.load_client import building

CANARY = "chaos-stage/canary"
TRY_SEC = 0.4
"""A member that does not answer must not use up the whole deadline: another one may."""

PAUSE_SEC = 0.02

UNREACHABLE = "unreachable"
"""Not even connected: nothing can have come of it."""


class EtcdStore:
    """Takes the members in turn; one that fails is left for the next one, until the deadline."""

    def __init__(self) -> None:
        self._endpoints: tuple[str, ...] = ()
        self._cluster: str | None = None
        self._turn = itertools.count()
        self._session: aiohttp.ClientSession | None = None

    def turn_to(self, endpoints: Sequence[str]) -> None:
        if self._endpoints != tuple(endpoints):
            self._endpoints, self._cluster = tuple(endpoints), None

    def told(self) -> Mapping[str, Any]:
        """The members tell it themselves."""
        return {}

    async def canary_keys(self) -> Sequence[str]:
        return (CANARY,)

    async def put(self, key: str, value: bytes, within_sec: float) -> bool:
        body = {"key": _text(key.encode()), "value": _text(value)}
        return (await self._ask("put", body, within_sec))[1]

    async def get(self, key: str, within_sec: float) -> bytes | None:
        said, _ = await self._ask("range", {"key": _text(key.encode())}, within_sec)
        try:
            found = said.get("kvs") or []
            return base64.b64decode(found[0].get("value", "")) if found else None
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise NotDone("refused") from error

    async def _ask(self, what: str, body: Mapping[str, str], within_sec: float) -> tuple[Mapping[str, Any], bool]:
        """The answer, and whether no earlier try can have had an effect."""
        reason, once = UNREACHABLE, True
        try:
            async with asyncio.timeout(within_sec):
                for turn in itertools.count(next(self._turn)):
                    try:
                        return await self._ask_one(turn, what, body), once
                    except NotDone as error:
                        reason, once = error.reason, once and error.reason == UNREACHABLE
                    await asyncio.sleep(PAUSE_SEC)
        except TimeoutError:
            pass
        raise NotDone(reason)

    async def _ask_one(self, turn: int, what: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        if not self._endpoints:
            raise NotDone(UNREACHABLE)
        url = f"http://{self._endpoints[turn % len(self._endpoints)]}/v3/kv/{what}"
        try:
            async with asyncio.timeout(TRY_SEC), self._open().post(url, json=body) as answer:
                said = await answer.json(content_type=None)
                status = answer.status
        except TimeoutError as error:
            raise NotDone("late") from error
        except aiohttp.ClientConnectorError as error:
            raise NotDone(UNREACHABLE) from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotDone("cut off") from error
        except ValueError as error:
            raise NotDone("refused") from error
        if status != 200 or not isinstance(said, dict) or "header" not in said:
            raise NotDone("election" if "leader" in str(said) else "refused")
        self._check_cluster(said["header"])
        return said

    def _check_cluster(self, header: object) -> None:
        """What another cluster confirms, on the port of a member that is gone, was not confirmed by this one."""
        cluster = header.get("cluster_id") if isinstance(header, Mapping) else None
        if not isinstance(cluster, str) or self._cluster not in (None, cluster):
            raise NotDone("refused")
        self._cluster = cluster

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


if __name__ == "__main__":
    run(building(lambda config: EtcdStore()))
