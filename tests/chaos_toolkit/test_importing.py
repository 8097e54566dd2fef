"""An experiment becomes a show file that can be presented; what is lost is listed, and errors have their place."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.chaos_toolkit.experiment import read_experiment
from demo.chaos_toolkit.importing import Imported, import_experiment, import_file
from demo.chaos_toolkit.reading import parse_data
from demo.errors import ExperimentError, UsageError
from demo.showfile.show import Show, load_show
from demo.showfile.source import parse_source
from tests.chaos_toolkit.corpus import (
    EXPERIMENTS,
    PROVIDERS,
    TOLERANCES,
    action,
    experiment,
    http,
    probe,
    process,
    python,
)


def imported(data: Any, **environ: str) -> Imported:
    return import_experiment(read_experiment(data, "e.json"), "e.json", environ)


def show_of(data: Any, **environ: str) -> Show:
    """Import, and read the text again as `demo serve` does: no error, no warning."""
    source, problems = parse_source(imported(data, **environ).text, "show.md", None, {})
    show, problems = load_show(source, problems)
    assert not problems, "\n".join(map(str, problems))
    assert show is not None
    return show


def asking(activity: Any) -> Any:
    """Return an experiment with this probe as its hypothesis."""
    return experiment(**{"steady-state-hypothesis": {"title": "t", "probes": [activity]}})


def notes_of(data: Any, **environ: str) -> str:
    return "\n".join(imported(data, **environ).notes)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_becomes_a_show_without_errors_and_warnings(name: str) -> None:
    show_of(json.loads(json.dumps(EXPERIMENTS[name])))


def test_yaml_and_json_are_read_alike(tmp_path: Path) -> None:
    data = EXPERIMENTS["pauses"]
    (tmp_path / "a.json").write_text(json.dumps(data))
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    assert import_file(tmp_path / "a.json").text == import_file(tmp_path / "a.yaml").text


def test_an_action_is_a_fault_with_the_rollbacks_as_undo_and_the_hypothesis_as_proof() -> None:
    show = show_of(experiment(rollbacks=[action("one", process("a", ["b c"])), action("two", http(method="DELETE"))]))
    fault = show.settings.faults["stop-it"]
    assert fault.run == ("true",)
    assert fault.healed == "page is up"
    assert fault.duration is None
    assert fault.undo
    assert fault.undo[0] == ("a", "b c")
    method, last = show.chapters[2], show.chapters[3]
    assert method.settings.require[0].condition == "page is up"
    assert [getattr(step, "fault", None) for step in method.settings.on_enter] == ["stop-it"]
    assert last.settings.on_enter == ("heal",)
    assert show.settings.probes["page"].up == "status == 200"


def test_without_rollbacks_actions_are_steps_and_that_is_said() -> None:
    data = experiment(rollbacks=[])
    show = show_of(data)
    assert not show.settings.faults
    assert getattr(show.chapters[2].settings.on_enter[0], "run", None) == ("true",)
    assert show.chapters[-1].settings.expect == "page is up within 10s"
    assert "rollbacks: there are none" in notes_of(data)


@pytest.mark.parametrize(
    ("strategy", "check"),
    [
        ("default", "edge"),
        ("before-method-only", "before"),
        ("after-method-only", "after"),
        ("during-method-only", "during-fault"),
        ("continuously", "always"),
    ],
)
def test_the_strategy_says_when_the_prediction_is_looked_at(strategy: str, check: str) -> None:
    show = show_of(experiment(runtime={"hypothesis": {"strategy": strategy}}))
    assert show.chapters[1].settings.check == check
    assert show.chapters[1].settings.expect == "page is up"


def test_arguments_pauses_and_waiting_keep_what_they_say() -> None:
    show = show_of(EXPERIMENTS["pauses"])
    waits = [getattr(step, "wait", None) for chapter in show.chapters for step in chapter.settings.on_enter]
    assert [wait for wait in waits if wait] == [0.5, 1.0, 3.0, 2.0]
    assert show.settings.faults["a"].ends == 5.0
    given = next(provider for provider in PROVIDERS if provider.get("path", "").startswith("~"))
    show = show_of(experiment(method=[action("do it", given)]))
    fault = show.settings.faults["do-it"]
    assert fault.run is not None
    assert fault.run[0].endswith("/bin/stop it")
    assert fault.run[1:] == ("--name", "a b", "5", "on", "1:30", "#x", "$${HOME}", "multi\nline", "'\"\\")


def test_a_shell_is_called_only_for_what_needs_one() -> None:
    for arguments, argv in (
        ("--echo -F primary.pid", ("pkill", "--echo", "-F", "primary.pid")),
        ('"$(<primary.pid)"', ("sh", "-c", 'pkill "$(<primary.pid)"')),
        ("a | b", ("sh", "-c", "pkill a | b")),
        ("x=*", ("sh", "-c", "pkill x=*")),
    ):
        show = show_of(experiment(method=[action("do", process("pkill", arguments))]))
        assert show.settings.faults["do"].run == argv


def test_variables_are_filled_in_and_secrets_stay_in_the_environment() -> None:
    data = EXPERIMENTS["variables"]
    result = imported(data)
    show = show_of(data)
    assert "hunter2" not in result.text + "".join(result.notes)
    assert "set the environment variable SHOP_PLAIN" in "".join(result.notes)
    faults = show.settings.faults
    assert faults["http"].http is not None
    assert faults["http"].http.url == "http://127.0.0.1:80/me"
    assert faults["http"].http.headers == {"A": "Bearer ${key} $5 $${unknown}"}
    assert show.settings.secrets["key"].env == "SHOP_KEY"
    assert faults["shell"].run == ("sh", "-c", "echo 7 $${HOME} $ | cat")
    program = faults["argv"].run
    assert program is not None
    told = json.loads(program[-1].replace("$${", "${"))
    assert told["provider"]["arguments"] == ["${host}", "${list}", "$${x}", "${plain}"]
    assert told["secrets"] == {"shop": {"plain": {"type": "env", "key": "SHOP_PLAIN"}}}
    assert show_of(data, NO_SUCH_USER="you").settings.faults["http"].http.url.endswith("/you")  # type: ignore[union-attr]


def test_what_is_not_taken_over_is_listed_in_the_file_too() -> None:
    result = imported(EXPERIMENTS["controls"])
    for said in (
        "controls (tracing)",
        "contributions",
        "extensions (x)",
        "unknown",
        "method[0].controls",
        "method[0].why",
    ):
        assert any(note.startswith(said) for note in result.notes), said
    for note in result.notes:
        assert f"# - {note}\n" in result.text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "this is not an experiment"),
        ("x", "this is not an experiment"),
        ({"title": "x"}, "method is missing"),
        ({"method": []}, "title is missing"),
        (experiment(method=None), "method: it must be a list"),
        (experiment(method=[5]), "method[0]: it must be a mapping"),
        (experiment(method=[{"type": "action", "name": "x"}]), "method[0]: provider is missing"),
        (experiment(method=[action("x", {"type": "soap"})]), "method[0].provider: type must be"),
        (experiment(method=[action("x", {"type": "http"})]), "method[0].provider: url is missing"),
        (experiment(method=[{"ref": "nobody"}]), "method[0]: ref: there is no activity 'nobody'"),
        (experiment(method=[action("x", process("true"), dry="actions")]), "method[0].dry: the Chaos Toolkit ignores"),
        (experiment(method=[action("x", http(), pauses={"after": "${no}"})]), "method[0].pauses.after: a pause"),
        (experiment(method=[action("x", process("true"), timeout="5")]), "method[0].timeout: it must be a number"),
        (experiment(runtime={"hypothesis": {"strategy": "often"}}), "runtime.hypothesis.strategy: it must be one of"),
        (experiment(secrets={"k8s": {"token": {"type": "vault"}}}), "secrets.k8s.token: secrets from Vault"),
        (experiment(configuration={"x": {"type": "env"}}), "configuration.x: key is missing"),
        (asking(action("x", http())), "needs a tolerance"),
        (asking(probe("x", {"type": "regex"}, http())), "needs pattern"),
        (asking(probe("x", {"type": "jsonpath", "path": "$["}, http())), "its path is wrong"),
        (experiment(configuration={"x": {"type": "probe"}}, method=[action("y", process("${x}"))]), "uses ${x}"),
        (experiment(method=[action("x", python("m", "f", arguments={"x": "y" * 20_000}))]), "longer than 10000"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_its_place(data: Any, said: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        imported(data)
    assert said in str(caught.value)
    assert str(caught.value).startswith("e.json: ")
    assert "\n" not in str(caught.value)


BOMB = b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name + 1, name + 1, b",".join([b"*%c" % name] * 10)) for name in b"abcdefgh"
)
"""A few lines whose aliases stand for a thousand million values."""


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"title": "x",\n  "method" []}', "e.json:2:12: this is not valid JSON"),
        (b"title: x\nmethod: [a: b: c]\n", "e.json:2:14: this is not valid YAML"),
        (b"title: \xff", "e.json:1: this is not UTF-8"),
        (b"title: \x00", "this is not valid YAML"),
        (b'{"title": "\\ud800", "method": []}', "a character that no text may have"),
        (b"[" * 100_000, "e.json"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nested too deeply"),
        (BOMB, "too many values"),
        (b"a: 2026-02-31", "a value in it cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_json_or_yaml_says_where(raw: bytes, said: str) -> None:
    with pytest.raises(ExperimentError, match=r"^e\.json") as caught:
        parse_data(raw, "e.json")
    assert said in str(caught.value)


def test_no_file_is_a_wrong_call(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no.json", Path("\0")):
        with pytest.raises(UsageError):
            import_file(path)


TEXTS = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 600) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PROVIDER = st.sampled_from(PROVIDERS) | st.fixed_dictionaries(
    {"type": st.sampled_from(["http", "process", "python"])},
    optional={
        "url": TEXTS.map(lambda text: f"http://127.0.0.1/{text}") | JSON,
        "path": TEXTS | JSON,
        "module": TEXTS,
        "func": TEXTS,
        "arguments": JSON,
        "headers": JSON,
        "timeout": JSON,
        "method": st.sampled_from(["GET", "PUT", "BREW"]) | JSON,
        "secrets": JSON,
    },
)
ACTIVITY = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["action", "probe"]), "name": TEXTS.filter(bool), "provider": PROVIDER},
    optional={
        "tolerance": st.sampled_from(TOLERANCES) | JSON,
        "pauses": st.fixed_dictionaries({"before": st.floats(0, 9) | TEXTS}) | JSON,
        "background": st.booleans(),
        "timeout": st.integers(1, 90) | JSON,
        "ref": TEXTS,
    },
)
EXPERIMENT = JSON | st.fixed_dictionaries(
    {"title": TEXTS.filter(bool), "method": st.lists(ACTIVITY, max_size=3)},
    optional={
        "description": TEXTS,
        "tags": st.lists(TEXTS, max_size=2) | JSON,
        "configuration": st.dictionaries(TEXTS, JSON, max_size=2),
        "secrets": st.dictionaries(TEXTS, JSON, max_size=2),
        "steady-state-hypothesis": st.fixed_dictionaries({"title": TEXTS, "probes": st.lists(ACTIVITY, max_size=3)})
        | JSON,
        "rollbacks": st.lists(ACTIVITY, max_size=2),
        "runtime": JSON,
        "controls": JSON,
    },
)


NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    str.strip
)
WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
GOOD_PROVIDER = st.sampled_from(PROVIDERS) | st.builds(
    process, NAME, WORD | st.lists(WORD | st.integers(), max_size=3) | st.dictionaries(WORD, WORD, max_size=2)
)
WELL_FORMED = st.builds(
    lambda probes, method, rollbacks, strategy, texts, configuration: {
        "title": texts[0],
        "description": texts[1],
        "tags": texts[2:],
        "configuration": configuration,
        "steady-state-hypothesis": {"title": texts[0], "probes": probes},
        "method": method,
        "rollbacks": rollbacks,
        "runtime": {"hypothesis": {"strategy": strategy}},
    },
    st.lists(st.builds(probe, NAME, st.sampled_from(TOLERANCES), GOOD_PROVIDER), max_size=6),
    st.lists(st.builds(action, NAME, GOOD_PROVIDER, background=st.booleans()), max_size=3),
    st.lists(st.builds(action, NAME, GOOD_PROVIDER), max_size=2),
    st.sampled_from(["default", "continuously", "after-method-only"]),
    st.lists(NAME, min_size=2, max_size=4),
    st.dictionaries(st.sampled_from(["HOME", "key", "x"]), WORD | st.integers(), max_size=2),
)


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(WELL_FORMED)
def test_every_well_formed_experiment_becomes_a_show(data: Any) -> None:
    show_of(json.loads(json.dumps(data)))


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(EXPERIMENT)
def test_whatever_is_imported_is_a_show_or_one_sentence(data: Any) -> None:
    try:
        plain = parse_data(json.dumps(data).encode(), "e.json")
        show_of(plain)
    except ExperimentError as error:
        assert str(error).startswith("e.json")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_bytes_are_read_are_data_or_one_sentence(raw: bytes) -> None:
    try:
        parse_data(raw, "e.json")
    except ExperimentError as error:
        assert str(error).startswith("e.json")  # noqa: PT017
