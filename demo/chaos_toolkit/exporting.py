"""Makes an experiment of a show: the first prediction becomes the hypothesis, the steps of all chapters the method.

What an experiment cannot express is listed. `chaos validate` accepts what is written, if the programs are there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from demo.chaos_toolkit.exported_activities import (
    Data,
    TextWriter,
    fault_provider,
    probe_activity,
    step_provider,
    undo_providers,
    variable,
)
from demo.showfile.schema.chapters import Step
from demo.showfile.schema.faults import FaultSettings
from demo.showfile.show import Show, ShowChapter
from demo.showfile.steps import HEAL_ALL, describe_step

STRATEGIES: Mapping[str | None, str] = {
    None: "during-method-only",
    "during-fault": "during-method-only",
    "OnChaos": "during-method-only",
    "before": "before-method-only",
    "SOT": "before-method-only",
    "after": "after-method-only",
    "EOT": "after-method-only",
    "edge": "default",
    "Edge": "default",
    "always": "continuously",
    "Continuous": "continuously",
}
_SUFFIX = re.compile(r"\s+(?:for|within|during)\s+\S+$")
_IS_UP = re.compile(r"(\S+) is up")


@dataclass
class Exported:
    """`experiment` is JSON data. `faults`: the actions that inject each fault of the show, by its name.

    `chapter`: the number of the chapter whose prediction is the hypothesis; 0 for none. `steady`: its probes' names.
    """

    experiment: Data
    notes: list[str]
    faults: dict[str, Data] = field(default_factory=dict)
    undos: dict[str, list[Data]] = field(default_factory=dict)
    chapter: int = 0
    steady: list[str] = field(default_factory=list)


def export_show(show: Show) -> Exported:
    """Return the experiment of a show, with what could not be expressed."""
    return _Export(show).write()


class _Export:
    def __init__(self, show: Show) -> None:
        settings = show.settings
        self._show, self._notes = show, list[str]()
        self._before = {name: argv for fault in settings.faults.values() for name, argv in fault.before.items()}
        self._write = TextWriter(bool(settings.secrets or self._before))
        self._done = Exported({}, self._notes)
        self._method: list[Data] = []
        self._injected: list[str] = []

    def write(self) -> Exported:
        settings = self._show.settings
        self._list_unsaid()
        for name, fault in settings.faults.items():
            self._add_fault(name, fault)
        hypothesis = self._hypothesis()
        for chapter in self._show.chapters:
            for step in chapter.settings.on_enter:
                self._add_step(Step(heal=HEAL_ALL) if isinstance(step, str) else step, chapter)
        self._add_faults_by_hand()
        rollbacks = [undo for name in reversed(self._injected) for undo in self._done.undos.get(name, ())]
        title = self._show.title
        self._done.experiment = {
            "version": "1.0.0",
            "title": title,
            "description": settings.description or f"Made of the show {title!r} by demo export.",
            "configuration": self._configuration(),
            "secrets": {
                "show": {variable(name): {"type": "env", "key": one.env} for name, one in settings.secrets.items()}
            }
            if settings.secrets
            else {},
            **({"steady-state-hypothesis": hypothesis} if hypothesis else {}),
            "method": self._method,
            "rollbacks": rollbacks,
            "runtime": {"rollbacks": {"strategy": "always"}, "hypothesis": {"strategy": self._strategy()}},
        }
        return self._done

    def _list_unsaid(self) -> None:
        settings = self._show.settings
        for key in ("system", "processes", "proxies", "load", "panels", "events", "subject"):
            if getattr(settings, key):
                self._notes.append(f"{key}: the Chaos Toolkit starts nothing: it must be there before the experiment")
        if settings.secrets:
            variables = ", ".join(one.env for one in settings.secrets.values())
            self._notes.append(f"secrets: set {variables}, also for chaos validate")

    def _configuration(self) -> Data:
        return {
            variable(name): {
                "type": "probe",
                "name": f"before: {name}",
                "provider": {"type": "process", "path": argv[0], "arguments": list(argv[1:])},
            }
            for name, argv in self._before.items()
        }

    def _add_fault(self, name: str, fault: FaultSettings) -> None:
        title = fault.title or name
        provider = fault_provider(fault, self._write)
        if provider is None:
            self._notes.append(f"faults.{name}: the Chaos Toolkit itself has no fault by {fault.kind} like this")
            return
        self._done.faults[name] = {"type": "action", "name": title, "provider": provider}
        undos = undo_providers(fault, self._write)
        if None in undos:
            self._notes.append(f"faults.{name}.undo: a part of it cannot be expressed")
        known = [undo for undo in undos if undo is not None]
        self._done.undos[name] = [
            {"type": "action", "name": f"undo: {title}{f' ({number})' if len(known) > 1 else ''}", "provider": undo}
            for number, undo in enumerate(known, 1)
        ]
        proof = f" and healed: {fault.healed}" if fault.healed else ""
        self._notes.append(f"faults.{name}: nothing proves there that it was seen{proof}")

    def _strategy(self) -> str:
        if not self._done.chapter:
            return "default"
        return STRATEGIES[self._show.chapters[self._done.chapter - 1].settings.check]

    def _hypothesis(self) -> Data | None:
        found: Data | None = None
        for number, chapter in enumerate(self._show.chapters, 1):
            settings = chapter.settings
            if settings.expect is None:
                continue
            if found is not None:
                self._notes.append(f"chapter {number}: an experiment has one hypothesis; this one is left out")
                continue
            self._done.chapter = number
            found = {"title": settings.hypothesis, "probes": self._probes(settings.expect, number)}
        return found

    def _probes(self, condition: str, number: int) -> list[Data]:
        settings = self._show.settings
        bare = _SUFFIX.sub("", condition.strip())
        if bare != condition.strip():
            self._notes.append(f"chapter {number}: for, within and during of {condition!r} mean nothing there")
        names: list[str] = []
        for part in re.split(r"\s+and\s+", bare):
            word = _IS_UP.fullmatch(part)
            if part == "all up":
                names += settings.probes
            elif word and word[1] in settings.groups:
                names += settings.groups[word[1]]
            elif word:
                names.append(word[1])
            else:
                self._notes.append(f"chapter {number}: {part!r} cannot be expressed as a tolerance")
        return [probe for name in dict.fromkeys(names) if (probe := self._probe(name, number)) is not None]

    def _probe(self, name: str, number: int) -> Data | None:
        probe = self._show.settings.probes.get(name)
        activity = None if probe is None else probe_activity(probe.title or name, probe, self._write)
        if activity is None:
            what = f"a probe by {probe.kind} like {name}" if probe is not None else f"{name}, one node of a probe,"
            self._notes.append(f"chapter {number}: {what} cannot be expressed with a tolerance")
        else:
            self._done.steady.append(name)
        return activity

    def _add_step(self, step: Step, chapter: ShowChapter) -> None:
        said = f"chapter {chapter.title!r}, {describe_step(step)}"
        if step.if_ is not None or step.continue_on_error:
            self._notes.append(f"{said}: if and continue_on_error cannot be expressed")
        if step.wait is not None or step.countdown is not None:
            self._pause(float(step.wait or step.countdown or 0.0))
        elif step.fault is not None:
            self._inject(step.fault, said)
        elif step.heal is not None:
            names = self._injected[::-1] if step.heal == HEAL_ALL else [step.heal]
            undos = [undo for name in names for undo in self._done.undos.get(name, ())]
            self._method += [dict(undo) for undo in undos]
        elif (provider := step_provider(step.run, step.exec, step.http, self._write)) is not None:
            self._method.append({"type": "action", "name": step.name or describe_step(step), "provider": provider})
        else:
            self._notes.append(f"{said}: it cannot be expressed")

    def _pause(self, seconds: float) -> None:
        if not self._method:
            self._method.append(
                {"type": "action", "name": "wait", "provider": {"type": "process", "path": "true"}, "pauses": {}}
            )
        pauses = self._method[-1].setdefault("pauses", {})
        pauses["after"] = pauses.get("after", 0) + seconds

    def _inject(self, name: str, said: str) -> None:
        if name in self._done.faults:
            self._method.append(dict(self._done.faults[name]))
            self._injected.append(name)
        else:
            self._notes.append(f"{said}: it is not part of the method")

    def _add_faults_by_hand(self) -> None:
        left = [name for name in self._done.faults if name not in self._injected]
        if not left:
            return
        if self._injected:
            self._notes.append(f"faults injected by hand are not part of the method: {', '.join(left)}")
            return
        self._notes.append(f"no chapter injects a fault, so the method has all of them: {', '.join(left)}")
        for name in left:
            self._inject(name, name)


def activities_of(exported: Exported) -> Sequence[Data]:
    """Return all activities of the experiment."""
    hypothesis = exported.experiment.get("steady-state-hypothesis") or {}
    return [*hypothesis.get("probes", ()), *exported.experiment["method"], *exported.experiment["rollbacks"]]
