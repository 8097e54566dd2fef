"""What holds for every text, every tree and all facts."""

import ast
import builtins
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import demo.conditions
from demo.conditions import Condition, ConditionError, NodeFact, Quantity, Value, Watch, look_up, parse, read_quantity
from demo.conditions.facts import LENGTH, PRESENCE
from demo.conditions.lexer import cut
from demo.conditions.parser import MAX_DURATION_SEC, Parser, Suffix
from demo.conditions.syntax import (
    OPERATORS,
    RESERVED,
    And,
    Comparison,
    Count,
    Field,
    Glob,
    InState,
    Matches,
    Membership,
    Not,
    Or,
    Tree,
)
from demo.conditions.values import exact_quantity
from tests.conditions.known_facts import KnownFacts

WORDS = [*RESERVED, *OPERATORS, "count", "len", "has", "any", "pat", "p", "all", "up", "down", "degraded", "unknown"]
PIECES = [*WORDS, "p(95)", "[STATUS]", "[BODY]", "x", "a.b", "1", "3s", "1%", *"()[],.\"'/\\"]

soup = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=25).flatmap(
    lambda pieces: st.sampled_from([" ".join(pieces), "".join(pieces)])
)
some_text = st.text(max_size=12)
names = st.text("aB_é-p0", min_size=1, max_size=4) | st.sampled_from(WORDS) | st.text(min_size=1, max_size=4)
first_names = names.filter(lambda name: name not in ("latency", "avg", "med", "rate", "connected"))
parts = st.lists(names | st.sampled_from(["0", "12"]), max_size=3).filter(
    lambda found: not found or found[-1] not in ("latency", "avg", "med", "rate")
)
paths = st.tuples(first_names, parts).map(lambda both: (both[0], *both[1]))
numbers = st.floats(min_value=-1e15, max_value=1e15, allow_nan=False).map(lambda number: number + 0.0)
quantities = st.builds(Quantity, numbers, st.sampled_from(["", "s", "%", "/s", "B"]))
bare = st.builds(Quantity, numbers)
literals = quantities | some_text | st.booleans()
states = st.sampled_from(["up", "degraded", "down"])
globs = st.builds(Glob, st.text(min_size=1, max_size=8))
patterns = st.sampled_from(["a", "a/b", r"\d+", r"[\\/]", "(x|y)*", "^$", r"\\", '"', "é "])


def comparisons(lefts: st.SearchStrategy[Field]) -> st.SearchStrategy[Tree]:
    return (
        st.builds(Comparison, lefts, st.sampled_from(OPERATORS), quantities)
        | st.builds(Comparison, lefts, st.sampled_from(["==", "!="]), literals)
        | st.builds(Membership, lefts, st.lists(literals | globs, min_size=1, max_size=3).map(tuple), st.booleans())
        | st.builds(Matches, lefts, patterns, st.booleans())
    )


