"""Events of the journal as CloudEvents: checked against the JSON schema of the specification."""

import json
import typing
from typing import Any

import jsonschema_rs
import pytest

from demo.notify.cloud_events import snapshot_event, to_cloud_event, type_of
from demo.show import events as e

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "format": "uri"},
        "specversion": {"const": "1.0"},
        "type": {"type": "string", "minLength": 1},
        "datacontenttype": {"const": "application/json"},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "minLength": 1, "format": "date-time"},
        "data": {"type": "object"},
    },
    "patternProperties": {"^[a-z0-9]{1,20}$": {}},
    "additionalProperties": False,
}
"""The attributes as CloudEvents 1.0 describes them; extensions have names of small letters and digits."""

EVENTS: list[tuple[e.Event, str, str | None]] = [
    (e.FaultInjected("kill-node", 2, None), "chaos_stage.fault.injected", "kill-node"),
    (e.FaultCameBack("kill-node", 2, 1.5), "chaos_stage.fault.came_back", "kill-node"),
    (e.ChapterEntered(3, forward=True, visit=1), "chaos_stage.chapter.entered", "chapter/3"),
    (e.Halted(), "chaos_stage.halted", None),
    (e.PartsHealRequested(), "chaos_stage.parts.heal_requested", None),
    (e.MarkNoted("elected", "a new leader"), "chaos_stage.mark.noted", "elected"),
]


@pytest.mark.parametrize(("event", "kind", "subject"), EVENTS, ids=[kind for _, kind, _ in EVENTS])
def test_an_event_becomes_a_valid_cloud_event(event: e.Event, kind: str, subject: str | None) -> None:
    found = to_cloud_event(e.JournalEntry(26, 1767258012.143, "curl", event), "c2447af6", 0.0)
    jsonschema_rs.validator_for(SCHEMA, validate_formats=True).validate(found)
    assert found["id"] == "c2447af6-26"
    assert found["source"] == "urn:chaos-stage:show:c2447af6"
    assert (found["type"], found.get("subject"), found["issuer"]) == (kind, subject, "curl")
    assert found["time"] == "2026-01-01T09:00:12.143+00:00"
    assert {"type": type(event).__name__} | found["data"] == json.loads(json.dumps(e.to_json(event)))


def test_the_time_is_that_of_the_wall_clock() -> None:
    found = to_cloud_event(e.JournalEntry(1, 1767258012.143, "show", e.Halted()), "e", 3600.0)
    assert found["time"] == "2026-01-01T10:00:12.143+00:00"


def test_an_event_that_may_be_lost_has_an_id_that_no_other_event_gets() -> None:
    entry = e.JournalEntry(7, 0.0, "show", e.Halted())
    idents = {to_cloud_event(entry, "e", 0.0, is_durable=False)["id"] for _ in range(20)}
    assert len(idents) == 20
    assert all(ident.startswith("e-7-") for ident in idents)


def test_missing_samples_are_told_and_a_snapshot_has_an_id_of_its_own() -> None:
    assert to_cloud_event(e.JournalEntry(7, 0.0, "show", e.Halted()), "e", 0.0, left_out=3)["leftout"] == 3
    found = snapshot_event({"seq": 7}, "e", None)
    jsonschema_rs.validator_for(SCHEMA, validate_formats=True).validate(found)
    assert (found["id"], found["type"], found["data"]) == ("e-7-snapshot", "chaos_stage.snapshot", {"seq": 7})


def test_each_event_of_a_show_has_a_type_of_its_own() -> None:
    kinds = [kind.__name__ for kind in typing.get_args(e.Event)]
    assert len({type_of(kind) for kind in kinds}) == len(kinds)
