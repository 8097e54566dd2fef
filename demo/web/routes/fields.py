"""What a command takes from a request: one Pydantic model for each, read from the query and the body alike.

A program that misspells a field must not move a show, so what a model does not name is refused.
"""

import difflib
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from demo.ballots.voters import is_device
from demo.errors import InvalidValue
from demo.show import commands as c

Fields = dict[str, Any]

_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""C0 and C1, but for those that are white space: they part words."""

_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that embed, isolate or override a direction of writing: text after them would run the wrong way."""

_READ = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
"""The types of a body whose fields are read."""

_STEP = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}", re.ASCII)

_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,20})?")

_PLACE = {"type": "string", "pattern": r"^(\s*([0-9]{1,9}(\.[0-9]{1,9})?|-[0-9]{1,8})\s*)?$", "examples": ["3", "3.2"]}
_SWITCH = {"type": "boolean"}
_COUNT = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_DEVICE = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_DURATION = {"type": "number", "minimum": c.MIN_DURATION_SEC, "maximum": c.MAX_DURATION_SEC}
_TARGET = {"type": "string", "minLength": 1, "maxLength": c.MAX_TARGET}
_FORMAT = {"type": "string", "enum": ["json", "cloudevents"], "default": "json"}
_LINE = {"type": "string", "description": f"up to {c.MAX_SAY} characters that are no control characters"}


@dataclass(frozen=True, slots=True)
class ChapterStep:
    """A chapter and a step of it, both 1-based; None: any."""

    chapter: int | None = None
    step: int | None = None


ANYWHERE = ChapterStep()


def _place(value: object) -> ChapterStep:
    """Read `3`, a chapter, or `3.2`, its second step. Raises `ValueError`."""
    if value is None or value == "":
        return ANYWHERE
    if isinstance(value, str) and _STEP.fullmatch(value.strip()):
        chapter, step = value.strip().split(".")
        return ChapterStep(int(chapter), int(step))
    if isinstance(value, float) and not value.is_integer():  # 3.1 and 3.10 are one number, but two steps
        raise ValueError(f"'from' with a step must be sent as text, like \"3.2\", not as the number {value!r}")
    try:
        return ChapterStep(whole_number("from", value))
    except ValueError:
        raise ValueError(f"'from' must be a chapter like 3, or its step like 3.2, not {str(value)[:40]!r}") from None


def _switch(name: str, value: object) -> bool | None:
    if value is None:
        return None
    known = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}
    found = known.get(str(value).lower())
    if found is None:
        raise ValueError(f"{name!r} must be true or false, not {str(value)[:40]!r}")
    return found


def _format(value: object) -> str:
    if value not in ("json", "cloudevents"):
        raise ValueError(f"'format' must be json or cloudevents, not {str(value)[:40]!r}")
    return str(value)


def _duration(value: object) -> float | None:
    """Return a number of seconds within the limits. Raises `ValueError`: an empty text is more likely a lost value."""
    if value is None:
        return None
    text = str(value).strip() if isinstance(value, str) else ""
    number = float(text) if _DECIMAL.fullmatch(text) else value
    if isinstance(number, int | float) and c.MIN_DURATION_SEC <= number <= c.MAX_DURATION_SEC and number is not True:
        return float(number)
    limits = f"from {c.MIN_DURATION_SEC:g} to {c.MAX_DURATION_SEC:g}"
    raise ValueError(f"'duration_sec' must be a number of seconds {limits}, not {str(value)[:40]!r}")


def _target(value: object) -> str | None:
    if value is None:
        return None
    if value == "":
        raise ValueError("'target' is empty: name a target, or leave it out")
    if not isinstance(value, str) or len(value) > c.MAX_TARGET:
        raise ValueError(f"'target' must be the id of a target, not {str(value)[:40]!r}")
    return value


def _line(value: object) -> str:
    """Return one line without control characters. Raises `ValueError` for no text, a long one, or half a character."""
    if not isinstance(value, str):
        raise ValueError("no text given: send text/plain, a form field 'text' or JSON with 'text'")  # noqa: TRY004
    text = " ".join(_CONTROL.sub("", value).split())
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the line holds half a character (a lone surrogate): no screen can show that") from None
    if len(text) > c.MAX_SAY:
        raise ValueError(f"a line may have up to {c.MAX_SAY} characters, not {len(text)}")
    return text


def _question(value: object) -> str:
    """Return a question in one line, as `_line` does, and without what changes the direction of text around it.

    Raises `ValueError`.
    """
    if not isinstance(value, str):
        raise ValueError("no question given: send a form field 'text', JSON with 'text', or text/plain")  # noqa: TRY004
    text = _line(_OVERRIDES.sub("", value))
    if not text:
        raise ValueError("the question is empty")
    return text


