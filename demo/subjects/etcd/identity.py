"""Which etcd each member is: what answers where it used to answer must still be that one."""

from collections.abc import Callable
from dataclasses import dataclass, field

from demo.probes.result import Reading

STRANGER = "another etcd answers on its port"


@dataclass(frozen=True)
class Identity:
    """`container`: its id, "" while the engine has not told it. `cluster` and `member` are etcd's own ids."""

    container: str
    cluster: str
    member: str


@dataclass
class Identities:
    """Of each member, as it was first met in its present container; a new container may be a new member.

    `container_of` a member's id: the id of its container as of now.
    """

    container_of: Callable[[str], str]
    _known: dict[str, Identity] = field(default_factory=dict)

    def judge(self, ident: str, reading: Reading) -> Reading:
        """The reading, or that it is a stranger's."""
        if not reading.ok:
            return reading
        met = Identity(self.container_of(ident), str(reading.data["cluster"]), str(reading.data["member"]))
        known = self._known.get(ident)
        is_new = known is None or (met.container and known.container and met.container != known.container)
        if known is not None and not is_new and (met.cluster, met.member) != (known.cluster, known.member):
            return Reading(trouble=STRANGER)
        if is_new or (met.container and known != met):
            self._known[ident] = met
        return reading
