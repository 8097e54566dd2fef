"""`GET /state`: the whole show as JSON, for the presenter or (without notes, errors, addresses) for the audience."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from demo.show import FaultState, ShowState

_PRIVATE_NODE_KEYS = ("address", "detail")


def snapshot(state: ShowState, epoch: str, viewers: Mapping[str, int], private: bool = True) -> dict[str, Any]:
    """The documented shape. `private`: with what only the presenter may see."""
    return {
        "epoch": epoch,
        "seq": state.seq,
        "title": state.title,
        "subject": state.subject,
        "chapter": _chapter(state, private),
        "progress": f"[{state.number}/{state.total}]",
        "complete": state.number == state.total,
        "log": [
            {"at": moment(line.at), "who": line.who, "text": line.text, "level": line.level}
            for line in state.log
            if private or line.level in ("move", "word")
        ],
        "chaos": [_fault(fault, private) for fault in state.faults],
        "halted": state.halted,
        "blackout": state.blackout,
        "frozen": False,
        "durable": state.durable,
        "said": state.said,
        "health": _health(state, private),
        "timer": {"running": False, "elapsed_sec": 0.0},
        "viewers": {view: viewers.get(view, 0) for view in ("stage", "presenter", "remote")},
    }


def moment(at: float | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _chapter(state: ShowState, private: bool) -> dict[str, Any]:
    chapter = state.chapter
    shown = {
        "number": state.number,
        "total": state.total,
        "title": chapter.title,
        "narration": chapter.narration,
        "key_hint": chapter.key_hint,
        "status": state.action.status,
        "blocks_advance": chapter.blocks_advance,
        "auto_advance": chapter.auto_advance,
    }
    return shown | ({"error": state.action.error, "notes": chapter.notes} if private else {"error": None, "notes": ""})


def _fault(fault: FaultState, private: bool) -> dict[str, Any]:
    return {
        "name": fault.name,
        "type": fault.config.chaos_type.value,
        "description": fault.config.description,
        "state": fault.state,
        "target": fault.target,
        "duration_sec": None if fault.config.duration_sec == float("inf") else fault.config.duration_sec,
        "injected_at": moment(fault.injected_at),
        "heals_at": moment(fault.heals_at),
        "detected_after_sec": fault.detected_after_sec,
        "recovered_after_sec": fault.recovered_after_sec,
        "error": fault.error if private else None,
    }


def _health(state: ShowState, private: bool) -> dict[str, Any] | None:
    """The poller's own dict, with the nodes it lost, our word on issues, and its freshness."""
    sample = state.sample
    if sample is None:
        return None
    known = {str(node.get("id")): node for node in sample.raw.get("nodes", []) if isinstance(node, dict)}
    nodes = []
    for node in sample.nodes:
        shown = dict(known.get(node.id, {})) | {"id": node.id, "name": node.name, "type": node.type}
        shown |= {"health": node.health, "address": node.address, "detail": node.detail}
        shown |= {"metrics": dict(node.metrics), "links": list(node.links)}
        nodes.append({k: v for k, v in shown.items() if private or k not in _PRIVATE_NODE_KEYS})
    rest = dict(sample.raw) if private else {k: sample.raw[k] for k in ("metrics", "counters") if k in sample.raw}
    return rest | {
        "nodes": nodes,
        "has_issues": sample.has_issues,
        "last_updated": moment(sample.updated_at),
        "interval_sec": sample.interval_sec,
        "freshness": state.freshness,
    }