def _whole(name: str, value: object) -> int | None:
    return None if value in (None, "") else whole_number(name, value)


def _guess(value: object) -> float | None:
    """Return a number that is not negative; people also write a comma. Raises `ValueError`."""
    if value in (None, ""):
        return None
    text = value.strip().replace(",", ".") if isinstance(value, str) else value
    number = float(text) if isinstance(text, str) and _DECIMAL.fullmatch(text) else text
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"'number' must be a number like 3 or 0.5, not {str(value)[:40]!r}")  # noqa: TRY004
    return float(number)


def _device(value: object) -> str:
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or not is_device(value):
        raise ValueError(f"'device' must be 32 hexadecimal digits in lower case, not {str(value)[:40]!r}")
    return value


class CommandFields(BaseModel):
    """A command that takes no fields; what takes some inherits from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    described_in: ClassVar[Literal["query", "body"]] = "query"
    """Where the description says that the fields are sent. A description cannot say "in one of both"."""


class MoveFields(CommandFields):
    """What a move may be given."""

    expected: Annotated[ChapterStep | None, BeforeValidator(_place), WithJsonSchema(_PLACE)] = Field(
        None,
        alias="from",
        description="The chapter (1-based) this was pressed on, or chapter.step: if the show has moved on, nothing "
        "happens. "
        "May also be a form or a JSON field.",
    )


class ForwardFields(MoveFields):
    """What a move that may enter a chapter forward may be given."""

    override: Annotated[bool | None, BeforeValidator(partial(_switch, "override")), WithJsonSchema(_SWITCH)] = Field(
        None,
        description="Enter the chapter even if what it requires is not met. May also be a form or a JSON field.",
    )


class InjectFields(CommandFields):
    """What an injection may be given instead of the fault's own."""

    duration_sec: Annotated[float | None, BeforeValidator(_duration), WithJsonSchema(_DURATION)] = Field(
        None,
        description="For how many seconds the fault lasts this time; then it heals by itself. "
        "May also be a form or a JSON field.",
    )
    target: Annotated[str | None, BeforeValidator(_target), WithJsonSchema(_TARGET)] = Field(
        None,
        description="What to hit this time, by the id of its node in the state's health. "
        "Refused where the fault cannot choose. May also be a form or a JSON field.",
    )


class SwitchFields(CommandFields):
    """What a switch may be given."""

    on: Annotated[bool | None, BeforeValidator(partial(_switch, "on")), WithJsonSchema(_SWITCH)] = Field(
        None, description="Set it, or toggle without it. May also be a form or a JSON field."
    )


class PrintFields(CommandFields):
    """What the page to print may be given."""

    notes: Annotated[bool | None, BeforeValidator(partial(_switch, "notes")), WithJsonSchema(_SWITCH)] = Field(
        None, description="Whether the presenter's notes are printed; they are without it."
    )


class EventsFields(CommandFields):
    """How the events are wanted."""

    format: Annotated[str, BeforeValidator(_format), WithJsonSchema(_FORMAT)] = Field(
        "json", description="`cloudevents`: each event as a CloudEvent 1.0; `json`, the default: as the journal has it."
    )


class SayFields(CommandFields):
    """The line for every screen; as `text/plain` it is the whole body."""

    described_in: ClassVar[Literal["query", "body"]] = "body"

    model_config = ConfigDict(json_schema_extra={"required": ["text"]})

    text: Annotated[str, BeforeValidator(_line), WithJsonSchema(_LINE)] = Field(None, validate_default=True)


class VoteFields(CommandFields):
    """A vote: the number of an option or, where a number is guessed, that number."""

    described_in: ClassVar[Literal["query", "body"]] = "body"

    choice: Annotated[int | None, BeforeValidator(partial(_whole, "choice")), WithJsonSchema(_COUNT)] = Field(
        None, description="the option, counted from 1"
    )
    number: Annotated[float | None, BeforeValidator(_guess), WithJsonSchema({"type": "number", "minimum": 0})] = Field(
        None, description="the guess, where a number is asked for"
    )
    ballot: Annotated[int | None, BeforeValidator(partial(_whole, "ballot")), WithJsonSchema(_COUNT)] = Field(
        None, description="the `id` of the vote that is meant; without it, the one that is open"
    )
    device: Annotated[str, BeforeValidator(_device), WithJsonSchema(_DEVICE)] = Field(
        "", description="a random id that the page keeps, for browsers without cookies: one vote a device"
    )


class AskFields(CommandFields):
    """A question from the room; as `text/plain` it is the whole body."""

    described_in: ClassVar[Literal["query", "body"]] = "body"

    model_config = ConfigDict(json_schema_extra={"required": ["text"]})

    text: Annotated[str, BeforeValidator(_question), WithJsonSchema(_LINE)] = Field(None, validate_default=True)
    device: Annotated[str, BeforeValidator(_device), WithJsonSchema(_DEVICE)] = Field(
        "", description="a random id that the page keeps, for browsers without cookies"
    )


