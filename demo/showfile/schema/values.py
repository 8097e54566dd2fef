"""The kinds of value that a show file holds. Every scalar arrives as the text that was written; the field decides.

So `on`, `010`, `1:30` and dates stay what they are where text is meant, and an argument of a command is never a number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from demo.errors import InvalidValue
from demo.showfile.quantities import (
    parse_bandwidth,
    parse_count,
    parse_duration,
    parse_rate,
    parse_share,
    parse_size,
    parse_time_or_now,
    parse_time_or_zero,
)


class Settings(BaseModel):
    """Base of all models: unknown keys are errors, and nothing is changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


@dataclass(frozen=True, slots=True)
class Means:
    """Marks what a text stands for, so that it can be checked once all names are known."""

    kind: Literal["condition", "fault", "node", "probe", "process", "proxy", "load", "panel", "path", "secret"]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "x-means": self.kind}


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """Says how a value is written in the file, for editors: as a text of this form, whatever it is read as."""

    means: str
    schema: Mapping[str, Any]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**self.schema, "x-means": self.means}


def _parsed(parse: Any) -> BeforeValidator:
    def validate(value: object) -> object:
        if not isinstance(value, str):
            return value  # read back from JSON, where it is a number already, or of a wrong kind
        try:
            return parse(value)
        except InvalidValue as error:
            raise PydanticCustomError("quantity", "{why}", {"why": str(error)}) from error

    return BeforeValidator(validate)


def _read_switch(value: object) -> object:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise PydanticCustomError("switch", "write true or false, not {given}", {"given": repr(value)})


def _read_whole(value: object) -> object:
    if isinstance(value, str):
        if not value.isdecimal() or not value.isascii() or len(value) > 15:
            raise PydanticCustomError("whole", "write a whole number, not {given}", {"given": repr(value)})
        return int(value)
    return value


def _is_list(value: object) -> str:
    return "<list>" if isinstance(value, list | tuple) else "<text>"


def by_shape(value: object) -> str:
    """Return the tag of the branch that a value is meant for, so that errors are those of one branch alone."""
    if isinstance(value, list | tuple):
        return "<list>"
    return "<mapping>" if isinstance(value, Mapping | BaseModel) else "<text>"


Text = Annotated[str, Field(max_length=10_000)]
TextOrList = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[tuple[Text, ...], Tag("<list>")], Discriminator(_is_list)
]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,62}$")]
Seconds = Annotated[
    float,
    _parsed(parse_duration),
    Field(gt=0),
    Written("duration", {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|min|s|m|h))+$|^(\d+:)?\d{1,2}:\d\d$"}),
]
Countdown = Annotated[
    float, _parsed(parse_count), Field(gt=0, le=60), Written("seconds", {"type": ["integer", "string"]})
]
Share = Annotated[
    float, _parsed(parse_share), Field(ge=0, le=1), Written("share", {"type": ["number", "string"], "pattern": "%$"})
]
Rate = Annotated[
    float,
    _parsed(parse_rate),
    Field(ge=0),
    Written("rate", {"type": "string", "pattern": r"^\d+(\.\d+)?\s*/\s*(s|m|min|h)$"}),
]
SecondsOrZero = Annotated[
    float, _parsed(parse_time_or_zero), Field(ge=0), Written("duration or 0", {"type": ["integer", "string"]})
]
SecondsOrNow = Annotated[
    float, _parsed(parse_time_or_now), Field(ge=0), Written("duration or now", {"type": ["integer", "string"]})
]
Size = Annotated[
    int, _parsed(parse_size), Field(ge=0), Written("size", {"type": "string", "pattern": r"^\d+(\.\d+)? *([KMG]i?)?B$"})
]
Bandwidth = Annotated[
    int,
    _parsed(parse_bandwidth),
    Field(gt=0),
    Written("bandwidth", {"type": "string", "pattern": r"^\d+(\.\d+)? *([KMG]i?)?B */ *s$"}),
]
Switch = Annotated[bool, BeforeValidator(_read_switch)]
Whole = Annotated[int, BeforeValidator(_read_whole), Field(ge=0)]
Port = Annotated[int, BeforeValidator(_read_whole), Field(ge=1, le=65535)]
Argv = Annotated[tuple[Text, ...], Field(min_length=1, max_length=200)]
Condition = Annotated[Text, Means("condition")]
FaultName = Annotated[str, Means("fault")]
ProcessName = Annotated[str, Means("process")]
ProxyName = Annotated[str, Means("proxy")]
LoadName = Annotated[str, Means("load")]
FilePath = Annotated[Text, Means("path")]


def _read_links(value: object) -> object:
    """Return links as texts: YAML reads `client -> api: client.rate` as a mapping, alone and as an item of a list."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Mapping):
        return tuple(f"{chain}: {flow}" for chain, flow in value.items())
    if not isinstance(value, list | tuple):
        return value
    return tuple(
        f"{chain}: {flow}" if isinstance(item, Mapping) and len(item) == 1 else item
        for item in value
        for chain, flow in (item.items() if isinstance(item, Mapping) and len(item) == 1 else [("", "")])
    )


_LINK = {"type": ["string", "object"], "additionalProperties": {"type": "string"}}
Links = Annotated[
    tuple[Text, ...],
    BeforeValidator(_read_links),
    Written("links", {"anyOf": [_LINK, {"type": "array", "items": _LINK}]}),
]
Headers = Mapping[str, Text]
