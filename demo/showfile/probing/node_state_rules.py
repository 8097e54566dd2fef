"""What an answer says of a node: up, degraded, down or unknown. Pure rules, in this order: unknown, down, degraded, up.

A condition whose values are missing is unknown, and then so is the node, unless it is certainly not up.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.conditions import Condition, NodeFact, Value, parse
from demo.probes.result import Reading
from demo.showfile.probing.cached_condition import CachedCondition
from demo.showfile.probing.fields import value_at
from demo.showfile.schema.probes import ProbeSettings

NO_CONDITION = "no condition says what is up"
NO_VALUE = "its answer lacks what is compared"
NO_ROWS = "the query returned no rows"
READ_ONLY = "accepts no writes"
NOT_FIT = "not as its condition wants it"
UNFIT = re.compile(r"://|\d+\.\d+\.\d+\.\d+|(?<![\w.])/\w|:\d{2,5}\b|@")
"""Addresses and paths, which an answer may hold."""

MAX_DETAIL = 120


@dataclass(frozen=True, slots=True)
class NodeVerdict:
    """`detail`: a few words for the audience, without addresses, paths and texts of errors; "" if it is up."""

    state: str
    detail: str = ""


@dataclass(frozen=True)
class OwnFacts:
    """The fields of one answer by their own names, as the conditions of a probe use them."""

    data: Mapping[str, Any]

    def value(self, path: tuple[str, ...]) -> Value:
        return value_at(self.data, path)

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        return None


@dataclass(frozen=True)
class NodeStateRules:
    """Judges the answers of one probe. `of` raises `ConditionError` for a condition that cannot be parsed."""

    kind: str
    has_query: bool = False
    up: CachedCondition | None = None
    degraded: CachedCondition | None = None
    down: CachedCondition | None = None

    @classmethod
    def of(cls, settings: ProbeSettings) -> "NodeStateRules":
        up, degraded, down = (
            None if text is None else CachedCondition(parse(text))
            for text in (settings.up, settings.degraded, settings.down)
        )
        return cls(settings.kind, settings.query is not None, up, degraded, down)

    def judge(self, reading: Reading, row: Mapping[str, Any] | None = None) -> NodeVerdict:
        """Return what this reading says; `row` has the fields of one node, where the answer tells of many."""
        if not reading.ok:
            return NodeVerdict("unknown" if reading.inconclusive else "down", reading.trouble)
        facts = OwnFacts(reading.data if row is None else {**reading.data, **row})
        is_known = True
        for state, condition in (("down", self.down), ("degraded", self.degraded)):
            if condition is None:
                continue
            holds = condition.truth(facts)
            if holds:
                return NodeVerdict(state, describe(condition.condition, facts))
            is_known = is_known and holds is not None
        verdict = self._judge_up(facts, is_row=row is not None)
        return verdict if is_known or verdict.state != "up" else NodeVerdict("unknown", NO_VALUE)

    def _judge_up(self, facts: OwnFacts, *, is_row: bool) -> NodeVerdict:
        if self.up is None:
            return self._judge_by_default(facts.data, is_row=is_row)
        holds = self.up.truth(facts)
        if holds is None:
            return NodeVerdict("unknown", NO_VALUE)
        return NodeVerdict("up") if holds else NodeVerdict("down", describe(self.up.condition, facts))

    def _judge_by_default(self, data: Mapping[str, Any], *, is_row: bool) -> NodeVerdict:
        state, detail = "up", ""
        match self.kind:
            case "prometheus" | "log":
                state, detail = "unknown", NO_CONDITION
            case "http" if not 200 <= data["status"] < 300:
                state, detail = "down", f"answered with status {data['status']}"
            case "run" | "exec" if data["exit"] != 0:
                state, detail = "down", f"ended with exit code {data['exit']}"
            case "docker" | "process" if data["state"] != "running":
                state, detail = "down", str(data["state"])
            case "postgres" if data.get("writes") is False:
                state, detail = "degraded", READ_ONLY
            case "postgres" if self.has_query and not is_row and data["value"] is None:
                state, detail = "unknown", NO_ROWS
        return NodeVerdict(state, detail)


def describe(condition: Condition, facts: OwnFacts) -> str:
    """Return what decided a condition, in a few words; nothing of it where that is not fit for the audience."""
    text = condition.judge(facts).text
    return NOT_FIT if UNFIT.search(text) else text[:MAX_DETAIL]
