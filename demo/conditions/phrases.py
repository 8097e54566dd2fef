"""How a clause reads on the screen: what was measured against what was expected."""

from collections.abc import Mapping, Sequence

from demo.conditions.facts import ALL, STATES, NodeFact
from demo.conditions.syntax import Count, Field, Glob, InState, Literal, Matches, Membership
from demo.conditions.values import Truth, Value, show_beside, show_value

OPPOSITE: Mapping[str, str] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_EXPECTED = {"==": "{}", "<": "below {}", "<=": "at most {}", ">": "above {}", ">=": "at least {}"}
MAX_NAMED = 3
MAX_LEFT = 80


def comparison_phrase(
    left: Field | Count, fact: Value, operator: str, right: Literal, truth: Truth, why: str = ""
) -> str:
    """Return `latency = 412ms, not below 300ms`. `operator`: as it is wanted, after every `not`."""
    if truth is None:
        return unknown_phrase(left, fact, why)
    measured, expected = f"{show_left(left)} = {show_beside(fact, right)}", show_value(right)
    if operator == "!=":
        return f"{measured}, other than {expected}" if truth else f"{measured}, expected any other"
    phrase = _EXPECTED[operator].format(expected)
    if not truth:
        return f"{measured}, not {phrase}"
    return measured if operator == "==" else f"{measured}, {phrase}"


def unknown_phrase(left: Field | Count, fact: Value, why: str) -> str:
    """Return `latency is unknown`, with the reason if there is one."""
    if fact is None:
        return f"{show_left(left)} is unknown" + (f": {why}" if why else "")
    return f"{show_left(left)} = {show_value(fact)}" + (f": {why}" if why else ", which cannot be compared")


def presence_phrase(left: Field, there: bool, truth: Truth) -> str:
    """Return whether a value is there at all."""
    named = show_left(Field(left.parts))
    return f"{named} is {'' if there else 'not '}there" + ("" if truth else ", expected otherwise")


def one_of_phrase(tree: Membership, fact: Value, positive: bool, truth: Truth, why: str) -> str:
    """Return `state = x, not a or b`. `positive`: one of the choices is wanted, after every `not`."""
    if truth is None:
        return unknown_phrase(tree.left, fact, why)
    measured = f"{show_left(tree.left)} = {show_value(fact)}"
    choices = " or ".join(c.pattern if isinstance(c, Glob) else show_value(c) for c in tree.choices[:MAX_NAMED])
    choices += " or …" if len(tree.choices) > MAX_NAMED else ""
    if positive:
        return measured if truth else f"{measured}, not {choices}"
    return f"{measured}, other than {choices}" if truth else f"{measured}, expected other than {choices}"


def match_phrase(tree: Matches, fact: Value, found: Truth, truth: Truth, why: str) -> str:
    """Return `line = …, does not match /re/`."""
    if found is None:
        return unknown_phrase(tree.left, fact, why or ("" if fact is None else "not a text"))
    measured = f"{show_left(tree.left)} = {show_value(fact)}"
    matched = f"{measured}, {'matches' if found else 'does not match'} {tree.regex}"
    return matched if truth else f"{matched}, expected otherwise" if found else matched


def state_phrase(tree: InState, nodes: Sequence[NodeFact] | None, positive: bool, truth: Truth) -> str:
    """Return `redis is down, not up`, or of several nodes `2 of 3 members are up (etcd-2 is down)`."""
    if not nodes:
        return f"{'the state of the nodes' if tree.name == ALL else tree.name} is unknown"
    if len(nodes) == 1:
        state = nodes[0].state if nodes[0].state in STATES else "unknown"
        shown = f"{nodes[0].id if tree.name == ALL else tree.name} is {state}"
        if truth is None or truth:
            return shown
        return f"{shown}, not {tree.state}" if positive else f"{shown}, expected otherwise"
    others = [node for node in nodes if node.state != tree.state]
    named = ", ".join(f"{n.id} is {n.state if n.state in STATES else 'unknown'}" for n in others[:MAX_NAMED])
    named += f", and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
    of = "nodes" if tree.name == ALL else f"nodes of {tree.name}"
    shown = f"{len(nodes) - len(others)} of {len(nodes)} {of} are {tree.state}" + (f" ({named})" if named else "")
    return shown if truth is not False or positive else f"{shown}, expected otherwise"


def show_left(left: Field | Count) -> str:
    """Return what is measured, short enough for a screen."""
    text = str(left)
    return text if len(text) <= MAX_LEFT else text[: MAX_LEFT - 1] + "…"
