"""Checks of `highlight`: that each entry is a number that is drawn, or a node, as far as that is known."""

from collections.abc import Sequence

from demo.showfile.checks.known_names import KnownNames
from demo.showfile.checks.places import CheckedChapter, SettingsBlock
from demo.showfile.probing.card import shown_by
from demo.showfile.schema.probes import ProbeSettings
from demo.showfile.schema_paths import Path

MAX_NUMBERS = 2
MAX_NODES = 4
"""How many numbers and nodes a room takes in at once."""

OF_LOADS = ("answered", "rate")
OF_BOOKS = ("book.confirmed", "book.lost")


def check_highlight(chapter: CheckedChapter, names: KnownNames) -> None:
    """Report entries that name nothing, numbers that are not drawn, and more than a room takes in."""
    block, given = chapter.block, chapter.settings.highlight
    entries = (given,) if isinstance(given, str) else given
    numbers = [name for name in entries if "." in name]
    for kind, found, allowed in (("numbers", numbers, MAX_NUMBERS), ("nodes", entries, MAX_NUMBERS + MAX_NODES)):
        if len(found) > allowed:
            block.error(("highlight",), f"highlight has {len(found)} {kind}: a room takes in {allowed}")
    for index, name in enumerate(entries):
        path: Path = ("highlight",) if isinstance(given, str) else ("highlight", index)
        _check_entry(block, path, name, names)


def _check_entry(block: SettingsBlock, path: Path, name: str, names: KnownNames) -> None:
    owner, _, field = name.partition(".")
    if owner not in names.for_conditions:
        if not names.has_more:
            block.unknown(path, "probe or load", owner, names.for_conditions)
        return
    if not field:
        return
    known = drawn_numbers(owner, names)
    if known is None or name in known:
        return
    if not known:
        block.error(path, f"no number of {owner} is drawn: give its probe a main, like main: latency")
        return
    block.unknown(path, "curve", name, known)


def drawn_numbers(owner: str, names: KnownNames) -> Sequence[str] | None:
    """Return the numbers of a load, probe, group or node that are drawn; None where a probe of it has errors."""
    if owner in names.loads:
        fields = (*OF_LOADS, *(OF_BOOKS if owner in names.books else ()))
        return [f"{owner}.{field}" for field in fields]
    found: list[ProbeSettings] = []
    for name, probe in names.probes.items():
        if probe is None:
            return None
        if owner in (name, probe.group) or owner not in names.probes:
            found.append(probe)
    labels = {field for probe in found if probe.main is not None for field in _names_of_main(probe)}
    return [f"{owner}.{field}" for field in sorted(labels)]


def _names_of_main(probe: ProbeSettings) -> tuple[str, ...]:
    return (shown_by(probe)[0].path,)