def joined(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(And, several) | st.builds(Or, several)


fields = st.builds(Field, paths)
field_trees = st.recursive(comparisons(fields), joined, max_leaves=4)
counts = st.builds(Count, names, st.none() | field_trees, st.just("") | states) | st.builds(
    Count, names, comparisons(fields), st.just("") | states, st.just(True)
)
atoms = (
    comparisons(fields)
    | st.builds(InState, names, states, st.booleans())
    | st.builds(InState, st.just("all"), states)
    | st.builds(Comparison, counts, st.sampled_from(OPERATORS), bare)
    | st.builds(Membership, counts, st.lists(bare, min_size=1, max_size=3).map(tuple), st.booleans())
    | st.builds(Comparison, st.builds(Field, paths, st.just(LENGTH)), st.sampled_from(OPERATORS), bare)
    | st.builds(Comparison, st.builds(Field, paths, st.just(PRESENCE)), st.sampled_from(["==", "!="]), st.booleans())
    | st.builds(
        Comparison,
        st.builds(Field, st.just(()) | paths, st.sampled_from(["p(95)", "p(99.9)"])),
        st.sampled_from(OPERATORS),
        st.builds(Quantity, numbers, st.just("s")),
    )
)
trees = st.recursive(atoms, joined, max_leaves=6)
suffixes = (
    st.just(Suffix())
    | st.builds(Suffix, st.sampled_from(["for", "within"]), st.floats(min_value=0.001, max_value=MAX_DURATION_SEC))
    | st.builds(lambda fault: Suffix("during", fault=fault), names)
)
values = st.none() | literals | st.builds(Quantity, st.floats(), st.just("s"))
nodes = st.builds(
    NodeFact,
    st.text(max_size=4),
    st.sampled_from(["up", "down", "degraded", "unknown", "starting", ""]),
    st.dictionaries(names, values, max_size=3),
)


class AnyFacts:
    """Draws an answer to every question."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Value]], Value], answers: list[NodeFact] | None) -> None:
        self._draw = draw
        self._answers = answers

    def value(self, path: tuple[str, ...]) -> Value:
        assert path
        return self._draw(values)

    def nodes(self, name: str) -> list[NodeFact] | None:
        assert name
        return self._answers


def written(tree: Tree, suffix: Suffix) -> Condition:
    return Condition("", tree, suffix)


def attempt(text: str) -> Condition | ConditionError:
    try:
        return parse(text)
    except ConditionError as error:
        return error


@given(st.text(max_size=80) | soup)
@settings(deadline=None)
def test_every_text_is_a_condition_or_a_condition_error_with_a_place_in_it(text: str) -> None:
    condition = attempt(text)
    if isinstance(condition, ConditionError):
        assert 0 <= condition.offset <= len(text)
        assert condition.message
    else:
        assert parse(condition.canonical).tree == condition.tree
        assert all(0 <= use.offset < len(text) for use in condition.names())


@given(trees, suffixes)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_a_tree_that_is_written_out_is_read_as_an_equal_one(tree: Tree, suffix: Suffix) -> None:
    text = written(tree, suffix).canonical
    again, again_suffix = Parser(cut(text)).parse()
    assert again == tree
    assert (again_suffix.word, again_suffix.seconds, again_suffix.fault) == (suffix.word, suffix.seconds, suffix.fault)
    assert parse(text).canonical == text


@given(st.data(), trees, suffixes, st.none() | st.lists(nodes, max_size=4), st.booleans())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_evaluation_never_raises_and_a_denied_tree_is_the_opposite(
    data: st.DataObject, tree: Tree, suffix: Suffix, answers: list[NodeFact] | None, always: bool
) -> None:
    facts = AnyFacts(data.draw, answers)
    judgement = written(tree, suffix).judge(facts)
    assert judgement.truth in (True, False, None)
    assert judgement.text
    assert all(clause.text for clause in judgement.clauses)
    watch = Watch(written(tree, suffix), 0.0, always=always)
    for moment in (0.0, 1.0, 2.5):
        watch.feed(moment, facts, ("a",))
    assert watch.finish(3.0).verdict in ("held", "broken", "not seen")
    fixed = KnownFacts({"a": 1, "b": "x", "0": True}, {"all": answers or [], "a": answers or []})
    truth, denied = written(tree, suffix).truth(fixed), written(Not(tree), suffix).truth(fixed)
    assert denied is (None if truth is None else not truth)


@given(quantities)
def test_a_quantity_that_is_written_out_is_read_as_the_same_one(quantity: Quantity) -> None:
    assert read_quantity(exact_quantity(quantity)) == quantity


json_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(json_documents, st.lists(st.text(max_size=3) | st.sampled_from(["0", "len()", "has()", "²"]), max_size=4))
def test_every_path_in_every_document_has_a_value_or_is_unknown(document: object, path: list[str]) -> None:
    assert isinstance(look_up(document, path), Quantity | str | bool | None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("status", Quantity(1.5)),
        ("members.1.role", "leader"),
        ("members.len()", Quantity(2)),
        ("status.len()", None),
        ("members", None),
        ("members.7.role", None),
        ("ready", True),
        ("gone", None),
        ("gone.has()", False),
        ("nothing.has()", False),
        ("members.has()", True),
        ("nothing.deeper.has()", False),
    ],
)
def test_a_document_is_looked_up_by_path(path: str, value: Value) -> None:
    document = {"status": 1.5, "members": [{}, {"role": "leader"}], "ready": True, "nothing": None}
    assert look_up(document, path.split(".")) == value


ATTACKS = [
    "__import__('os').system('touch broken') == 0",
    "().__class__.__bases__[0].__subclasses__() == 1",
    "x == __import__('os')",
    "x == ${HOME}",
    "x == {{ 7 * 7 }}",
    "x == `id`",
    "x == $(id)",
    "eval(x) == 1",
    "x matches /(?{exec})/",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_a_condition_is_never_evaluated_as_code(text: str) -> None:
    events: list[str] = []
    watching = True

    def hook(event: str, _: object) -> None:
        if watching and event in ("exec", "compile", "import", "os.system", "subprocess.Popen", "open"):
            events.append(event)

    sys.addaudithook(hook)
    try:
        parse(text).truth(KnownFacts({"x": 1}))
    except ConditionError:
        pass
    finally:
        watching = False
    assert events == []


def test_the_package_calls_nothing_that_runs_code_and_imports_little() -> None:
    forbidden = {"eval", "exec", "compile", "getattr", "setattr", "__import__", "open", "globals", "vars"}
    assert forbidden <= set(dir(builtins)) | {"__import__"}
    folder = Path(os.fspath(demo.conditions.__path__[0]))
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text())
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert not {function.id for function in calls if isinstance(function, ast.Name)} & forbidden, path.name
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("demo."):
                assert str(node.module).startswith("demo.conditions.") or node.module == "demo.errors", path.name
