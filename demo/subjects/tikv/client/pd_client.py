"""PD over gRPC: its members and leader, the region of a key, the address of a store."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from demo.subjects.tikv.client.grpc_channels import Channels, NoAnswer
from demo.subjects.tikv.client.region_cache import KeyRegion, region_from
from demo.subjects.tikv.proto import raw_pb2 as wire

MEMBERS = "/pdpb.PD/GetMembers"
REGION = "/pdpb.PD/GetRegion"
REGIONS = "/pdpb.PD/ScanRegions"
STORE = "/pdpb.PD/GetStore"

Answer = TypeVar("Answer", wire.GetRegionResponse, wire.ScanRegionsResponse, wire.GetStoreResponse)


class PdClient:
    """Any PD may say who leads; only the leader is asked for regions and stores. Raises `NoAnswer`.

    `until` is a time of the running loop.
    """

    def __init__(self, channels: Channels, addresses: Sequence[str], stores: dict[int, str]) -> None:
        self._channels = channels
        self._given = tuple(dict.fromkeys(host_port(address) for address in addresses))
        self._known = self._given
        self._leader: str | None = None
        self._cluster_id = 0
        self._stores = stores

    async def region(self, key: bytes, until: float) -> KeyRegion:
        """The region that holds `key`."""
        answer = await self._ask_leader(
            REGION, lambda header: wire.GetRegionRequest(header=header, region_key=key), wire.GetRegionResponse, until
        )
        region = region_from(answer.region, answer.leader if answer.HasField("leader") else None)
        if not region.ident or not region.peers or not region.holds(key):
            raise NoAnswer("no_route", "PD knows no region for this key")
        return region

    async def regions(self, start: bytes, most: int, until: float) -> list[KeyRegion]:
        """Those from the one that holds `start` on, no more than `most`: one answer of bounded size."""
        answer = await self._ask_leader(
            REGIONS,
            lambda header: wire.ScanRegionsRequest(header=header, start_key=start, limit=most),
            wire.ScanRegionsResponse,
            until,
        )
        found = [region_from(one.region, one.leader if one.HasField("leader") else None) for one in answer.regions]
        if not found:
            raise NoAnswer("no_route", "PD knows no regions")
        return found[:most]

    async def learn_addresses(self, store_ids: Iterable[int], until: float) -> None:
        """As far as PD tells: they are wanted when it does not."""
        for store_id in store_ids:
            with suppress(NoAnswer):
                await self.address(store_id, until)

    def known_address(self, store_id: int) -> str | None:
        return self._stores.get(store_id)

    async def address(self, store_id: int, until: float) -> str:
        """What a store advertises."""
        if store_id not in self._stores:
            answer = await self._ask_leader(
                STORE,
                lambda header: wire.GetStoreRequest(header=header, store_id=store_id),
                wire.GetStoreResponse,
                until,
            )
            if not answer.store.address:
                raise NoAnswer("no_route", f"PD knows no address of store {store_id}")
            self._stores[store_id] = answer.store.address
        return self._stores[store_id]

    def forget_address(self, store_id: int) -> None:
        """It answers as another store now."""
        self._stores.pop(store_id, None)

    async def _ask_leader(
        self, path: str, request: Callable[[wire.RequestHeader], Any], answer: type[Answer], until: float
    ) -> Answer:
        """Twice: when the known leader refuses or is silent, the members are asked who leads now."""
        clock = asyncio.get_running_loop().time
        for share in (0.5, 1.0):
            leader = self._leader or await self._find_leader(until)
            header = wire.RequestHeader(cluster_id=self._cluster_id)
            try:
                found = await self._channels.ask(leader, path, request(header), answer, share * (until - clock()))
            except NoAnswer as error:
                trouble = str(error)
            else:
                if not found.header.error.type:
                    return found
                trouble = f"{leader} refused: {found.header.error.message[:200]}"
            self._leader = None
        raise NoAnswer("no_route", f"PD does not say where the key lives: {trouble}")

    async def _find_leader(self, until: float) -> str:
        """All known members are asked at once: a frozen one holds nobody up."""
        left = until - asyncio.get_running_loop().time()
        asked = [asyncio.ensure_future(self._members(address, left)) for address in self._known]
        try:
            for next_one in asyncio.as_completed(asked):
                members = await next_one
                if members is not None and members.leader.client_urls:
                    return self._learn(members)
        finally:
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        self._known = self._given
        raise NoAnswer("no_route", "no PD names a leader")

    async def _members(self, address: str, within_sec: float) -> wire.GetMembersResponse | None:
        try:
            request = wire.GetMembersRequest()
            return await self._channels.ask(address, MEMBERS, request, wire.GetMembersResponse, within_sec)
        except NoAnswer:
            return None  # told by the others, or by nobody: then that is said

    def _learn(self, members: wire.GetMembersResponse) -> str:
        learned = [host_port(url) for member in members.members for url in member.client_urls[:1]]
        self._known = tuple(dict.fromkeys([*self._given, *learned]))
        self._cluster_id = members.header.cluster_id
        self._leader = host_port(members.leader.client_urls[0])
        return self._leader


def host_port(url: str) -> str:
    """`http://pd0:2379/` → `pd0:2379`."""
    return url.rpartition("//")[2].rstrip("/")
