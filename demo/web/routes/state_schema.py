"""The JSON schema of `GET /state` for the OpenAPI description: the shape of what `views/state_json.py` builds."""

from collections.abc import Mapping
from typing import Any, get_args

from fastapi import FastAPI

from demo.show.events import Freshness
from demo.show.health_sample import STATES
from demo.show.state import ActionStatus, FaultStatus, Level
from demo.types import ChaosType, TextFormat

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_TEXT_OR_NOT: Schema = {"type": ["string", "null"]}
_NUMBER_OR_NOT: Schema = {"type": ["number", "null"]}


def _object(fields: Mapping[str, Schema], more: bool = False, may_lack: tuple[str, ...] = ()) -> Schema:
    """Build the schema of an object with these keys. `more`: it may have others, which the poller adds.

    `may_lack`: the keys that are not required.
    """
    required = [name for name in fields if name not in may_lack]
    return {"type": "object", "properties": dict(fields), "required": required, "additionalProperties": more}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _one_of(words: object) -> Schema:
    return {"enum": list(get_args(words))}


_CHAPTER = _object(
    {
        "number": _COUNT,
        "total": _COUNT,
        "title": _TEXT,
        "narration": _TEXT,
        "format": _one_of(TextFormat),
        "key_hint": _TEXT,
        "status": _one_of(ActionStatus),
        "blocks_advance": _FLAG,
        "auto_advance": _FLAG,
        "error": _TEXT_OR_NOT,
        "notes": _TEXT,
    }
)
_FAULT = _object(
    {
        "name": _TEXT,
        "type": {"enum": [kind.value for kind in ChaosType]},
        "description": _TEXT,
        "state": _one_of(FaultStatus),
        "target": _TEXT,
        "duration_sec": _NUMBER_OR_NOT,
        "injected_at": _MOMENT,
        "heals_at": _MOMENT,
        "detected_after_sec": _NUMBER_OR_NOT,
        "recovered_after_sec": _NUMBER_OR_NOT,
        "came_back_after_sec": _NUMBER_OR_NOT,
        "error": _TEXT_OR_NOT,
    }
)
_NODE = _object(
    {
        "id": _TEXT,
        "name": _TEXT,
        "type": _TEXT,
        "health": {"enum": list(STATES)},
        "address": _TEXT | {"description": "the presenter's only"},
        "detail": _TEXT,
        "metrics": {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
        "links": _list(_TEXT),
    },
    more=True,
    may_lack=("address",),
)
_HEALTH = _object(
    {
        "nodes": _list(_NODE),
        "has_issues": _FLAG,
        "last_updated": _MOMENT,
        "interval_sec": _NUMBER,
        "freshness": _one_of(Freshness),
        "metrics": {"description": "curves, as the poller tells them"},
        "counters": {"description": "limited keys, as the poller tells them"},
    },
    more=True,
    may_lack=("metrics", "counters"),
)
STATE = _object(
    {
        "epoch": _TEXT,
        "seq": _COUNT,
        "title": _TEXT,
        "subject": _TEXT,
        "chapter": _CHAPTER,
        "progress": _TEXT,
        "complete": _FLAG,
        "log": _list(_object({"at": _MOMENT, "who": _TEXT, "text": _TEXT, "level": _one_of(Level)})),
        "chaos": _list(_FAULT),
        "halted": _FLAG,
        "blackout": _FLAG,
        "frozen": _FLAG,
        "durable": _FLAG,
        "said": _TEXT,
        "health": {"oneOf": [_HEALTH, {"type": "null"}]},
        "timer": _object(
            {"running": _FLAG, "elapsed_sec": _NUMBER, "started_at": _MOMENT, "budget_sec": _NUMBER_OR_NOT}
        ),
        "viewers": _object(dict.fromkeys(("stage", "presenter", "remote"), _COUNT)),
    }
)
RELAYED = STATE | {
    "properties": STATE["properties"] | {"live": _FLAG, "lost_since": _MOMENT},
    "required": [*STATE["required"], "live", "lost_since"],
}
"""The same of a relay, with whether its show is live."""

NAME = "State"


def state_answer(status: int = 200, text: str = "the state") -> dict[int | str, dict[str, Any]]:
    """Describe a response with the state; it refers to the schema that `Application` adds."""
    schema = {"$ref": f"#/components/schemas/{NAME}"}
    return {status: {"description": text, "content": {"application/json": {"schema": schema}}}}


class Application(FastAPI):
    """A FastAPI application whose OpenAPI description contains the state's schema, which its routes refer to."""

    state_schema: Schema = STATE

    def openapi(self) -> dict[str, Any]:
        described = super().openapi()
        described.setdefault("components", {}).setdefault("schemas", {})[NAME] = self.state_schema
        return described
