"""Events of a show as CloudEvents 1.0, in the JSON format. Pure, but for the random part of some ids."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from demo.show import events as e
from demo.views.state_json import moment

MEDIA_TYPE = "application/cloudevents+json"

PREFIX = "chaos_stage"
"""Begins every type. The project has no domain whose reverse name could stand there (record 51)."""

_WORD = re.compile(r"[A-Z][a-z]*")


def to_cloud_event(
    entry: e.JournalEntry, epoch: str, ahead: float, *, is_durable: bool = True, left_out: int = 0
) -> dict[str, Any]:
    """Return an entry of the show `epoch` as a CloudEvent.

    `ahead`: how far the wall clock is ahead of the show's. `is_durable`: the entry is on disk, otherwise its number may
    be given to another event after a crash, and the id gets a random end. `left_out`: samples missing before it.
    """
    fields = e.to_json(entry.event)
    kind = fields.pop("type")
    ident = f"{epoch}-{entry.seq}" if is_durable else f"{epoch}-{entry.seq}-{secrets.token_hex(4)}"
    event = _envelope(epoch, ident, type_of(kind), moment(entry.at, ahead))
    if subject := _subject_of(fields):
        event["subject"] = subject
    event["issuer"] = entry.who or "show"
    if left_out:
        event["leftout"] = left_out
    return event | {"data": fields}


def snapshot_event(state: Mapping[str, Any], epoch: str, at: str | None) -> dict[str, Any]:
    """Return the state with which a stream begins, as a CloudEvent: `EPOCH-SEQ` is already the id of an event."""
    return _envelope(epoch, f"{epoch}-{state['seq']}-snapshot", f"{PREFIX}.snapshot", at) | {"data": state}


def type_of(name: str) -> str:
    """Return the type of the event class `name`: `FaultCameBack` becomes `chaos_stage.fault.came_back`."""
    first, *rest = (word.lower() for word in _WORD.findall(name))
    return ".".join([PREFIX, first, *(["_".join(rest)] if rest else [])])


def _envelope(epoch: str, ident: str, kind: str, at: str | None) -> dict[str, Any]:
    envelope = {"specversion": "1.0", "id": ident, "source": f"urn:chaos-stage:show:{epoch}", "type": kind}
    # An attribute without a value must be missing: JSON's null is only for what reads it.
    return envelope | ({"time": at} if at else {}) | {"datacontenttype": "application/json"}


def _subject_of(fields: Mapping[str, Any]) -> str:
    """Return what the event is about: a fault or a mark by its name, otherwise a chapter; empty for the show itself."""
    if isinstance(name := fields.get("name"), str):
        return name
    return f"chapter/{fields['number']}" if isinstance(fields.get("number"), int) else ""
