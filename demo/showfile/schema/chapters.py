"""A chapter's settings: its steps, its prediction, and what has to hold before it is entered."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from demo.ballots.vote import MEASURES
from demo.showfile.schema.faults import ExecCommand, HttpRequest
from demo.showfile.schema.values import (
    Argv,
    Condition,
    Countdown,
    FaultName,
    Seconds,
    Settings,
    Switch,
    Text,
    TextOrList,
    by_shape,
)

VERBS = ("countdown", "fault", "heal", "wait", "wait_until", "say", "load", "run", "exec", "http", "python")
LAYOUTS = ("cover", "story", "focus", "system", "panel", "split", "center", "image", "end")
CHECKS = ("before", "after", "edge", "always", "during-fault", "SOT", "EOT", "Edge", "Continuous", "OnChaos")


class Step(Settings):
    """One step of `on_enter`: exactly one verb."""

    countdown: Countdown | None = None
    fault: FaultName | None = None
    heal: FaultName | None = None
    wait: Seconds | None = None
    wait_until: Condition | None = None
    say: Text | None = None
    load: Mapping[str, Text] | None = None
    run: Argv | None = None
    exec: ExecCommand | None = None
    http: HttpRequest | None = None
    python: Text | None = None

    name: Text | None = None
    timeout: Seconds | None = None
    if_: Condition | None = Field(default=None, alias="if")
    continue_on_error: Switch = False

    @model_validator(mode="after")
    def _check_verb(self) -> "Step":
        given = [verb for verb in VERBS if getattr(self, verb) is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "verb",
                "a step is exactly one of {verbs}{given}",
                {"verbs": ", ".join(VERBS), "given": f"; this one has {' and '.join(given)}" if given else ""},
            )
        return self

    @property
    def verb(self) -> str:
        return next(verb for verb in VERBS if getattr(self, verb) is not None)


class Requirement(Settings):
    condition: Condition
    msg: Text


StepOrWord = Annotated[
    Annotated[Step, Tag("<mapping>")] | Annotated[Literal["heal"], Tag("<text>")],
    Discriminator(lambda value: "<text>" if by_shape(value) == "<text>" else "<mapping>"),
]
"""`heal` alone heals all."""


class VoteSettings(Settings):
    """What the audience votes on: one of several options or, with `unit` or `measure`, a number to guess."""

    question: Text | None = None
    options: tuple[Text, ...] = ()
    predicted: Text | None = None
    hidden: Switch = False
    unit: Text | None = None
    measure: Literal[MEASURES] | None = None  # type: ignore[valid-type]

    @property
    def asks_number(self) -> bool:
        return not self.options and (self.unit is not None or self.measure is not None)

    @model_validator(mode="after")
    def _check_kind(self) -> "VoteSettings":
        if self.options and (self.unit is not None or self.measure is not None):
            key = "unit" if self.unit is not None else "measure"
            text = "a vote has either options, or unit and measure for a number to guess"
            raise PydanticCustomError("vote", text, {"key": key})
        return self


VoteOrSwitch = Annotated[
    Annotated[VoteSettings, Tag("<mapping>")] | Annotated[Switch, Tag("<text>")],
    Discriminator(lambda value: "<mapping>" if by_shape(value) == "<mapping>" else "<text>"),
]


class ChapterSettings(Settings):
    title: Text | None = None
    id: Text | None = None
    hide: Switch = False
    src: Text | None = None
    on_enter: tuple[StepOrWord, ...] = ()
    auto_advance: Switch = False
    blocks_advance: Switch = False
    budget: Seconds | None = None
    require: tuple[Requirement, ...] = ()
    hypothesis: Text | None = None
    expect: Condition | None = None
    check: Literal[CHECKS] | None = None  # type: ignore[valid-type]
    layout: Literal[LAYOUTS] | None = None  # type: ignore[valid-type]
    panel: TextOrList | None = None
    highlight: TextOrList = ()
    vote: VoteOrSwitch = False
    evidence: Switch = False

    @property
    def panels(self) -> tuple[str, ...]:
        """The names of its panels."""
        return (self.panel,) if isinstance(self.panel, str) else self.panel or ()

    @model_validator(mode="after")
    def _check_prediction(self) -> "ChapterSettings":
        if self.expect is not None and not self.hypothesis:
            raise PydanticCustomError(
                "hypothesis", "expect needs a hypothesis: the sentence that it proves", {"key": "expect"}
            )
        return self
