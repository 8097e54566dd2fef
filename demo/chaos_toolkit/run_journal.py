"""Makes a Chaos Toolkit journal of a show that was played: what ran, whether it was seen, and the verdict.

The Chaos Toolkit's reporting plugin reads it. Nothing is measured here: all is in the show's own journal.
"""

import importlib.metadata
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.chaos_toolkit.exported_activities import Data
from demo.chaos_toolkit.exporting import Exported
from demo.errors import JournalError
from demo.journal.library.recording import Recording
from demo.show import events as e
from demo.show.events import JournalEntry

LIBRARY = "chaostoolkit-lib"
KNOWN_VERSION = "1.44.0"
"""The version of the library whose journals these look like, where none is installed."""


def read_entries(path: Path) -> list[JournalEntry]:
    """Return all entries of a show's journal. Raises `JournalError`."""
    entries = list(Recording(path).entries())
    if not entries:
        raise JournalError(f"{path} has no entries: nothing was shown")
    return entries


def make_journal(exported: Exported, entries: Sequence[JournalEntry]) -> Data:
    """Return the journal, as JSON data."""
    start, end = entries[0].at, entries[-1].at
    verdict = _verdict(exported, entries)
    return {
        "chaoslib-version": _version(),
        "platform": platform.platform(),
        "node": platform.node(),
        "experiment": exported.experiment,
        "start": _moment(start),
        "status": _status(entries),
        "deviated": verdict is False,
        "steady_states": _steady_states(exported, entries),
        "run": list(_runs(exported, entries)),
        "rollbacks": list(_rollbacks(exported, entries)),
        "end": _moment(end),
        "duration": max(0.0, end - start),
    }


def _version() -> str:
    try:
        return importlib.metadata.version(LIBRARY)
    except importlib.metadata.PackageNotFoundError:
        return KNOWN_VERSION


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _verdict(exported: Exported, entries: Sequence[JournalEntry]) -> bool | None:
    """Return the last verdict on the prediction that is the hypothesis; None if there is none."""
    found = [entry.event for entry in entries if isinstance(entry.event, e.Concluded)]
    return next((event.held for event in reversed(found) if event.number == exported.chapter), None)


def _status(entries: Sequence[JournalEntry]) -> str:
    halted = [
        isinstance(entry.event, e.Halted) for entry in entries if isinstance(entry.event, e.Halted | e.HaltLifted)
    ]
    if halted and halted[-1]:
        return "aborted"
    return "completed" if any(isinstance(entry.event, e.ShowClosed) for entry in entries) else "interrupted"


def _steady_states(exported: Exported, entries: Sequence[JournalEntry]) -> Data:
    first = next((entry.seq for entry in entries if isinstance(entry.event, e.FaultStarted)), entries[-1].seq + 1)
    healed = next(
        (entry.seq for entry in entries if isinstance(entry.event, e.HealRequested) and entry.seq > first),
        entries[-1].seq + 1,
    )
    before = [entry for entry in entries if isinstance(entry.event, e.HealthSampled) and entry.seq < first]
    after = [entry for entry in entries if isinstance(entry.event, e.HealthSampled) and first < entry.seq < healed]
    return {
        "before": _state(exported, before[-1:]),
        "after": _state(exported, after[-1:]),
        "during": [],
    }


def _state(exported: Exported, samples: Sequence[JournalEntry]) -> Data:
    """Return the state of the hypothesis in a sample; not met without one: what is not known is no success."""
    hypothesis = exported.experiment.get("steady-state-hypothesis") or {}
    runs = []
    for name, activity in zip(exported.steady, hypothesis.get("probes", ()), strict=True):
        at = samples[0].at if samples else 0.0
        node = _node(name, samples)
        is_up = node.get("health") == "up"
        output = {"health": node.get("health", "unknown"), "detail": node.get("detail", "")}
        runs.append(_run(activity, at, at, "succeeded" if node else "failed", output) | {"tolerance_met": is_up})
    return {"steady_state_met": bool(runs) and all(run["tolerance_met"] for run in runs), "probes": runs}


def _node(name: str, samples: Sequence[JournalEntry]) -> Mapping[str, Any]:
    for sample in samples:
        assert isinstance(sample.event, e.HealthSampled)
        for node in sample.event.health.get("nodes", ()):
            if node.get("id") == name:
                return dict(node)
    return {}


def _runs(exported: Exported, entries: Sequence[JournalEntry]) -> Iterator[Data]:
    """Yield each injection: when, whether it succeeded, and what was seen of it."""
    for entry in entries:
        begun = entry.event
        if not isinstance(begun, e.FaultRequested):
            continue
        own = [later for later in entries if later.seq > entry.seq and _is_of(later.event, begun.name, begun.run)]
        activity = exported.faults.get(begun.name) or _by_hand(begun.name)
        ended = next((later for later in own if isinstance(later.event, e.FaultInjected | e.FaultFailed)), None)
        seen = next((later.event.after_sec for later in own if isinstance(later.event, e.FaultDetected)), None)
        back = next((later.event.after_sec for later in own if isinstance(later.event, e.FaultRecovered)), None)
        output = {"seen": seen is not None, "detected_after_sec": seen, "recovered_after_sec": back}
        error = ended.event.error if ended is not None and isinstance(ended.event, e.FaultFailed) else ""
        status = "succeeded" if ended is not None and not error else "failed"
        end = ended.at if ended is not None else entry.at
        run = _run(activity, entry.at, end, status, output)
        yield run | ({"exception": [f"{error}\n"]} if error else {})


def _rollbacks(exported: Exported, entries: Sequence[JournalEntry]) -> Iterator[Data]:
    for entry in entries:
        healed = entry.event
        if not isinstance(healed, e.FaultHealed | e.HealFailed):
            continue
        asked = [
            earlier
            for earlier in entries
            if earlier.seq < entry.seq
            and isinstance(earlier.event, e.HealRequested)
            and _is_of(earlier.event, healed.name, healed.run)
        ]
        start = asked[-1].at if asked else entry.at
        error = healed.error if isinstance(healed, e.HealFailed) else ""
        for activity in exported.undos.get(healed.name) or [_by_hand(healed.name, heal=True)]:
            run = _run(activity, start, entry.at, "failed" if error else "succeeded", None)
            yield run | ({"exception": [f"{error}\n"]} if error else {})


def _is_of(event: e.Event, name: str, run: int) -> bool:
    return getattr(event, "name", None) == name and getattr(event, "run", None) == run


def _by_hand(name: str, *, heal: bool = False) -> Data:
    """Return an activity for what only the show can do: the request that makes it do so."""
    url = f"http://127.0.0.1:8000/{'heal' if heal else 'chaos'}/{name}"
    provider = {"type": "http", "url": url, "method": "POST"}
    return {"type": "action", "name": f"undo: {name}" if heal else name, "provider": provider}


def _run(activity: Data, start: float, end: float, status: str, output: Any) -> Data:
    return {
        "activity": json.loads(json.dumps(activity)),
        "start": _moment(start),
        "end": _moment(end),
        "duration": max(0.0, end - start),
        "status": status,
        "output": output,
    }
