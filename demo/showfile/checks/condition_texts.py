"""Every condition of a show file with its place, and with what it may name there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from demo.showfile.checks.places import Checked, SettingsBlock
from demo.showfile.schema.chapters import Step
from demo.showfile.schema_paths import Path

Scope = Literal["probe", "show", "healer", "node"]
ANY_SUFFIX = ("for", "within", "during")


@dataclass(frozen=True)
class ConditionText:
    """One condition.

    `scope`: what its names mean. `probe`: fields of the probe `owner`; `show`: all that is declared; `healer`: probes
    alone, because who heals has nothing else; `node`: fields of a probe's nodes, to pick one. `suffixes`: those of
    `for`, `within` and `during` that mean something there.
    """

    block: SettingsBlock
    path: Path
    text: str
    scope: Scope
    suffixes: tuple[str, ...] = ()
    owner: str = ""

    @property
    def key(self) -> str:
        return str(self.path[-1])


def condition_texts(checked: Checked) -> Iterator[ConditionText]:
    yield from _of_system(checked)
    yield from _of_faults(checked)
    for chapter in checked.chapters:
        block, settings = chapter.block, chapter.settings
        for index, requirement in enumerate(settings.require):
            yield ConditionText(block, ("require", index, "condition"), requirement.condition, "show")
        if settings.expect is not None:
            yield ConditionText(block, ("expect",), settings.expect, "show", ANY_SUFFIX)
        for index, step in enumerate(settings.on_enter):
            if isinstance(step, Step) and step.wait_until is not None:
                path: Path = ("on_enter", index, "wait_until")
                yield ConditionText(block, path, step.wait_until, "show", ("for", "within"))
            if isinstance(step, Step) and step.if_ is not None:
                yield ConditionText(block, ("on_enter", index, "if"), step.if_, "show")


def _of_system(checked: Checked) -> Iterator[ConditionText]:
    front, settings = checked.front, checked.settings
    for name, process in settings.processes.items():
        if process.ready is not None:
            yield ConditionText(front, ("processes", name, "ready"), process.ready, "healer", ("for",))
    for name, probe in settings.probes.items():
        for key in ("up", "degraded", "down"):
            if (text := getattr(probe, key)) is not None:
                yield ConditionText(front, ("probes", name, key), text, "probe", owner=name)


def _of_faults(checked: Checked) -> Iterator[ConditionText]:
    front = checked.front
    for name, fault in checked.settings.faults.items():
        if fault.healed is not None:
            yield ConditionText(front, ("faults", name, "healed"), fault.healed, "healer", ("for",))
        if fault.seen is not None:
            yield ConditionText(front, ("faults", name, "seen"), fault.seen, "show", ("for",))
        for kind in ("container", "process"):
            target = getattr(fault, kind)
            if target is not None and target.where is not None:
                yield ConditionText(front, ("faults", name, kind, "where"), target.where, "node")
