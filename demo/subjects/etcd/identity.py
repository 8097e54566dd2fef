"""Checks that each member still is the etcd that answered when it was first seen."""

from collections.abc import Callable
from dataclasses import dataclass, field

from demo.probes.result import Reading

STRANGER = "another etcd answers on its port"


@dataclass(frozen=True)
class Identity:
    """`container`: its id, "" while the engine has not reported it. `cluster` and `member` are etcd's own ids."""

    container: str
    cluster: str
    member: str


@dataclass
class Identities:
    """The identity of each member when first seen in its present container; a new container may hold a new member.

    `container_of` returns the present container's id for a member's id.
    """

    container_of: Callable[[str], str]
    _known: dict[str, Identity] = field(default_factory=dict)

    def judge(self, ident: str, reading: Reading) -> Reading:
        """Return the reading, or one with `trouble` if another etcd answered."""
        if not reading.ok:
            return reading
        current = Identity(self.container_of(ident), str(reading.data["cluster"]), str(reading.data["member"]))
        known = self._known.get(ident)
        # A container whose id is not known, because the engine does not answer, does not count as a new one.
        is_new = known is None or (current.container and known.container and current.container != known.container)
        if known is not None and not is_new and (current.cluster, current.member) != (known.cluster, known.member):
            return Reading(trouble=STRANGER)
        if is_new or (current.container and known != current):
            self._known[ident] = current
        return reading
