"""Three-valued evaluation (Kleene): true, false, or None for unknown, with the numbers that it was decided by.

- `not` unknown is unknown. `and` is false as soon as one side is, and unknown if one is and none is false. `or` is true
  as soon as one side is, and unknown if one is and none is true.
- A value that was not measured, or cannot be compared (a time with a bare number), makes its clause unknown.
- `NAME is STATE` asks every node of the name. A node whose state is neither up, degraded nor down is unknown.
- A count of nodes some of which are unknown lies between two numbers; it is decided only if both give one answer. A
  node that is known to be down, and of which a field in `where` is not known, is not counted: the dead have no role.
  Nothing is known of a name with no nodes: that is unknown, not 0.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from demo.conditions.facts import ALL, PRESENCE, STATES, Facts, NodeFact
from demo.conditions.patterns import bounded, glob_matches
from demo.conditions.phrases import (
    OPPOSITE,
    comparison_phrase,
    match_phrase,
    one_of_phrase,
    presence_phrase,
    state_phrase,
)
from demo.conditions.syntax import (
    And,
    Comparison,
    Count,
    Glob,
    InState,
    Literal,
    Matches,
    Membership,
    Not,
    Or,
    Tree,
)
from demo.conditions.values import Quantity, Truth, Value, compare, show_value

MAX_CLAUSES = 4


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison: whether it is as the condition wants it, and what was measured against what was expected."""

    truth: Truth
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """`clauses`: those that decided it, the failing ones first, then unknown ones."""

    truth: Truth
    clauses: tuple[Clause, ...]

    @property
    def text(self) -> str:
        """For the screen: `count(members up) = 2, not 3; latency is unknown`."""
        shown = [clause.text for clause in self.clauses[:MAX_CLAUSES]]
        more = len(self.clauses) - len(shown)
        return "; ".join([*shown, f"and {more} more"] if more else shown)


def judge(tree: Tree, facts: Facts, wanted: bool = True) -> Judgement:
    """Return whether the tree is `wanted`."""
    match tree:
        case Not():
            return judge(tree.operand, facts, not wanted)
        case And() | Or():
            parts = [judge(operand, facts, wanted) for operand in tree.operands]
            return _all_of(parts) if isinstance(tree, And) == wanted else _any_of(parts)
        case Comparison():
            clause = _judge_comparison(tree, facts, wanted)
        case Membership():
            clause = _judge_one_of(tree, facts, wanted)
        case Matches():
            clause = _judge_matches(tree, facts, wanted)
        case InState():
            clause = _judge_state(tree, facts, wanted)
    return Judgement(clause.truth, (clause,))


def _all_of(parts: Sequence[Judgement]) -> Judgement:
    truth = all_known(part.truth for part in parts)
    if truth:
        return Judgement(True, tuple(clause for part in parts for clause in part.clauses))
    failing = [part for part in parts if part.truth is False]
    unknown = [part for part in parts if part.truth is None]
    return Judgement(truth, tuple(clause for part in failing + unknown for clause in part.clauses))


def _any_of(parts: Sequence[Judgement]) -> Judgement:
    denied = all_known(_negate(part.truth) for part in parts)
    decisive = parts if denied else [part for part in parts if part.truth is _negate(denied)]
    return Judgement(_negate(denied), tuple(clause for part in decisive for clause in part.clauses))


def all_known(truths: Iterable[Truth]) -> Truth:
    """Return Kleene's `and` of them all."""
    known: Truth = True
    for truth in truths:
        if truth is False:
            return False
        known = known if truth else None
    return known


