"""Plans the chapters and faults of an imported experiment.

With rollbacks and probes of a hypothesis an action is a fault: it has an undo and a proof. Else it is a step.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from demo.chaos_toolkit.activity_settings import MODULE, ActivityWriter
from demo.chaos_toolkit.experiment import ABSENT, MAX_PAUSE_SEC, Activity, Experiment, is_number
from demo.chaos_toolkit.show_names import ShowNames
from demo.chaos_toolkit.show_text import ChapterDraft, as_code, as_markdown, as_paragraphs
from demo.chaos_toolkit.variables import Variables, unescape
from demo.errors import ExperimentError
from demo.showfile.quantities import describe_duration

CHECKS: Mapping[str, str] = {
    "default": "edge",
    "before-method-only": "before",
    "after-method-only": "after",
    "during-method-only": "during-fault",
    "continuously": "always",
}
"""When a prediction is looked at, by the strategy of the hypothesis."""

ASKED_BEFORE = ("default", "before-method-only", "continuously")
ASKED_AFTER = ("default", "after-method-only", "continuously")

BACK_SEC, AFTER_SEC = 60.0, 10.0
BACKGROUND_SEC = 60.0
STEP_SEC, DEED_SEC = 30.0, 25.0
"""How long a step may take without a timeout of its own, and how long a fault."""

GROUP = "steady-state"
MAX_NAMED = 4
"""So many probes are named in conditions; more of them are one group."""


@dataclass(frozen=True)
class Parts:
    """`steady`: names of the hypothesis' probes; `meanwhile`: of the method's, by place; `undo`: the rollbacks."""

    experiment: Experiment
    steady: Sequence[str]
    meanwhile: Mapping[str, str]
    undo: Sequence[Mapping[str, Any]]
    probes: Mapping[str, Any]


class ChapterPlanner:
    """Plans once; `faults` and `groups` are filled by `plan`."""

    def __init__(
        self, parts: Parts, writer: ActivityWriter, variables: Variables, names: ShowNames, notes: list[str]
    ) -> None:
        self._parts, self._writer, self._variables, self._notes = parts, writer, variables, notes
        self._names = names
        self._group = names.new(GROUP, GROUP) if len(parts.steady) > MAX_NAMED else ""
        self.faults: dict[str, Any] = {}
        self._has_faults = bool(parts.undo and parts.steady)

    @property
    def groups(self) -> dict[str, list[str]]:
        return {self._group: list(self._parts.steady)} if self._group else {}

    @property
    def _condition(self) -> str:
        """The condition that says that the steady state is met."""
        if self._group:
            return f"{self._group} is up"
        return " and ".join(f"{name} is up" for name in self._parts.steady)

    def plan(self) -> list[ChapterDraft]:
        """Return the chapters. Raises `ExperimentError` for an activity that cannot be taken over."""
        experiment = self._parts.experiment
        tags = [f"Tags: {', '.join(map(as_code, experiment.tags))}"] if experiment.tags else []
        first = ChapterDraft(experiment.title, {}, [*as_paragraphs(experiment.description), *tags])
        self._note_what_is_missing()
        return [first, *self._hypothesis(), *self._method(), self._last()]

    def _note_what_is_missing(self) -> None:
        experiment = self._parts.experiment
        acts = any(activity.kind == "action" for activity in experiment.method)
        if acts and not self._parts.undo:
            self._notes.append(
                "rollbacks: there are none, so each action is a step of a chapter, and nothing undoes it"
            )
        elif acts and not self._parts.steady:
            self._notes.append(
                "steady-state-hypothesis: it has no probes that could prove that a fault is healed, so each action is "
                "a step of a chapter, and the rollbacks are steps of the last one"
            )
        if experiment.strategy == "skip":
            self._notes.append("runtime.hypothesis.strategy skip: the hypothesis is not judged")

    def _hypothesis(self) -> list[ChapterDraft]:
        experiment = self._parts.experiment
        if not experiment.hypothesis and not self._parts.steady:
            return []
        title = experiment.hypothesis or "The steady state holds"
        settings: dict[str, Any] = {}
        check = CHECKS.get(experiment.strategy)
        if (
            self._parts.steady
            and check
            and (self._has_faults or experiment.strategy in ("during-method-only", "continuously"))
        ):
            settings = {
                "hypothesis": title,
                "expect": self._condition,
                "check": check if self._has_faults else "always",
            }
        elif not self._parts.steady:
            settings = {"hypothesis": title}
        asked = "\n".join(f"- {_describe_probe(self._parts.probes[name])}" for name in self._parts.steady)
        return [ChapterDraft("What should hold", settings, [as_markdown(title), asked])]

    def _method(self) -> list[ChapterDraft]:
        experiment = self._parts.experiment
        chapters: list[ChapterDraft] = []
        title, steps, said = "", list[dict[str, Any]](), list[str]()

        def close() -> None:
            nonlocal title
            if title or steps or said:
                is_first = not chapters
                settings = {**(self._require() if is_first else {}), **({"on_enter": list(steps)} if steps else {})}
                chapters.append(ChapterDraft(title or "The method", settings, list(said)))
            title = ""
            steps.clear()
            said.clear()

        is_open = True  # whether the next action may join the chapter
        for activity in experiment.method:
            wait = self._as_wait(activity)
            if activity.kind == "action" and wait is None and not is_open:
                close()
            steps += self._pause(activity.pause_before, f"{activity.place}.pauses.before")
            if activity.kind == "probe":
                said.append(
                    f"Asked all the time: {_describe_probe(self._parts.probes[self._parts.meanwhile[activity.place]])}"
                )
            elif wait is not None:
                steps.append(wait)
            else:
                title = f"{title}, and {activity.name}" if title else activity.name
                action = self._writer.action(activity)
                steps.append(self._act(activity, action))
                said.append(_describe_action(action))
                is_open = activity.is_background
            steps += self._pause(activity.pause_after, f"{activity.place}.pauses.after")
        close()
        return chapters

    def _require(self) -> dict[str, Any]:
        if not self._parts.steady or self._parts.experiment.strategy not in ASKED_BEFORE:
            return {}
        msg = "the steady state must hold before anything is done"
        return {"require": [{"condition": self._condition, "msg": msg}]}

    def _act(self, activity: Activity, action: Mapping[str, Any]) -> dict[str, Any]:
        """Return the step that carries out an action; its fault is added."""
        limit = activity.timeout or 0.0
        if not self._has_faults:
            if activity.is_background:
                self._notes.append(f"{activity.place}.background: as a step of a chapter it is waited for")
            more = {"timeout": describe_duration(limit)} if limit > STEP_SEC else {}
            return {"name": activity.name, **action, **more}
        name = self._names.new(activity.name, "fault")
        settings: dict[str, Any] = {"title": activity.name, **action}
        if activity.is_background and "run" in action:
            ends = limit or BACKGROUND_SEC
            settings["ends"] = describe_duration(ends)
            if not limit:
                self._notes.append(f"{activity.place}.background: it has no timeout, so it ends after {ends:g} s")
        else:
            settings["duration"] = None
            if activity.is_background:
                self._notes.append(f"{activity.place}.background: the answer to a request is waited for")
            if limit > DEED_SEC:
                self._notes.append(f"{activity.place}.timeout: a fault must be in place within {DEED_SEC:g} s")
        settings["undo"] = _as_undo(self._parts.undo)
        settings["healed"] = self._condition
        self.faults[name] = settings
        return {"fault": name}

    def _pause(self, given: Any, place: str) -> list[dict[str, Any]]:
        value = self._variables.fill(given) if isinstance(given, str) else given
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise ExperimentError(f"{place}: a pause must be a number of seconds, not {given!r}") from None
        if value is None:
            return []
        if not is_number(value) or not 0 <= value <= MAX_PAUSE_SEC:
            raise ExperimentError(f"{place}: a pause must be a number of seconds, not {given!r}")
        return [{"wait": describe_duration(float(value))}] if value >= 0.001 else []

    def _as_wait(self, activity: Activity) -> dict[str, Any] | None:
        """Return a step that waits, for an action that only sleeps."""
        provider = activity.provider
        if activity.kind != "action" or activity.provider_type != "process" or activity.tolerance is not ABSENT:
            return None
        if PurePath(str(provider["path"])).name != "sleep" or activity.is_background:
            return None
        arguments = self._variables.fill(provider.get("arguments"))
        words = arguments.split() if isinstance(arguments, str) else arguments
        if not isinstance(words, list) or len(words) != 1:
            return None
        try:
            seconds = float(words[0])
        except (TypeError, ValueError):
            return None
        return {"wait": describe_duration(seconds)} if 0.001 <= seconds <= MAX_PAUSE_SEC else None

    def _last(self) -> ChapterDraft:
        experiment = self._parts.experiment
        settings: dict[str, Any] = {}
        said = ""
        if self._has_faults:
            settings = {
                "hypothesis": "Once all is undone, the steady state is back",
                "expect": f"{self._condition} within {describe_duration(BACK_SEC)}",
                "check": "always",
                "on_enter": ["heal"],
            }
            said = "The rollbacks of the experiment undo what was done."
        elif self._parts.steady and experiment.strategy in ASKED_AFTER:
            settings = {
                "hypothesis": experiment.hypothesis or "The steady state holds",
                "expect": f"{self._condition} within {describe_duration(AFTER_SEC)}",
                "check": "always",
            }
            said = "If a step of the method failed, this says nothing about it."
        elif self._parts.undo:
            settings = {"on_enter": [{**step, "continue_on_error": True} for step in self._parts.undo]}
            said = "The rollbacks of the experiment undo what was done."
        return ChapterDraft("After the method", {**settings, "evidence": True}, [said])


def _as_undo(undo: Sequence[Mapping[str, Any]]) -> list[Any]:
    steps = [step["run"] if set(step) == {"run"} else dict(step) for step in undo]
    return list(steps[0]) if len(steps) == 1 and isinstance(steps[0], list) else steps


def _describe_probe(probe: Mapping[str, Any]) -> str:
    condition = f": {as_code(probe['up'])}" if "up" in probe else ""
    return f"**{as_markdown(probe['title'])}**{condition}"


def _describe_action(action: Mapping[str, Any]) -> str:
    if "http" in action:
        return f"{action['http']['method']} {as_code(action['http']['url'])}"
    argv = action["run"]
    if MODULE not in argv:
        return f"Runs {as_code(unescape(shlex.join(argv)))}"
    provider = json.loads(unescape(argv[-1]))["provider"]
    if provider["type"] == "python":
        return f"Calls {as_code(provider['module'] + '.' + provider['func'])}"
    return f"Runs {as_code(provider['path'])}" if "path" in provider else f"Asks {as_code(provider['url'])}"
