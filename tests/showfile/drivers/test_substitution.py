"""Values in the texts of a show file: a table of what is filled, and of how an undo is read."""

from typing import Any

import pytest

from demo.errors import FaultError
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.drivers.steps import as_steps, check_names
from demo.showfile.drivers.substitution import fill, fill_data, fill_each, from_values, names_in
from demo.showfile.schema.faults import FaultSettings

VALUES = from_values({"n": "3", "text": "a b; rm -rf / $(x) ${n}", "empty": ""})


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        (["--replicas=${n}"], ["--replicas=3"]),
        (["${n}", "${n}${n}"], ["3", "33"]),
        (["${ n }"], ["3"]),
        # One argument stays one, and what was filled in is not filled again.
        (["echo", "${text}"], ["echo", "a b; rm -rf / $(x) ${n}"]),
        (["${empty}"], [""]),
        (["$${n}", "$$${n}"], ["${n}", "$${n}"]),
        (["$n", "$", "${", "{n}", "$(n)"], ["$n", "$", "${", "{n}", "$(n)"]),
    ],
)
def test_each_argument_is_filled_by_itself(written: list[str], filled: list[str]) -> None:
    assert fill_each(written, VALUES) == filled


def test_a_name_without_a_value_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(FaultError, match=r"\$\{replica\} has no value \(known here: empty, n, text\)"):
        fill("x${replica}", VALUES)
    with pytest.raises(FaultError, match="nothing is known here by a name"):
        fill("${}", from_values({}))


def test_data_is_filled_wherever_it_holds_text() -> None:
    data = {"a${n}": ["${n}", 1, None, {"b": "x${n}"}], "c": True}
    assert fill_data(data, VALUES) == {"a3": ["3", 1, None, {"b": "x3"}], "c": True}
    assert names_in(data) == {"n"}
    assert names_in("$${n} ${m}") == {"m"}


@pytest.mark.parametrize(
    ("kind", "undo", "steps"),
    [
        ("run", ["docker", "start", "x"], [{"run": ["docker", "start", "x"]}]),
        ("run", [["a"], ["b", "c"]], [{"run": ["a"]}, {"run": ["b", "c"]}]),
        ("run", [{"run": ["a"]}, ["b"]], [{"run": ["a"]}, {"run": ["b"]}]),
        ("exec", ["tc", "del"], [{"exec": {"command": ["tc", "del"]}}]),
        ("exec", [{"run": ["a"]}, ["b"]], [{"run": ["a"]}, {"exec": {"command": ["b"]}}]),
        (
            "run",
            [{"exec": {"command": ["b"], "service": "db"}}],
            [{"exec": {"command": ["b"], "service": "db"}}],
        ),
    ],
)
def test_an_undo_is_one_command_or_a_list_of_steps(kind: str, undo: Any, steps: Any) -> None:
    deed = {"run": ["x"]} if kind == "run" else {"exec": {"command": ["x"], "service": "db"}}
    fault = FaultSettings.model_validate(deed | {"undo": undo, "healed": "x is up"})
    assert as_steps(fault.undo, kind) == steps


def test_a_request_of_an_undo_keeps_its_settings() -> None:
    request = {"url": "http://x", "method": "PUT", "headers": {"A": "${t}"}, "body": {"on": True}}
    fault = FaultSettings.model_validate({"run": ["x"], "undo": [{"http": request}], "healed": "x is up"})
    (step,) = as_steps(fault.undo, "run")
    assert {key: step["http"][key] for key in request} == request
    check_names([step], [], Secrets({"t": "T"}))
    with pytest.raises(FaultError, match="has no value"):
        check_names([step], [], Secrets())
    with pytest.raises(FaultError, match="secret t cannot be an argument"):
        check_names([{"run": ["curl", "${t}"]}], [], Secrets({"t": "T"}))
    # A value of that name from `before` is no secret.
    check_names([{"run": ["curl", "${t}"]}], ["t"], Secrets({"t": "T"}))


def test_a_secret_is_masked_wherever_it_stands() -> None:
    secrets = Secrets({"a": "A", "b": "B", "c": "C"}, {"A": "hunter2", "B": "hunter22", "C": "x"})
    assert secrets.mask("pw=hunter22,hunter2 x") == "pw=•••,••• x"
    assert "hunter2" not in repr(secrets)