def _negate(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _as_wanted(truth: Truth, wanted: bool) -> Truth:
    return truth if wanted else _negate(truth)


def _judge_comparison(tree: Comparison, facts: Facts, wanted: bool) -> Clause:
    operator = tree.operator if wanted else OPPOSITE[tree.operator]
    if isinstance(tree.left, Count):
        measured = _count(tree.left, facts)
        truth = measured.decide(lambda fact: compare(fact, operator, tree.right)[0])
        return Clause(truth, comparison_phrase(tree.left, measured.shown, operator, tree.right, truth, measured.why))
    fact = facts.value(tree.left.path)
    truth, why = compare(fact, operator, tree.right)
    if tree.left.function == PRESENCE and isinstance(fact, bool):
        return Clause(truth, presence_phrase(tree.left, fact, truth))
    return Clause(truth, comparison_phrase(tree.left, fact, operator, tree.right, truth, why))


def _judge_one_of(tree: Membership, facts: Facts, wanted: bool) -> Clause:
    why: list[str] = []

    def is_one(fact: Value) -> Truth:
        answers = [_is_choice(fact, choice, why) for choice in tree.choices]
        return _negate(all_known(_negate(answer) for answer in answers))

    positive = wanted != tree.negated
    if isinstance(tree.left, Count):
        measured = _count(tree.left, facts)
        truth = _as_wanted(measured.decide(is_one), positive)
        return Clause(truth, one_of_phrase(tree, measured.shown, positive, truth, measured.why))
    fact = facts.value(tree.left.path)
    truth = _as_wanted(is_one(fact), positive)
    return Clause(truth, one_of_phrase(tree, fact, positive, truth, next(iter(why), "")))


def _is_choice(fact: Value, choice: Literal | Glob, why: list[str]) -> Truth:
    if not isinstance(choice, Glob):
        truth, reason = compare(fact, "==", choice)
        if reason:
            why.append(reason)
        return truth
    text = _as_text(fact)
    return None if text is None else glob_matches(choice.pattern, text)


def _as_text(fact: Value) -> str | None:
    """Return the text that patterns are compared with. A quantity with a unit has none: how it is written is ours."""
    if isinstance(fact, Quantity):
        return show_value(fact) if not fact.unit else None
    return fact if isinstance(fact, str) or fact is None else show_value(fact)


def _judge_matches(tree: Matches, facts: Facts, wanted: bool) -> Clause:
    fact = facts.value(tree.left.path)
    text = _as_text(fact)
    found, why = (None, "") if text is None else bounded(tree.pattern, tree.ignore_case).found_in(text)
    truth = _as_wanted(found, wanted)
    return Clause(truth, match_phrase(tree, fact, found, truth, why))


def _judge_state(tree: InState, facts: Facts, wanted: bool) -> Clause:
    nodes = facts.nodes(tree.name)
    positive = wanted != tree.negated
    truth = _as_wanted(all_known(_in_state(node, tree.state) for node in nodes), positive) if nodes else None
    return Clause(truth, state_phrase(tree, nodes, positive, truth))


def _in_state(node: NodeFact, state: str) -> Truth:
    return node.state == state if node.state in STATES else None


@dataclass(frozen=True, slots=True)
class _Counted:
    """A count between `least` and `most`; `why`: why it is not known better. `known`: whether there are nodes."""

    least: int
    most: int
    why: str = ""
    known: bool = True

    @property
    def shown(self) -> Value:
        """The number, a range as text, or None."""
        if not self.known:
            return None
        return Quantity(float(self.least)) if self.least == self.most else f"{self.least} to {self.most}"

    def decide(self, holds: Callable[[Value], Truth]) -> Truth:
        """Return what `holds` says of every number that the count can be, if it says the same of all."""
        if not self.known:
            return None
        answers = {holds(Quantity(float(number))) for number in range(self.least, self.most + 1)}
        return answers.pop() if len(answers) == 1 else None


def _count(count: Count, facts: Facts) -> _Counted:
    nodes = facts.nodes(count.name)
    if not nodes:
        named = "no nodes" if count.name == ALL else f"no nodes of {count.name}"
        return _Counted(0, 0, f"{named} are known", known=False)
    answers = [_is_counted(count, node) for node in nodes]
    sure, unsure = answers.count(True), answers.count(None)
    return _Counted(sure, sure + unsure, f"{unsure} unknown" if unsure else "")


def _is_counted(count: Count, node: NodeFact) -> Truth:
    answers: list[Truth] = []
    if count.state:
        answers.append(_in_state(node, count.state))
    if count.where is not None:
        answers.append(judge(count.where, _FieldsOf(node)).truth)
    truth = all_known(answers)
    return False if truth is None and node.state == "down" and count.state != "down" else truth


@dataclass(frozen=True, slots=True)
class _FieldsOf:
    """The facts inside `where`: the fields of one node, and its `id` and `state`."""

    node: NodeFact

    def value(self, path: tuple[str, ...]) -> Value:
        name = ".".join(path)
        if name in self.node.fields or name not in ("id", "state"):
            return self.node.fields.get(name)
        return self.node.id if name == "id" else self.node.state if self.node.state in STATES else None

    def nodes(self, name: str) -> Sequence[NodeFact] | None:  # the grammar asks for none in here
        return None
