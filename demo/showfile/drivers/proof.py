"""The proof that a fault is healed: a condition, decided by fresh answers of the probes that it names."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.conditions import Condition, parse
from demo.conditions.facts import ALL
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.drivers.substitution import fill, from_values, names_in
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.probes import ProbeSettings

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Proof:
    """`healed`: the condition, "" if none is needed. `probes`: the settings of the probes to ask, as JSON data.

    It is stored in the plan as a whole, so that a healer without the show file asks the same.
    """

    healed: str = ""
    probes: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def by(cls, healed: str, settings: FrontMatter) -> "Proof":
        """Return the proof by a condition of the show file. Raises `ConditionError`."""
        if not healed:
            return cls()
        asked = _probes_in(parse(healed), settings)
        return cls(healed, as_data(asked), {name: list(nodes) for name, nodes in settings.groups.items()})

    def data(self) -> dict[str, Any]:
        return {"healed": self.healed, "probes": dict(self.probes), "groups": dict(self.groups)}

    @property
    def names(self) -> frozenset[str]:
        """The names, of secrets, that its probes have filled in."""
        return names_in(list(self.probes.values()))

    async def holds(self, context: DriverContext, variables: Mapping[str, str]) -> bool:
        """Ask the probes, and return whether the condition holds for certain; unknown is not healed.

        `variables`: the plan's secrets. Raises `FaultError` if one of them is not in the environment.
        """
        if not self.healed:
            return True
        probes = {name: ProbeSettings.model_validate(probe) for name, probe in self.probes.items()}
        lookup = Secrets(variables, context.secrets.environ).look_up(from_values({}))
        facts = await context.ask_probes(probes, self.groups, lambda text: fill(text, lookup))
        return parse(self.healed).truth(facts) is True


def as_data(probes: Mapping[str, ProbeSettings]) -> dict[str, Any]:
    """Return the settings of probes as JSON data, without what is not set."""
    return {name: probe.model_dump(mode="json", by_alias=True, exclude_unset=True) for name, probe in probes.items()}


def not_down(nodes: Iterable[str], settings: FrontMatter) -> Proof:
    """Return the proof that none of these nodes is down, for a fault without a condition of its own."""
    return Proof.by(" and ".join(f"not {json.dumps(node)} is down" for node in nodes), settings)


def _probes_in(condition: Condition, settings: FrontMatter) -> dict[str, ProbeSettings]:
    """Return the probes that a condition names; all of them for a name that is none of a probe's own.

    A group, a single node and `all` may be told of by any probe, so every one is asked.
    """
    names = {use.of or use.parts[0] for use in condition.names()}
    if names <= settings.probes.keys() and ALL not in _WORD.findall(condition.text):
        return {name: settings.probes[name] for name in sorted(names)}
    return dict(settings.probes)
