"""`GET /state`: the whole show as JSON, for the presenter or (without notes, errors, addresses) for the audience."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from demo.clock import CLOCK
from demo.show import FaultState, ShowState
from demo.show.health_sample import Node, Sample
from demo.views.audience_state import audience_state
from demo.views.ballots import dump_ballot
from demo.views.fault_targets import target_text
from demo.views.redaction import masked
from demo.views.replay import describe_move
from demo.views.timer import budget_sec

DEVICE_MARK = " · "
"""Stands between the page that sent a command and its device; the audience is only told the page."""

_PUBLIC_METRIC_KEYS = ("name", "label", "value", "unit", "role")
_PUBLIC_COUNTER_KEYS = (
    "key",
    "algorithm",
    "limit",
    "window_sec",
    "admitted",
    "counted",
    "drift",
    "ghosts",
    "spread_sec",
    "span_sec",
)


def snapshot(
    state: ShowState,
    epoch: str,
    viewers: Mapping[str, int],
    private: bool = True,
    now: float | None = None,
    ahead: float = 0.0,
) -> dict[str, Any]:
    """Return the state as docs/http.md describes it, at the moment `now` (None: this one).

    `private`: with what only the presenter may see, and with the current chapter even if the stage is frozen.
    `ahead`: how many seconds the wall clock is ahead of the show's clock.
    """
    state = state if private else audience_state(state)
    return {
        "epoch": epoch,
        "seq": state.seq,
        "title": state.title,
        "subject": state.subject,
        "chapter": _dump_chapter(state, private),
        "progress": f"[{state.number}/{state.total}]",
        "complete": state.number == state.total,
        "log": [
            {
                "at": moment(line.at, ahead),
                "who": _redact_device(line.who, private),
                "text": line.text,
                "level": line.level,
            }
            for line in state.log
            # Lines about faults and errors may hold addresses and commands (decision 0006).
            if private or line.level in ("move", "word", "event")
        ],
        "chaos": [_dump_fault(state, fault, private, ahead) for fault in state.faults],
        "halted": state.halted,
        "blackout": state.blackout,
        "frozen": state.frozen_view is not None,
        "durable": state.durable,
        "said": state.said,
        "ballots": [dump_ballot(state, ballot, private=private) for ballot in state.ballots],
        "health": _dump_health(state, private, ahead),
        "timer": _dump_timer(state, CLOCK.now() if now is None else now, ahead),
        "viewers": {view: viewers.get(view, 0) for view in ("stage", "presenter", "remote")},
        "replay": _dump_replay(state, private),
    }


def _dump_replay(state: ShowState, private: bool) -> dict[str, Any] | None:
    """Return where a replay stands; what comes next is for the presenter only."""
    replay = state.replay
    if replay is None:
        return None
    coming = describe_move(state, replay.coming) if replay.coming is not None and private else ""
    return {"recorded_at": moment(replay.recorded_at), "state": replay.phase, "rate": replay.rate, "next": coming}


def _dump_timer(state: ShowState, now: float, ahead: float) -> dict[str, Any]:
    timer = state.timer
    return {
        "running": timer.is_running,
        "elapsed_sec": round(timer.elapsed(now), 3),
        "started_at": moment(timer.runs_since, ahead),
        "budget_sec": budget_sec(state),
    }


def _redact_device(who: str, private: bool) -> str:
    return who if private else who.partition(DEVICE_MARK)[0]


@lru_cache(maxsize=1024)
def moment(at: float | None, ahead: float = 0.0) -> str | None:
    """Format a moment as ISO 8601 in UTC, `ahead` seconds later by the wall clock; None if no calendar has it."""
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at + ahead, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None


def _dump_chapter(state: ShowState, private: bool) -> dict[str, Any]:
    chapter = state.chapter
    shown = {
        "number": state.number,
        "total": state.total,
        "step": state.step,
        "steps": chapter.step_count,
        "title": chapter.title,
        "narration": chapter.text_at(state.step),
        "format": chapter.format,
        "key_hint": chapter.key_hint,
        "status": state.action.status,
        "blocks_advance": chapter.blocks_advance,
        "auto_advance": chapter.auto_advance,
    }
    return shown | ({"error": state.action.error, "notes": chapter.notes} if private else {"error": None, "notes": ""})


def _dump_fault(state: ShowState, fault: FaultState, private: bool, ahead: float) -> dict[str, Any]:
    target = target_text(state, fault)
    return {
        "name": fault.name,
        "type": fault.config.chaos_type.value,
        "description": fault.config.description,
        "state": fault.state,
        "target": target if private else masked(target),
        # JSON has no infinity.
        "duration_sec": None if fault.duration_sec == float("inf") else fault.duration_sec,
        "injected_at": moment(fault.injected_at, ahead),
        "heals_at": moment(fault.heals_at, ahead),
        "detected_after_sec": fault.detected_after_sec,
        "recovered_after_sec": fault.recovered_after_sec,
        "came_back_after_sec": fault.came_back_after_sec,
        "error": fault.error if private else None,
    }


def _dump_health(state: ShowState, private: bool, ahead: float) -> dict[str, Any] | None:
    """Return the poller's own dict, completed by the nodes it lost, `has_issues` as we see it, and its freshness."""
    sample = state.sample
    if sample is None:
        return None
    rest = dict(sample.raw) if private else _keep_agreed_keys(sample.raw)
    return rest | {
        "nodes": _merge_nodes(sample) if private else _redact_nodes(sample),
        "has_issues": sample.has_issues,
        "last_updated": moment(sample.updated_at, ahead),
        "interval_sec": sample.interval_sec,
        "freshness": state.freshness,
    }


def _merge_nodes(sample: Sample) -> list[dict[str, Any]]:
    """Return the nodes as the poller gave them, unknown keys included; what we read of them wins."""
    known = {str(node.get("id")): node for node in sample.raw.get("nodes", []) if isinstance(node, dict)}
    return [dict(known.get(node.id, {})) | _dump_node(node) for node in sample.nodes]


def _dump_node(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "name": node.name,
        "type": node.type,
        "health": node.health,
        "address": node.address,
        "detail": node.detail,
        "metrics": dict(node.metrics),
        "links": list(node.links),
    }


def _redact_nodes(sample: Sample) -> list[dict[str, Any]]:
    """Return the nodes with agreed keys only, without the address, masked as on the stage; such an id is a number."""
    ids = {n.id: n.id if masked(n.id) == n.id else f"node-{place}" for place, n in enumerate(sample.nodes, 1)}
    return [_redact_node(node, ids) for node in sample.nodes]


def _redact_node(node: Node, ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": ids[node.id],
        "name": masked(node.name),
        "type": masked(node.type),
        "health": node.health,
        "detail": masked(node.detail),
        "metrics": {masked(name): masked(v) if isinstance(v, str) else v for name, v in node.metrics.items()},
        "links": [ids.get(link, masked(link)) for link in node.links],
    }


def _keep_agreed_keys(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce the poller's metrics and limited keys to the agreed keys; unknown ones may hold anything."""
    agreed = {"metrics": _PUBLIC_METRIC_KEYS, "counters": _PUBLIC_COUNTER_KEYS}
    return {
        name: [{key: item[key] for key in keys if key in item} for item in raw[name] if isinstance(item, dict)]
        for name, keys in agreed.items()
        if isinstance(raw.get(name), list)
    }
