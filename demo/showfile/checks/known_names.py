"""The names of a show: what is declared under which key, and what a condition can mean by a name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from demo.errors import InvalidValue
from demo.showfile.checks.places import Checked
from demo.showfile.probing.addresses import expand
from demo.showfile.schema.probes import ProbeSettings

RESERVED = frozenset(
    ("all", "and", "book", "count", "degraded", "down", "during", "false", "for", "in", "is", "matches", "not", "null")
) | frozenset(("or", "p", "rate", "true", "unknown", "up", "where", "within"))
"""Words of the condition language: nothing that a condition may name is called like that."""


def addresses(probe: ProbeSettings) -> tuple[str, ...]:
    """Return the addresses of a probe as they are written, braces included."""
    given = getattr(probe, probe.kind)
    if isinstance(given, tuple) and probe.kind in {"http", "tcp", "redis", "postgres"}:
        return given
    return (given,) if isinstance(given, str) else ()


def elements_of(probe: ProbeSettings) -> tuple[str, ...]:
    """Return what tells the nodes of a probe apart, as far as that is known before it is asked."""
    if probe.each is not None or (probe.id is not None and probe.query is not None):
        return probe.expect_nodes
    if probe.any:
        return ()
    try:
        return tuple(address.element for address in expand(addresses(probe)) if address.element)
    except InvalidValue:
        return ()  # told where addresses are checked


def own_nodes(name: str, probe: ProbeSettings) -> tuple[str, ...]:
    """Return the ids of a probe's nodes besides its own name: `probe-element`, and the element if another has it."""
    ids = [word for element in elements_of(probe) for word in (element, f"{name}-{element}")]
    single = (probe.id,) if probe.id is not None and probe.each is None and probe.query is None else ()
    return (*ids, *single)


@dataclass(frozen=True)
class KnownNames:
    """The names of a show by what they are.

    `has_more`: nodes may appear that only an answer names. `has_subject`: a built-in system, or one of somebody's own,
    brings nodes and faults besides; `subject_faults` are its faults, None where only running it could tell.
    """

    probes: Mapping[str, ProbeSettings | None]
    """None for a probe with errors."""

    groups: tuple[str, ...]
    nodes: tuple[str, ...]
    loads: tuple[str, ...]
    books: tuple[str, ...]
    """The loads whose writes are numbered."""

    faults: tuple[str, ...]
    processes: tuple[str, ...]
    proxies: tuple[str, ...]
    panels: tuple[str, ...]
    secrets: tuple[str, ...]
    has_more: bool
    has_subject: bool
    subject_faults: tuple[str, ...] | None

    def is_fault(self, name: str) -> bool:
        """Return whether a fault has this name, or may have it."""
        return name in self.all_faults or self.subject_faults is None

    @property
    def all_faults(self) -> tuple[str, ...]:
        """The faults of the file, then those of its subject."""
        return (*self.faults, *(self.subject_faults or ()))

    def is_declared_node(self, name: str) -> bool:
        """Return whether a condition can ask for the state of what has this name; nodes of an answer begin with its."""
        if name in self.probes or name in self.groups or name in self.nodes:
            return True
        return any(
            name.startswith(f"{probe}-")
            and (settings is None or settings.each is not None or settings.query is not None)
            for probe, settings in self.probes.items()
        )

    @property
    def for_conditions(self) -> tuple[str, ...]:
        return (*self.probes, *self.groups, *self.nodes, *self.loads)

    @property
    def nodelike(self) -> tuple[str, ...]:
        """Return what stands in the picture of the system."""
        return (*self.probes, *self.groups, *self.nodes, *self.processes, *self.proxies, *self.loads)


def known_names(checked: Checked, subject_faults: tuple[str, ...] | None) -> KnownNames:
    """Return the names of a show; `subject_faults` as `check_subject` returns them."""
    settings = checked.settings
    valid = settings.probes.values()
    in_probes = {probe.group for probe in valid if probe.group}
    nodes = dict.fromkeys(node for name, probe in settings.probes.items() for node in own_nodes(name, probe))
    return KnownNames(
        probes={name: settings.probes.get(name) for name in checked.declared("probes")},
        groups=tuple(dict.fromkeys((*checked.declared("groups"), *sorted(in_probes)))),
        nodes=tuple(nodes),
        loads=checked.declared("load"),
        books=tuple(
            name
            for name in checked.declared("load")
            if (load := settings.load.get(name)) is None or load.book  # one with errors may have one
        ),
        faults=checked.declared("faults"),
        processes=checked.declared("processes"),
        proxies=checked.declared("proxies"),
        panels=checked.declared("panels"),
        secrets=checked.declared("secrets"),
        has_more=settings.subject is not None
        or any(probe.each is not None for probe in valid)
        or len(valid) < len(checked.declared("probes")),
        has_subject=settings.subject is not None,
        subject_faults=subject_faults,
    )


def check_declarations(checked: Checked, names: KnownNames) -> None:
    """Report names that mean two things to a condition, and names that are words of the condition language."""
    kinds = {"probes": "probe", "groups": "group", "load": "load"}
    for key, kind in kinds.items():
        for name in checked.declared(key):
            if name in RESERVED:
                checked.front.error(
                    (key, name), f"a {kind} cannot be called {name}: conditions use the word", at_key=True
                )
            for other in _others(checked, names, key, name):
                checked.front.error(
                    (key, name),
                    f"{name} is the name of a {kind} and of {other}: a condition could mean both. Rename one of them",
                    at_key=True,
                )
    for name in set(names.faults) & set(names.subject_faults or ()):
        text = f"the subject {checked.settings.subject} has a fault {name} already: choose another name"
        checked.front.error(("faults", name), text, at_key=True)
    if "all" in checked.declared("faults"):
        checked.front.error(("faults", "all"), "a fault cannot be called all: heal: all heals every fault", at_key=True)


def _others(checked: Checked, names: KnownNames, key: str, name: str) -> Iterator[str]:
    """Yield what else has this name; each pair once."""
    probes = checked.settings.probes
    if key == "probes":
        if name in names.groups and not probes_alone(checked, name):
            yield "a group"
        owners = [probe for probe, settings in probes.items() if name in elements_of(settings) and probe != name]
        if owners:
            yield f"a node of the probe {owners[0]}"
    if key == "groups" and name in names.nodes:
        yield "a node"
    if key == "load":
        if name in names.probes:
            yield "a probe"
        if name in names.groups:
            yield "a group"
        if name in names.nodes:
            yield "a node"


def probes_alone(checked: Checked, name: str) -> bool:
    """Return whether the group of this name holds only the probe of this name: then both mean the same nodes."""
    members = {probe for probe, settings in checked.settings.probes.items() if settings.group == name}
    return name not in checked.declared("groups") and members == {name}
