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
    """Any PD may say who leads; only the leader is asked for regions and stores. Methods raise `NoAnswer`.

    `until` is a deadline in the running loop's time.
    """

    def __init__(self, channels: Channels, addresses: Sequence[str], stores: dict[int, str]) -> None:
        self._channels = channels
        self._configured_addresses = tuple(dict.fromkeys(host_port(address) for address in addresses))
        self._known_addresses = self._configured_addresses
        self._leader: str | None = None
        self._cluster_id = 0
        self._stores = stores

    async def region(self, key: bytes, until: float) -> KeyRegion:
        """Return the region that holds `key`."""
        answer = await self._ask_leader(
            REGION, lambda header: wire.GetRegionRequest(header=header, region_key=key), wire.GetRegionResponse, until
        )
        region = region_from(answer.region, answer.leader if answer.HasField("leader") else None)
        if not region.ident or not region.peers or not region.holds(key):
            raise NoAnswer("no_route", "PD knows no region for this key")
        return region

    async def regions(self, start: bytes, limit: int, until: float) -> list[KeyRegion]:
        """Return the region that holds `start` and those after it, at most `limit`, in one answer of bounded size."""
        answer = await self._ask_leader(
            REGIONS,
            lambda header: wire.ScanRegionsRequest(header=header, start_key=start, limit=limit),
            wire.ScanRegionsResponse,
            until,
        )
        regions = [
            region_from(item.region, item.leader if item.HasField("leader") else None) for item in answer.regions
        ]
        if not regions:
            raise NoAnswer("no_route", "PD knows no regions")
        return regions[:limit]

    async def learn_addresses(self, store_ids: Iterable[int], until: float) -> None:
        """Learn the addresses of these stores now, for the time when PD does not answer; ignore failures."""
        for store_id in store_ids:
            with suppress(NoAnswer):
                await self.address(store_id, until)

    def known_address(self, store_id: int) -> str | None:
        return self._stores.get(store_id)

    async def address(self, store_id: int, until: float) -> str:
        """Return the address that a store advertises."""
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
        """Forget a store's address: another store answers there now."""
        self._stores.pop(store_id, None)

    async def _ask_leader(
        self, path: str, request: Callable[[wire.RequestHeader], Any], answer: type[Answer], until: float
    ) -> Answer:
        """Ask PD's leader; if it refuses or does not answer, find out who leads now, and ask that one."""
        clock = asyncio.get_running_loop().time
        # The first try may take half of the remaining time, so that there is some left for a new leader.
        for share in (0.5, 1.0):
            leader = self._leader or await self._find_leader(until)
            header = wire.RequestHeader(cluster_id=self._cluster_id)
            try:
                response = await self._channels.ask(leader, path, request(header), answer, share * (until - clock()))
            except NoAnswer as error:
                trouble = str(error)
            else:
                if not response.header.error.type:
                    return response
                trouble = f"{leader} refused: {response.header.error.message[:200]}"
            self._leader = None
        raise NoAnswer("no_route", f"PD does not report the region of the key: {trouble}")

    async def _find_leader(self, until: float) -> str:
        """Ask all known members concurrently, so that a frozen one delays nothing."""
        remaining_sec = until - asyncio.get_running_loop().time()
        tasks = [asyncio.ensure_future(self._ask_members(address, remaining_sec)) for address in self._known_addresses]
        try:
            for next_one in asyncio.as_completed(tasks):
                members = await next_one
                if members is not None and members.leader.client_urls:
                    return self._learn_members(members)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._known_addresses = self._configured_addresses
        raise NoAnswer("no_route", "no PD names a leader")

    async def _ask_members(self, address: str, within_sec: float) -> wire.GetMembersResponse | None:
        try:
            request = wire.GetMembersRequest()
            return await self._channels.ask(address, MEMBERS, request, wire.GetMembersResponse, within_sec)
        except NoAnswer:
            return None  # the others are asked, too; if none answers, `_find_leader` raises

    def _learn_members(self, members: wire.GetMembersResponse) -> str:
        learned = [host_port(url) for member in members.members for url in member.client_urls[:1]]
        self._known_addresses = tuple(dict.fromkeys([*self._configured_addresses, *learned]))
        self._cluster_id = members.header.cluster_id
        self._leader = host_port(members.leader.client_urls[0])
        return self._leader


def host_port(url: str) -> str:
    """Return `pd0:2379` for `http://pd0:2379/`."""
    return url.rpartition("//")[2].rstrip("/")
