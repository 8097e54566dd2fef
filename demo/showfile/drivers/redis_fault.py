"""A pause of any Redis: its writes wait, while PING and reads still answer. It ends by itself unless it is renewed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from demo.errors import FaultError
from demo.faults.renewal import LATE_SEC, TERM_SEC, Renewal
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.fault_config import config_of, heal_timeout_of
from demo.showfile.drivers.observation import Observation
from demo.showfile.drivers.proof import Proof
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.drivers.substitution import fill, from_values, names_in
from demo.showfile.schema.faults import FaultSettings
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import ChaosType, Plan

ANSWER_SEC = 2.0
WRITE_SEC = 0.5
PROBE_KEY = "demo:probe:heal"
"""Written, with an expiry of a second, to see whether writes wait."""


class RedisPauseFault:
    """Sends `CLIENT PAUSE … WRITE` and renews it. The server is known by its `run_id`: a restart ends a pause."""

    def __init__(self, name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext) -> None:
        if fault.redis is None:
            raise TypeError(f"{name} is not a fault by redis")
        self.config = config_of(name, fault, ChaosType.REDIS_PAUSE)
        self._url = fault.redis.url
        self._fault, self._context = fault, context
        self._proof = Proof.by(fault.healed or "", settings)
        self._observation = Observation.of(fault, context)
        self._renewals: dict[str, Renewal] = {}

    @property
    def target(self) -> str:
        return self._fault.title or f"redis {urlsplit(self._url).netloc.rpartition('@')[2]}"

    @property
    def observable(self) -> str:
        return self._observation.words("writes to redis wait")

    async def plan(self) -> Plan:
        names, known = names_in(self._url) | self._proof.names, self._context.secrets
        known.require(names)
        undo = {
            "url": self._url,
            "secrets": known.only(names),
            "proof": self._proof.data(),
            "heal_timeout": self._fault.heal_timeout,
        }
        run_id = await self._read_run_id(undo)
        # A Redis that is paused already would be unpaused by our heal, and nobody could see our own effect.
        if not await self._accepts_writes(undo, ANSWER_SEC):
            raise FaultError(f"{self.target} does not accept writes now, so pausing it would show nothing")
        host = urlsplit(self._url)
        by_hand = f"redis-cli -h {host.hostname or 'localhost'} -p {host.port or 6379} CLIENT UNPAUSE"
        return Plan("redis", self.target, undo | {"run_id": run_id}, by_hand, LATE_SEC)

    async def inject(self, plan: Plan) -> None:
        undo = plan.undo
        if await self._read_run_id(undo) != undo["run_id"]:
            raise FaultError(f"{plan.target} was restarted meanwhile: nothing was paused")
        lasts_sec = self.config.duration_sec if plan.duration_sec is None else plan.duration_sec
        renewal = Renewal(lambda: self._pause(undo), lasts_sec)
        self._renewals[undo["run_id"]] = renewal
        await renewal.begin()

    async def _pause(self, undo: Mapping[str, Any]) -> None:
        # all=False pauses writes only: PING and reads must go on answering.
        await self._send(undo, "CLIENT PAUSE", lambda client: client.client_pause(int(TERM_SEC * 1000), all=False))

    async def heal(self, plan: Plan) -> None:
        undo = plan.undo
        if (renewal := self._renewals.pop(undo["run_id"], None)) is not None:
            await renewal.end()
        if await self._read_run_id(undo) == undo["run_id"]:
            await self._send(undo, "CLIENT UNPAUSE", lambda client: client.client_unpause())

    async def is_healed(self, plan: Plan) -> bool:
        undo = plan.undo
        # Checked with a write: PING and reads answer during a pause too.
        if await self._read_run_id(undo) == undo["run_id"] and not await self._accepts_writes(undo, WRITE_SEC):
            return False
        return await Proof(**undo["proof"]).holds(self._context, undo["secrets"])

    def heal_timeout(self, plan: Plan) -> float:
        return heal_timeout_of(plan)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return self._observation.is_seen(health)

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        return self._observation.is_recovered(health)

    async def _read_run_id(self, undo: Mapping[str, Any]) -> str:
        info: dict[str, Any] = await self._send(undo, "INFO server", lambda client: client.info("server"))
        return str(info.get("run_id", ""))

    async def _accepts_writes(self, undo: Mapping[str, Any], within_sec: float) -> bool:
        try:
            async with asyncio.timeout(within_sec), self._client(undo, within_sec) as client:
                await client.set(PROBE_KEY, 1, px=1000)
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def _send(self, undo: Mapping[str, Any], said: str, command: Callable[[Redis], Awaitable[Any]]) -> Any:
        try:
            async with asyncio.timeout(ANSWER_SEC), self._client(undo, ANSWER_SEC) as client:
                return await command(client)
        except (RedisError, OSError, TimeoutError, ValueError) as error:
            why = self._context.secrets.mask(str(error)) or "no answer"
            raise FaultError(f"{self.target} did not accept {said}: {why}") from None

    @asynccontextmanager
    async def _client(self, undo: Mapping[str, Any], answer_sec: float) -> AsyncIterator[Redis]:
        lookup = Secrets(undo["secrets"], self._context.secrets.environ).look_up(from_values({}))
        url = fill(undo["url"], lookup)
        client = Redis.from_url(
            url if "://" in url else f"redis://{url}",
            socket_timeout=answer_sec,
            socket_connect_timeout=answer_sec,
            retry=None,
        )
        try:
            yield client
        finally:
            await client.aclose()
