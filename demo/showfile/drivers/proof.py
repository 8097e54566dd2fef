"""The proof that a fault is healed: a condition, decided by fresh answers of the probes that it names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.drivers.substitution import fill, from_values, names_in
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.probes import ProbeSettings


@dataclass(frozen=True)
class Proof:
    """`healed`: the condition, "" if none is needed. `probes`: the settings of the probes to ask, as JSON data.

    It is stored in the plan as a whole, so that a healer without the show file asks the same.
    """

    healed: str = ""
    probes: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def by(cls, healed: str, settings: FrontMatter, context: DriverContext) -> "Proof":
        """Return the proof by a condition of the show file. Raises the parser's error."""
        if not healed:
            return cls()
        asked = _probes_named((use.parts for use in context.parse(healed).names()), settings)
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
        return context.parse(self.healed).truth(facts) is True


def as_data(probes: Mapping[str, ProbeSettings]) -> dict[str, Any]:
    """Return the settings of probes as JSON data, without what is not set."""
    return {name: probe.model_dump(mode="json", by_alias=True, exclude_unset=True) for name, probe in probes.items()}


def _probes_named(names: Iterable[tuple[str, ...]], settings: FrontMatter) -> dict[str, ProbeSettings]:
    """Return the probes that these names stand for; all of them for a name that is none of a probe's own.

    A group, a single node and `all` may be told of by any probe, so every one is asked.
    """
    first_parts = {parts[0] for parts in names if parts}
    if first_parts <= settings.probes.keys():
        return {name: settings.probes[name] for name in sorted(first_parts)}
    return dict(settings.probes)
