"""Faults of a connection: a toxic in one of the show's proxies, added and removed by a name of its own."""

import math
import re
import secrets as random_tokens
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from demo.errors import FaultError, SubjectError
from demo.faults.renewal import Renewal
from demo.proxy.client import ProxyClient, ProxyIdentity
from demo.proxy.launch import ShowProxies, restart_killed
from demo.proxy.route import ProxyRoute
from demo.proxy.toxic import Toxic
from demo.types import ChaosConfig, Plan

KIND = "tcp"
TERM_SEC = 60.0
"""A toxic that nobody heals ends so long after its time, or after the last renewal if it has none."""

RENEW_SEC = 15.0
LATE_SEC = 1.0
"""A request that was under way when its server was killed is refused once the toxic's name was removed."""

_NOT_IN_PATHS = re.compile(r"[^A-Za-z0-9_-]")

IsProved = Callable[[Plan], Awaitable[bool]]
IsSeen = Callable[[Mapping[str, Any], float], bool]


class TcpFault:
    """Adds `toxic` to its proxy. `heal` and `is_healed` go by the plan alone: a healer passes no `proxies`.

    `is_proved` decides the show's condition `healed` by a plan, whose `undo["proof"]` is `proof`. `is_seen` decides the
    show's condition `seen`.
    """

    def __init__(
        self,
        config: ChaosConfig,
        toxic: Toxic,
        proxies: ShowProxies | None,
        *,
        observable: str,
        is_seen: IsSeen,
        is_proved: IsProved,
        proof: Mapping[str, Any],
    ) -> None:
        self.config = config
        self.observable = observable
        self.is_seen = is_seen
        self._toxic = toxic
        self._proxies = proxies
        self._is_proved = is_proved
        self._proof = dict(proof)
        self._renewals: dict[str, Renewal] = {}

    @property
    def target(self) -> str:
        return self._toxic.proxy

    async def plan(self) -> Plan:
        proxies = self._proxies
        if proxies is None or proxies.identity is None:
            raise FaultError(f"proxy {self.target!r} is not running, so it can disturb nothing: heal first")
        identity = proxies.identity
        if self.target not in (await ProxyClient(identity).describe())["proxies"]:
            raise FaultError(f"this show has no proxy {self.target!r}")
        name = f"{_NOT_IN_PATHS.sub('-', self.config.name)}.{random_tokens.token_hex(6)}"
        undo = {
            "toxic": name,
            "identity": identity.to_json(),
            "show": proxies.show,
            "routes": [route.to_json() for route in proxies.routes],
            "proof": self._proof,
        }
        by_hand = f"curl --unix-socket {identity.socket} -X DELETE http://local/toxics/{name}"
        return Plan(KIND, self.target, undo, by_hand, LATE_SEC)

    async def inject(self, plan: Plan) -> None:
        client, name = ProxyClient(_identity_of(plan)), plan.undo["toxic"]
        seconds = self.config.duration_sec if plan.duration_sec is None else plan.duration_sec
        if math.isfinite(seconds):
            await client.add(name, self._toxic, seconds + TERM_SEC)
            return
        renewal = Renewal(lambda: client.add(name, self._toxic, TERM_SEC), math.inf, RENEW_SEC)
        await renewal.begin()
        self._renewals[name] = renewal

    async def heal(self, plan: Plan) -> None:
        identity, name = _identity_of(plan), plan.undo["toxic"]
        if renewal := self._renewals.pop(name, None):
            await renewal.end()
        if not identity.has_ended:
            try:
                await ProxyClient(identity).remove(name)
            except FaultError:
                if not identity.has_ended:
                    raise
        if identity.has_ended:
            await self._restart(plan, identity)

    async def _restart(self, plan: Plan, identity: ProxyIdentity) -> None:
        """Let clients connect again: the toxic ended with its process, but so did every proxy."""
        try:
            if self._proxies is not None and self._proxies.identity is not None:
                await self._proxies.start()
                return
            routes: Sequence[ProxyRoute] = [ProxyRoute.from_json(route) for route in plan.undo["routes"]]
            await restart_killed(plan.undo["show"], routes, identity)
        except SubjectError as error:
            raise FaultError(f"the proxies did not come back: {error}") from error

    async def is_healed(self, plan: Plan) -> bool:
        identity = _identity_of(plan)
        if not identity.has_ended and await self._is_listed(identity, plan.undo["toxic"]):
            return False
        return await self._is_proved(plan)

    async def _is_listed(self, identity: ProxyIdentity, name: str) -> bool:
        try:
            return await ProxyClient(identity).has_toxic(name)
        except FaultError:
            if identity.has_ended:
                return False  # it ended while it was asked
            raise


def _identity_of(plan: Plan) -> ProxyIdentity:
    return ProxyIdentity.from_json(plan.undo["identity"])
