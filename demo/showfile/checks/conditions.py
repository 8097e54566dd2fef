"""Checks of conditions: their syntax, that their names exist where they stand, and that they can be decided there."""

from demo.conditions import Condition, ConditionError, NameUse, parse
from demo.showfile.checks.condition_texts import ConditionText, condition_texts
from demo.showfile.checks.fields import BOOK, OF_BOOKS, OF_LOADS, OF_NODES, has_rows, own_fields
from demo.showfile.checks.known_names import KnownNames, elements_of
from demo.showfile.checks.places import Checked
from demo.showfile.probing.owner import owner_of
from demo.showfile.schema.probes import ProbeSettings
from demo.showfile.schema_problems import did_you_mean

HEALER = {
    "healed": "healed asks probes alone, because who heals after a crash has nothing else",
    "ready": "ready asks probes alone, because nothing else runs yet",
}
PICKED = "a node is picked by what its probe says"


def check_conditions(checked: Checked, names: KnownNames) -> None:
    for found in condition_texts(checked):
        try:
            condition = parse(found.text)
        except ConditionError as error:
            found.block.error_in(found.path, error.offset, f"{found.key}: {error.message}")
            continue
        _check_suffix(found, condition)
        for use in condition.names():
            _check_name(found, use, names)


def _check_suffix(found: ConditionText, condition: Condition) -> None:
    word = "during" if condition.during else "for" if condition.for_sec is not None else ""
    word = word or ("within" if condition.within_sec is not None else "")
    if word and word not in found.suffixes:
        where = {"node": "where picks a node at one moment", "probe": f"{found.key} is decided by one answer"}
        reason = where.get(found.scope, f"{found.key} looks at one moment" if not found.suffixes else "")
        hint = f": {reason}" if reason else f": {found.key} takes {' and '.join(found.suffixes)}"
        found.block.error_in(found.path, max(found.text.rfind(word), 0), f"{word} means nothing here{hint}")


def _check_name(found: ConditionText, use: NameUse, names: KnownNames) -> None:
    match use.role:
        case "fault":
            if not names.is_fault(use.text):
                found.block.unknown(found.path, "fault", use.text, names.all_faults, offset=use.offset)
        case "nodes":
            _check_nodes(found, use, names)
        case "field":
            _check_field(found, use, use.of, use.parts, names)
        case "value" if found.scope == "probe":
            _check_own_field(found, use, names)
        case "value":
            _check_value(found, use, names)


def _check_own_field(found: ConditionText, use: NameUse, names: KnownNames) -> None:
    probe = names.probes.get(found.owner)
    known = own_fields(probe) if probe is not None else None
    if known is None or use.parts[0] in known or probe is None:
        return
    own = f"{found.owner}." if use.parts[0] == found.owner else ""
    hint = f": within its own probe leave {own} out" if own else did_you_mean(use.parts[0], known) or "."
    text = f'a probe by {probe.kind} has no "{use.parts[0]}"{hint} It has {", ".join(known)}'
    found.block.error_in(found.path, use.offset, text)


def _check_nodes(found: ConditionText, use: NameUse, names: KnownNames) -> None:
    name = use.text
    if found.scope == "probe":
        found.block.error_in(
            found.path, use.offset, f"{found.key} is about the probe's own answer: it cannot ask {name}"
        )
    elif name in names.loads:
        text = f"{name} is a load, and has no state: ask for {name}.rate or {name}.errors"
        found.block.error_in(found.path, use.offset, text)
    elif not names.is_declared_node(name):
        if names.has_subject and found.scope == "show":
            return  # one of the subject's, which are not known before it runs
        found.block.unknown(found.path, "probe, group or node", name, names.for_conditions, offset=use.offset)
    elif found.scope == "healer":
        _check_no_log(found, use, name, names)


def _check_no_log(found: ConditionText, use: NameUse, name: str, names: KnownNames) -> None:
    probe = names.probes.get(name)
    if probe is not None and probe.log is not None:
        text = f"{name} reads a log, which says nothing about now: {found.key} needs a probe that can be asked"
        found.block.error_in(found.path, use.offset, text)


def _check_value(found: ConditionText, use: NameUse, names: KnownNames) -> None:
    """Check `probe.field`, `load.field`, `book.lost`, `p(95)`: the longest declared name counts."""
    first = use.parts[0].partition("(")[0]
    for length in range(len(use.parts), 0, -1):
        name = ".".join(use.parts[:length])
        if name in names.loads:
            return _check_load(found, use, name, use.parts[length:], names)
        if names.is_declared_node(name):
            return _check_field(found, use, name, use.parts[length:], names)
    if first == BOOK or (first in (*OF_LOADS, *OF_BOOKS) and len(use.parts) == 1):
        return _check_bare(found, use, names)
    if names.has_subject and found.scope == "show":
        return None  # a number of the subject's, which are not known before it runs
    if found.scope == "node" and len(use.parts) == 1:
        text = f"{use.text} of which probe? Write it like members.{use.text}"
        return found.block.error_in(found.path, use.offset, text)
    return found.block.unknown(found.path, "probe or load", use.parts[0], names.for_conditions, offset=use.offset)