class PairFields(CommandFields):
    """One of the two codes that pair a browser: the link's, or the one to type."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})
    described_in: ClassVar[Literal["query", "body"]] = "body"
    secret: str = Field("", description="the code of a link", min_length=1)
    code: str = Field("", description="the code as typed", min_length=1)


Model = TypeVar("Model", bound=CommandFields)


def reading(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """Return a dependency that reads this model from a request. It raises `InvalidValue`, which becomes a 422."""

    async def read(request: Request) -> Model:
        fields = _once(request.query_params.multi_items())
        if request.method != "POST":
            return checked(model, fields)  # A body of a GET means nothing, and might never come.
        names = model.model_fields
        return checked(model, await body_fields(request, fields, takes_text="text" in names, takes_any=not names))

    return read


def checked(model: type[Model], fields: Fields) -> Model:
    """Make the model of these fields. Raises `InvalidValue`, which names an unknown field and the nearest known one."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            raise InvalidValue(_unknown(str(first["loc"][0]), model)) from None
        raise InvalidValue(str(first.get("ctx", {}).get("error", first["msg"]))) from None


def names_of(model: type[CommandFields]) -> list[str]:
    """Return the names of its fields as requests send them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _unknown(name: str, model: type[CommandFields]) -> str:
    names = names_of(model)
    if not names:
        return f"unknown field {name[:40]!r}: this route takes none"
    near = difflib.get_close_matches(name, names, n=1)
    meant = f"did you mean {near[0]!r}?" if near else f"this route takes {', '.join(map(repr, names))}"
    return f"unknown field {name[:40]!r}: {meant}"


def _once(pairs: Iterable[tuple[str, Any]]) -> Fields:
    """Return the fields by name. Raises `InvalidValue` where one comes twice: which was meant?"""
    fields: Fields = {}
    for name, value in pairs:
        if name in fields:
            raise InvalidValue(f"{name[:40]!r} was sent twice: send it once")
        fields[name] = value
    return fields


async def body_fields(request: Request, first: Fields, *, takes_text: bool = False, takes_any: bool = False) -> Fields:
    """Return the body's fields and those of the query, `first`. Raises `InvalidValue`, too for one that is in both.

    `takes_any`: a body of another type is ignored. It cannot hold a field that is meant, and a halt must get through.
    """
    fields, sent = {}, await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent and kind not in _READ and not takes_any:  # Ignored, a `from` in it would guard nothing.
        raise InvalidValue(f"a body of type {kind[:40]!r} is not read here: send a form, JSON or text/plain")
    try:
        if kind == "application/json" and sent:
            data = json.loads(sent, object_pairs_hook=_once)
            if not isinstance(data, dict):
                raise InvalidValue(f"the JSON body must be an object, not {type(data).__name__}")
            fields = data
        elif kind == "application/x-www-form-urlencoded":
            fields = _once(parse_qsl(sent.decode(), keep_blank_values=True, strict_parsing=bool(sent)))
        elif kind == "multipart/form-data":
            fields = _once((await request.form()).multi_items())
        elif kind == "text/plain" and (sent or takes_text):
            fields = {"text": sent.decode()}
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"the body cannot be read as {kind}: {error}"[:200]) from None
    if both := sorted(fields.keys() & first.keys()):
        raise InvalidValue(f"{both[0][:40]!r} was sent twice, in the query and in the body: send it once")
    return first | fields


def whole_number(name: str, value: object) -> int:
    """Return a number of up to nine digits. Raises `ValueError` for everything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON does not tell 2 from 2.0
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{name!r} must be a whole number, not {str(value)[:40]!r}")  # noqa: TRY004
    text = str(value).strip()
    if not (text.isascii() and text.removeprefix("-").isdecimal()) or len(text) > 9:
        raise ValueError(f"{name!r} must be a whole number, not {text[:40]!r}")
    return int(text)


NoFields = Annotated[CommandFields, Depends(reading(CommandFields))]
Move = Annotated[MoveFields, Depends(reading(MoveFields))]
Forward = Annotated[ForwardFields, Depends(reading(ForwardFields))]
Injection = Annotated[InjectFields, Depends(reading(InjectFields))]
Switch = Annotated[SwitchFields, Depends(reading(SwitchFields))]
Events = Annotated[EventsFields, Depends(reading(EventsFields))]
Printing = Annotated[PrintFields, Depends(reading(PrintFields))]
Line = Annotated[SayFields, Depends(reading(SayFields))]
VoteAnswer = Annotated[VoteFields, Depends(reading(VoteFields))]
"""The dependencies of the routes, by what they take."""
