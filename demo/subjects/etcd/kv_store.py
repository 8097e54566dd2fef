"""etcd as a `KvStore`, through its JSON gateway. Run as a program, it is the client process."""

import asyncio
import base64
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from demo.probes.numbers import mapping
from demo.processes.service import run
from demo.subjects.cluster.kv_store import NotDone
from demo.subjects.cluster.load_client import service_builder

CANARY = "chaos-stage/canary"
TRY_SEC = 0.4
"""The timeout of one try: one silent member must not use up the time in which another one would answer."""

PAUSE_SEC = 0.02

UNREACHABLE = "unreachable"
"""No connection was made, so the write cannot have had an effect."""

ELECTING = (
    "etcdserver: no leader",
    "etcdserver: leader changed",
    "etcdserver: request timed out, possibly due to previous leader failure",
)
"""etcd's errors for a request that met an election, as in its `api/v3rpc/rpctypes`."""


class EtcdStore:
    """Asks the members in turn; after a failure the next one is tried, until the timeout."""

    def __init__(self) -> None:
        self._endpoints: tuple[str, ...] = ()
        self._cluster: str | None = None
        self._turn = itertools.count()
        self._session: aiohttp.ClientSession | None = None

    def turn_to(self, endpoints: Sequence[str]) -> None:
        if self._endpoints != tuple(endpoints):
            self._endpoints, self._cluster = tuple(endpoints), None

    def status(self) -> Mapping[str, Any]:
        """Return nothing: the members are asked directly."""
        return {}

    async def canary_keys(self) -> Sequence[str]:
        return (CANARY,)

    async def put(self, key: str, value: bytes, within_sec: float) -> bool:
        body = {"key": _to_base64(key.encode()), "value": _to_base64(value)}
        return (await self._ask("put", body, within_sec))[1]

    async def get(self, key: str, within_sec: float) -> bytes | None:
        response, _ = await self._ask("range", {"key": _to_base64(key.encode())}, within_sec)
        try:
            pairs = response.get("kvs") or []
            return base64.b64decode(pairs[0].get("value", "")) if pairs else None
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise NotDone("refused") from error

    async def _ask(self, operation: str, body: Mapping[str, str], within_sec: float) -> tuple[Mapping[str, Any], bool]:
        """Try until there is an answer; return it, and whether no earlier try can have had an effect."""
        reason, applied_once = UNREACHABLE, True
        try:
            async with asyncio.timeout(within_sec):
                for turn in itertools.count(next(self._turn)):
                    try:
                        return await self._ask_one(turn, operation, body), applied_once
                    except NotDone as error:
                        reason, applied_once = error.reason, applied_once and error.reason == UNREACHABLE
                    await asyncio.sleep(PAUSE_SEC)
        except TimeoutError:
            pass
        raise NotDone(reason)

    async def _ask_one(self, turn: int, operation: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        if not self._endpoints:
            raise NotDone(UNREACHABLE)
        url = f"http://{self._endpoints[turn % len(self._endpoints)]}/v3/kv/{operation}"
        try:
            async with asyncio.timeout(TRY_SEC), self._open_session().post(url, json=body) as answer:
                response = await answer.json(content_type=None)
                status = answer.status
        except TimeoutError as error:
            raise NotDone("late") from error
        except aiohttp.ClientConnectorError as error:
            raise NotDone(UNREACHABLE) from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotDone("the connection was lost") from error
        except ValueError as error:
            raise NotDone("refused") from error
        if status != 200 or not isinstance(response, dict) or "header" not in response:
            raise NotDone("election" if _tells_election(response) else "refused")
        self._check_cluster(response["header"])
        return response

    def _check_cluster(self, header: object) -> None:
        """Refuse the answer of another cluster, which may have taken a dead member's port. Raises `NotDone`."""
        cluster = header.get("cluster_id") if isinstance(header, Mapping) else None
        if not isinstance(cluster, str) or self._cluster not in (None, cluster):
            raise NotDone("refused")
        self._cluster = cluster

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _tells_election(response: object) -> bool:
    """Return whether an error says that there is no leader: in `message`, or in `error` where the etcd is old."""
    texts = (mapping(response).get(name) for name in ("message", "error"))
    return any(text in ELECTING for text in texts if isinstance(text, str))


def _to_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


if __name__ == "__main__":
    run(service_builder(lambda config: EtcdStore()))