def _check_bare(found: ConditionText, use: NameUse, names: KnownNames) -> None:
    """Check what is said of requests without the name of a load: there must be one load alone."""
    if found.scope != "show":
        text = f"{use.text} is measured by a load: {HEALER.get(found.key, PICKED)}"
        found.block.error_in(found.path, use.offset, text)
        return
    is_of_book = use.parts[0] == BOOK or use.parts[0] in OF_BOOKS
    owners = names.books if is_of_book else names.loads
    if not names.loads and not names.has_subject:
        found.block.error_in(found.path, use.offset, f"{use.text} is measured by a load, and none is declared")
    elif not owners and not names.has_subject:
        found.block.error_in(found.path, use.offset, f"{use.text} is known of a load with book: true, and none has it")
    elif len(owners) > 1:
        choices = " or ".join(f"{load}.{use.text}" for load in owners)
        found.block.error_in(found.path, use.offset, f"{use.text} of which load? Write {choices}")
    elif use.parts[0] == BOOK and use.parts[1:2] not in [(field,) for field in OF_BOOKS]:
        found.block.error_in(found.path, use.offset, f"a book has {', '.join(f'book.{field}' for field in OF_BOOKS)}")


def _check_load(found: ConditionText, use: NameUse, name: str, rest: tuple[str, ...], names: KnownNames) -> None:
    if found.scope != "show":
        text = f"{name} is a load: {HEALER.get(found.key, PICKED)}"
        found.block.error_in(found.path, use.offset, text)
        return
    field = rest[1] if rest[:1] == (BOOK,) and len(rest) > 1 else rest[0] if rest else ""
    if field in OF_BOOKS:
        if name not in names.books:
            text = f"{name} does not number its writes: add book: true to it"
            found.block.error_in(found.path, use.offset, text)
    elif field.partition("(")[0] not in OF_LOADS or rest[0] == BOOK:
        known = [f"{name}.{'p(95)' if field == 'p' else field}" for field in OF_LOADS]
        known += [f"{name}.book.{field}" for field in OF_BOOKS] if name in names.books else []
        found.block.error_in(found.path, use.offset, f"a load has no {field or 'value'}. It has {', '.join(known)}")


def _check_field(found: ConditionText, use: NameUse, name: str, rest: tuple[str, ...], names: KnownNames) -> None:
    probe = names.probes.get(name)
    if found.scope == "healer":
        _check_no_log(found, use, name, names)
    if not rest:
        found.block.error_in(
            found.path, use.offset, f"{name} has many values: write {name} is up, or {name}.latency < 1s"
        )
        return
    if probe is None:
        if name in names.groups and use.role == "value":
            _check_group_field(found, use, name, rest, names)
        return
    if found.scope == "node":
        _check_owner(found, use, name, probe)
    known = own_fields(probe)
    if known is not None and rest[0] not in (*known, *OF_NODES):
        hint = did_you_mean(rest[0], known) or "."
        text = f'{name} has no "{rest[0]}"{hint} A probe by {probe.kind} has {", ".join((*known, *OF_NODES))}'
        found.block.error_in(found.path, use.offset, text)
    elif use.role == "value" and found.scope != "node" and (has_rows(probe) or len(elements_of(probe)) > 1):
        _say_count(found, use, name, rest)


def _check_group_field(found: ConditionText, use: NameUse, name: str, rest: tuple[str, ...], names: KnownNames) -> None:
    """Check a field of a group: `where` picks one of its nodes by it; elsewhere it has too many."""
    if found.scope != "node":
        _say_count(found, use, name, rest)
        return
    for member, probe in names.probes.items():
        if probe is not None and probe.group == name:
            _check_owner(found, use, member, probe)


def _check_owner(found: ConditionText, use: NameUse, name: str, probe: ProbeSettings) -> None:
    """Check that a node which `where` picks leads to what the fault breaks: a container, or a process of the show."""
    owner, kind = owner_of(probe, name), found.path[-2]
    if not (owner.container if kind == "container" else owner.process):
        key = "container: db-${id}" if kind == "container" else "behind: ${id}"
        text = f"the probe {name} does not say whose {kind} its nodes are: add {key} to it"
        found.block.error_in(found.path, use.offset, text)


def _say_count(found: ConditionText, use: NameUse, name: str, rest: tuple[str, ...]) -> None:
    field = ".".join(rest)
    text = f"{name} has several nodes: whose {field}? Write count({name}.{field} == …) >= 1, or name one node"
    found.block.error_in(found.path, use.offset, text)
