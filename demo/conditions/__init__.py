"""The condition language of a show: parsed, never evaluated as code, total and three-valued. docs/conditions.md has it.

`parse` gives a `Condition` or raises `ConditionError`; a condition is evaluated against `Facts`, and followed over time
by a `Watch`. Nothing here knows probes, faults or shows.
"""

from demo.conditions.condition import Condition, ConditionLimit, NameUse, parse
from demo.conditions.errors import ConditionError
from demo.conditions.evaluation import Clause, Judgement
from demo.conditions.facts import Facts, NodeFact, look_up
from demo.conditions.values import Quantity, Truth, Value, read_quantity, show_quantity, show_value
from demo.conditions.watch import ConditionResult, ConditionVerdict, Watch
from demo.conditions.wording import condition_in_words

__all__ = [
    "Clause",
    "Condition",
    "ConditionError",
    "ConditionLimit",
    "ConditionResult",
    "ConditionVerdict",
    "Facts",
    "Judgement",
    "NameUse",
    "NodeFact",
    "Quantity",
    "Truth",
    "Value",
    "Watch",
    "condition_in_words",
    "look_up",
    "parse",
    "read_quantity",
    "show_quantity",
    "show_value",
]
