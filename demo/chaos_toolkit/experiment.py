"""An experiment of the Chaos Toolkit as it is written: its parts, checked, with references resolved. Nothing is run."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from demo.chaos_toolkit.tolerance import fault_of
from demo.errors import ExperimentError

ABSENT: Any = object()
"""A tolerance that was not given: null is one that was."""

STRATEGIES = (
    "default",
    "before-method-only",
    "after-method-only",
    "during-method-only",
    "continuously",
    "skip",
)
MAX_PAUSE_SEC = 24 * 3600.0

_KNOWN_KEYS = frozenset(
    [
        "version",
        "title",
        "description",
        "tags",
        "contributions",
        "configuration",
        "secrets",
        "steady-state-hypothesis",
        "method",
        "rollbacks",
        "controls",
        "runtime",
        "extensions",
        "dry",
    ]
)
_ACTIVITY_KEYS = frozenset(
    ["type", "name", "provider", "tolerance", "pauses", "background", "timeout", "controls", "ref", "dry"]
)
_PROVIDER_KEYS: Mapping[str, frozenset[str]] = {
    "http": frozenset(
        [
            "type",
            "url",
            "method",
            "headers",
            "arguments",
            "timeout",
            "verify_tls",
            "max_retries",
            "expected_status",
            "secrets",
        ]
    ),
    "process": frozenset(["type", "path", "arguments", "timeout", "secrets"]),
    "python": frozenset(["type", "module", "func", "arguments", "secrets"]),
}
_NEEDED: Mapping[str, tuple[str, ...]] = {"http": ("url",), "process": ("path",), "python": ("module", "func")}


@dataclass(frozen=True)
class Activity:
    """An action or a probe. `place`: where it is written, like `method[0]`. `timeout`: seconds, None for none."""

    kind: Literal["action", "probe"]
    name: str
    provider: Mapping[str, Any]
    place: str
    tolerance: Any = ABSENT
    timeout: float | None = None
    pause_before: Any = None
    pause_after: Any = None
    is_background: bool = False

    @property
    def provider_type(self) -> str:
        return str(self.provider["type"])


@dataclass
class Experiment:
    """`dropped`: what is written in the experiment, and that no show file says, in sentences."""

    title: str
    description: str
    tags: Sequence[str]
    configuration: Mapping[str, Any]
    secrets: Mapping[str, Any]
    hypothesis: str
    probes: Sequence[Activity]
    method: Sequence[Activity]
    rollbacks: Sequence[Activity]
    strategy: str = "default"
    rollback_strategy: str = "default"
    dropped: list[str] = field(default_factory=list)


def read_experiment(data: Any, file: str) -> Experiment:
    """Return the experiment in this data. Raises `ExperimentError`, which says where it is none."""
    return _Reader(file).read(data)


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._dropped: list[str] = []
        self._by_name: dict[str, Mapping[str, Any]] = {}

    def read(self, data: Any) -> Experiment:
        if not isinstance(data, dict):
            raise self._wrong("", "this is not an experiment: it must be a mapping with title, description and method")
        for key in ("title", "method"):
            if key not in data:
                raise self._wrong("", f"this is not an experiment: {key} is missing")
        hypothesis = data.get("steady-state-hypothesis")
        hypothesis = {} if hypothesis is None else self._mapping(hypothesis, "steady-state-hypothesis")
        parts = {
            "steady-state-hypothesis.probes": self._list(
                hypothesis.get("probes"), "steady-state-hypothesis.probes", hypothesis
            ),
            "method": self._list(data["method"], "method", data),
            "rollbacks": self._list(data.get("rollbacks"), "rollbacks", data),
        }
        self._remember_names(parts)
        runtime = self._mapping(data.get("runtime") or {}, "runtime")
        self._list_dropped(data, hypothesis)
        probes, method, rollbacks = (self._activities(items, place) for place, items in parts.items())
        self._check_tolerances(probes, [*method, *rollbacks])
        return Experiment(
            self._text(data["title"], "title") or "Experiment",
            self._text(data.get("description") or "", "description"),
            [str(tag) for tag in self._list(data.get("tags"), "tags", data)],
            self._mapping(data.get("configuration") or {}, "configuration"),
            self._mapping(data.get("secrets") or {}, "secrets"),
            self._text(hypothesis.get("title") or "", "steady-state-hypothesis.title"),
            probes,
            method,
            rollbacks,
            self._strategy(runtime, "hypothesis", STRATEGIES),
            self._strategy(runtime, "rollbacks", ("default", "always", "never", "deviated")),
            self._dropped,
        )

    def _check_tolerances(self, probes: Sequence[Activity], others: Sequence[Activity]) -> None:
        for probe in probes:
            if probe.tolerance is ABSENT:
                raise self._wrong(probe.place, "a probe of the hypothesis needs a tolerance")
        for activity in (*probes, *others):
            if why := fault_of(activity.tolerance):
                raise self._wrong(f"{activity.place}.tolerance", why)
            if isinstance(activity.tolerance, Mapping) and activity.tolerance["type"] == "probe":
                self._provider(activity.tolerance["provider"], f"{activity.place}.tolerance.provider")

    def _remember_names(self, parts: Mapping[str, Sequence[Any]]) -> None:
        for items in parts.values():
            for item in items:
                if isinstance(item, dict) and "ref" not in item and isinstance(item.get("name"), str):
                    self._by_name.setdefault(item["name"], item)

    def _list_dropped(self, data: Mapping[str, Any], hypothesis: Mapping[str, Any]) -> None:
        for key in data:
            if key not in _KNOWN_KEYS and not key.startswith("x-"):
                self._dropped.append(f"{key}: the Chaos Toolkit knows no such key either")
        for key, why in (("controls", "controls are not run"), ("extensions", "extensions mean nothing here")):
            if data.get(key):
                names = ", ".join(self._names_of(data[key])) or "without a name"
                self._dropped.append(f"{key} ({names}): {why}")
        if data.get("contributions"):
            self._dropped.append("contributions: a show file has no place for them")
        if data.get("dry"):
            raise self._wrong("dry", "a show is never dry: delete this key")
        if hypothesis.get("controls"):
            self._dropped.append("steady-state-hypothesis.controls: controls are not run")

    @staticmethod
    def _names_of(given: Any) -> Iterator[str]:
        for one in given if isinstance(given, list) else ():
            if isinstance(one, dict) and one.get("name"):
                yield str(one["name"])

    def _activities(self, items: Sequence[Any], place: str) -> list[Activity]:
        return [self._activity(item, f"{place}[{index}]") for index, item in enumerate(items)]

    def _activity(self, item: Any, place: str) -> Activity:
        given = self._mapping(item, place)
        ref = given.get("ref")
        if ref is not None:
            if not isinstance(ref, str) or ref not in self._by_name:
                raise self._wrong(place, f"ref: there is no activity {ref!r} in this experiment")
            given = self._by_name[ref]
        for key in ("type", "name", "provider"):
            if not given.get(key):
                raise self._wrong(place, f"{key} is missing")
        if given["type"] not in ("action", "probe"):
            raise self._wrong(f"{place}.type", f"an activity is an action or a probe, not {given['type']!r}")
        if "dry" in given:
            raise self._wrong(f"{place}.dry", "the Chaos Toolkit ignores this key and runs the activity: delete it")
        self._list_keys(given, place)
        pauses = self._mapping(given.get("pauses") or {}, f"{place}.pauses")
        return Activity(
            given["type"],
            self._text(given["name"], f"{place}.name"),
            self._provider(given["provider"], f"{place}.provider"),
            place,
            given.get("tolerance", ABSENT),
            self._seconds(given.get("timeout"), f"{place}.timeout"),
            pauses.get("before"),
            pauses.get("after"),
            given.get("background") is True,
        )

    def _list_keys(self, given: Mapping[str, Any], place: str) -> None:
        if given.get("controls"):
            self._dropped.append(f"{place}.controls: controls are not run")
        for key in given:
            if key not in _ACTIVITY_KEYS:
                self._dropped.append(f"{place}.{key}: the Chaos Toolkit knows no such key either")

    def _provider(self, value: Any, place: str) -> Mapping[str, Any]:
        given = self._mapping(value, place)
        kind = str(given.get("type"))
        if kind not in _NEEDED:
            raise self._wrong(place, f"type must be http, process or python, not {kind!r}")
        for key in _NEEDED[kind]:
            if not isinstance(given.get(key), str) or not given[key].strip():
                raise self._wrong(place, f"{key} is missing, or is not text")
        for key in given:
            if key not in _PROVIDER_KEYS[kind]:
                self._dropped.append(f"{place}.{key}: a provider of the type {kind} has no such key")
        if "expected_status" in given:
            self._dropped.append(
                f"{place}.expected_status: the Chaos Toolkit never reads it either; the tolerance decides"
            )
        return given

    def _strategy(self, runtime: Mapping[str, Any], key: str, known: Sequence[str]) -> str:
        given = self._mapping(runtime.get(key) or {}, f"runtime.{key}")
        chosen = given.get("strategy", "default")
        if chosen not in known:
            raise self._wrong(f"runtime.{key}.strategy", f"it must be one of {', '.join(known)}, not {chosen!r}")
        return str(chosen)

    def _seconds(self, value: Any, place: str) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_PAUSE_SEC:
            raise self._wrong(place, f"it must be a number of seconds above 0, not {value!r}")
        return float(value)

    def _mapping(self, value: Any, place: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(place, "it must be a mapping")
        return value

    def _list(self, value: Any, place: str, holder: Mapping[str, Any]) -> Sequence[Any]:
        if value is None:
            if place == "method" and "method" in holder:
                raise self._wrong(place, "it must be a list, [] if nothing is done")
            return []
        if not isinstance(value, list):
            raise self._wrong(place, "it must be a list")
        return value

    def _text(self, value: Any, place: str) -> str:
        if not isinstance(value, str):
            raise self._wrong(place, f"it must be text, not {value!r}"[:200])
        return value.strip()

    def _wrong(self, place: str, why: str) -> ExperimentError:
        return ExperimentError(f"{self._file}: {place}: {why}" if place else f"{self._file}: {why}")


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
