"""Faults by one value in a shared JSON document: the undo puts back this value, and nothing else of the document."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.errors import FaultError
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.fault_config import config_of, heal_timeout_of
from demo.showfile.drivers.http_request import describe_request
from demo.showfile.drivers.json_document import ANSWER_SEC, TRIES, Found, JsonDocument, Location, same
from demo.showfile.drivers.observation import Observation
from demo.showfile.drivers.proof import Proof
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.drivers.substitution import fill, fill_data, from_values, names_in
from demo.showfile.schema.faults import FaultSettings, JsonValue
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import LATE_SEC, Plan


@dataclass
class SharedDocuments:
    """What the faults of one show know of each other's documents.

    `locks`: one for each URL, so that no fault writes back what another has just changed. `changed_by`: URL and
    location of each value that is changed now → the fault.
    """

    locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    changed_by: dict[tuple[str, Location], str] = field(default_factory=dict)


class JsonFault:
    """Changes one value. `heal`, `is_healed` and `has_landed` go by the plan alone."""

    def __init__(
        self, name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext, shared: SharedDocuments
    ) -> None:
        if fault.json_ is None:
            raise TypeError(f"{name} is not a fault by json")
        self.config = config_of(name, fault)
        self._value: JsonValue = fault.json_
        self._fault, self._context, self._shared = fault, context, shared
        self._proof = Proof.by(fault.healed or "", settings)
        self._observation = Observation.of(fault, context)

    @property
    def target(self) -> str:
        return self._fault.title or self._value.path

    @property
    def observable(self) -> str:
        return self._observation.words("something is not up")

    async def plan(self) -> Plan:
        value, known = self._value, self._context.secrets
        names = names_in(value.url) | names_in(dict(value.headers)) | self._proof.names
        known.require(names)
        undo = {
            "url": value.url,
            "path": value.path,
            "method": value.method,
            "headers": dict(value.headers),
            "changed_to": value.value,
            "secrets": known.only(names),
            "proof": self._proof.data(),
            "heal_timeout": self._fault.heal_timeout,
        }
        found = await self._document(undo).find(value.path)
        self._check_target(found)
        undo |= {"location": list(found.location), "before": found.value} if found is not None else {}
        return Plan("json", self.target, undo, self._manual(undo), LATE_SEC)

    def _check_target(self, found: Found | None) -> None:
        if found is None:
            raise FaultError(f"there is nothing at {self._value.path} in the document: nothing was changed")
        if same(found.value, self._value.value):
            raise FaultError(f"{self._value.path} has the fault's value already, so the fault would show nothing")
        other = self._shared.changed_by.get((self._value.url, found.location))
        if other is not None:
            raise FaultError(f"the fault {other} has changed {self._value.path}: heal it first")

    def _manual(self, undo: Mapping[str, Any]) -> str:
        where = describe_request({"method": self._value.method}, self._value.url)
        return f"set {self._value.path} to {undo.get('before')!r} by {where}"

    def _document(self, undo: Mapping[str, Any]) -> JsonDocument:
        """Return the document of a plan. Raises `FaultError` if a secret is not in the environment."""
        lookup = Secrets(undo["secrets"], self._context.secrets.environ).look_up(from_values({}))
        url, headers = fill(undo["url"], lookup), fill_data(undo["headers"], lookup)
        return JsonDocument(url, undo["url"], undo["method"], headers)

    async def inject(self, plan: Plan) -> None:
        undo = plan.undo
        changed = await self._replace(undo, expected=undo["before"], value=undo["changed_to"])
        if not changed:
            raise FaultError(f"{undo['path']} was changed by somebody else meanwhile: nothing was changed")
        self._shared.changed_by[_key(undo)] = self.config.name

    async def heal(self, plan: Plan) -> None:
        undo = plan.undo
        # Any other value is somebody else's by now, and theirs to keep.
        await self._replace(undo, expected=undo["changed_to"], value=undo["before"])

    async def _replace(self, undo: Mapping[str, Any], *, expected: Any, value: Any) -> bool:
        """Write the value where the expected one is; return whether it was there. Raises `FaultError`."""
        document = self._document(undo)
        async with self._shared.locks[undo["url"]]:
            for _ in range(TRIES):
                found = await document.find(undo["path"], undo["location"])
                if found is None or not same(found.value, expected):
                    return False
                if await document.write(found, value):
                    return True
        raise FaultError(f"{undo['path']} could not be written: the document was changed {TRIES} times meanwhile")

    async def is_healed(self, plan: Plan) -> bool:
        if await self._is_changed(plan.undo):
            return False
        self._shared.changed_by.pop(_key(plan.undo), None)
        return await Proof(**plan.undo["proof"]).holds(self._context, plan.undo["secrets"])

    async def _is_changed(self, undo: Mapping[str, Any]) -> bool:
        found = await self._document(undo).find(undo["path"], undo["location"])
        return found is not None and same(found.value, undo["changed_to"])

    async def has_landed(self, plan: Plan) -> bool:
        # One request makes the whole change; a server that has carried it out has nothing more of it to come.
        async with asyncio.timeout(ANSWER_SEC):
            return await self._is_changed(plan.undo)

    def heal_timeout(self, plan: Plan) -> float:
        return heal_timeout_of(plan)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return self._observation.is_seen(health)

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        return self._observation.is_recovered(health)


def _key(undo: Mapping[str, Any]) -> tuple[str, Location]:
    return undo["url"], tuple(undo["location"])
