"""TiKV as a `KvStore`. Run as a program, it is the client process."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from demo.clock import uptime
from demo.processes.service import run
from demo.subjects.cluster.kv_store import NotDone
from demo.subjects.cluster.load_client import service_builder
from demo.subjects.cluster.workload import PREFIX
from demo.subjects.tikv.client.grpc_channels import NoAnswer
from demo.subjects.tikv.client.raw_client import RawClient
from demo.subjects.tikv.client.region_cache import KeyRegion, Known, RegionRoute

CANARY = b"chaos-stage/canary"
MAX_KEYS = 16
ASK_SEC = 2.0
CLOSE_SEC = 2.0

LOAD = PREFIX.encode()
NOT_MET: Mapping[str, Any] = {"region": "", "store": "", "since": 0.0, "at": 0.0, "holds_load": False}


TABLES = b"t\x80"
"""The prefix of the keys of TiDB's tables: raw writes into the same cluster could damage them."""

TIDB = "this cluster has TiDB's tables"

WORDS = {"no_route": "PD gives no route"}


class TikvStore:
    """`turn_to` takes lines `pd ADVERTISED REACHED` and `store ADVERTISED REACHED`: see `Topology.endpoints`.

    Keys are passed as text, one character per byte.
    """

    def __init__(self) -> None:
        self._places: dict[str, str] = {}
        self._pds: tuple[str, ...] = ()
        self._client: RawClient | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._leader_records: dict[bytes, dict[str, Any]] = {}
        self._may_write = False
        self._known = Known()

    def turn_to(self, endpoints: Sequence[str]) -> None:
        lines = [line.split(" ") for line in endpoints]
        places = {advertised: reached for _, advertised, reached in lines}
        pds = tuple(advertised for kind, advertised, _ in lines if kind == "pd")
        if (places, pds) == (self._places, self._pds):
            return
        self._places, self._pds = places, pds
        old, self._client = self._client, RawClient(pds, places, self._record_leader, self._known) if pds else None
        if old is not None:
            self._close_after_requests(old)

    def _close_after_requests(self, old: RawClient) -> None:
        """Close a replaced client, once its running requests have had time to end."""
        task = asyncio.get_running_loop().create_task(_close_later(old))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def status(self) -> Mapping[str, Any]:
        """Return who led each canary's region at its last answer: `since` when, and last `at`, in uptime seconds."""
        return {"regions": list(self._leader_records.values())}

    def _record_leader(self, key: bytes, route: RegionRoute) -> None:
        before = self._leader_records.get(key)
        if before is None:
            return
        now, store, region = uptime(), str(route.peer.store_id), str(route.region.ident)
        since = before["since"] if before["store"] == store else now
        holds_load = route.region.holds(LOAD)
        self._leader_records[key] = {
            "region": region,
            "store": store,
            "since": since,
            "at": now,
            "holds_load": holds_load,
        }

    async def canary_keys(self) -> Sequence[str]:
        client = self._require_client()
        try:
            regions = await client.regions(ASK_SEC)
            # Asked for separately, because they may lie beyond the regions of the first answer.
            tables = await client.regions(ASK_SEC, 2, TABLES)
        except NoAnswer as error:
            raise _not_done(error) from error
        self._may_write = not any(region.start.startswith(TABLES) for region in (*regions, *tables))
        if not self._may_write:
            raise NotDone(TIDB)
        keys = some_keys(regions)
        self._leader_records = {key: self._leader_records.get(key, dict(NOT_MET)) for key in keys}
        return [key.decode("latin-1") for key in keys]

    async def put(self, key: str, value: bytes, within_sec: float) -> bool:
        if not self._may_write:
            raise NotDone("no route is known yet")
        try:
            return await self._require_client().put(key.encode("latin-1"), value, within_sec)
        except NoAnswer as error:
            raise _not_done(error) from error

    async def get(self, key: str, within_sec: float) -> bytes | None:
        try:
            return await self._require_client().get(key.encode("latin-1"), within_sec)
        except NoAnswer as error:
            raise _not_done(error) from error

    def _require_client(self) -> RawClient:
        if self._client is None:
            raise NotDone("no PD is known")
        return self._client

    async def close(self) -> None:
        for task in self._closing:
            task.cancel()
        if self._client is not None:
            await self._client.close()


def some_keys(regions: Sequence[KeyRegion]) -> list[bytes]:
    """Return one key in each region; of more than MAX_KEYS regions, those at regular intervals."""
    keys = [key for region in regions if (key := region.key(CANARY)) is not None]
    step = max(1, -(-len(keys) // MAX_KEYS))
    return keys[::step]


async def _close_later(client: RawClient) -> None:
    try:
        await asyncio.sleep(CLOSE_SEC)
    finally:
        await client.close()


def _not_done(error: NoAnswer) -> NotDone:
    return NotDone(WORDS.get(error.reason, error.reason))


if __name__ == "__main__":
    run(service_builder(lambda config: TikvStore()))
