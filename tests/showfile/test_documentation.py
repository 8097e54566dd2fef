"""docs/decks.md has the tables of the schema, and examples that can be presented; editors get a schema that holds."""

import json
from typing import Any

import jsonschema_rs
import pytest

from demo.showfile.schema.descriptions import DESCRIPTIONS
from demo.showfile.schema.editor_schema import editor_schema
from demo.showfile.schema.reference import LISTS, TITLES, listing
from demo.showfile.yaml_reader import read_yaml, typed
from tests.showfile.checked_shows import load, show_text
from tests.showfile.documentation import DOCUMENT, examples, whole_example, with_tables

TEXT = DOCUMENT.read_text("utf-8")
EXAMPLES = list(examples(TEXT))
FRONT = whole_example(TEXT).split("---\n")[1]


def test_the_tables_are_those_of_the_schema() -> None:
    assert with_tables(TEXT) == TEXT, "scripts/deck-tables writes them anew"
    for model, title in TITLES.items():
        heading = f"#{'#' if model in ('FrontMatter', 'ChapterSettings') else '##'} {title}\n"
        section = TEXT.split(f"\n{heading}")[1].split("\n##")[0]
        assert f"<!-- table: {model} -->" in section


def test_every_key_has_its_text_and_every_text_its_key() -> None:
    definitions = editor_schema()["$defs"]
    assert {name: set(texts) for name, texts in DESCRIPTIONS.items()} == {
        name: set(model["properties"]) for name, model in definitions.items()
    }
    assert set(TITLES) == set(definitions)
    for texts in DESCRIPTIONS.values():
        for key, text in texts.items():
            assert text.endswith("."), f"{key}: {text}"


def test_the_whole_example_can_be_presented() -> None:
    show, problems = load(whole_example(TEXT))
    assert problems == []
    assert show is not None
    assert [chapter.title for chapter in show.chapters] == ["A web server and its client", "It dies"]


@pytest.mark.parametrize(("kind", "text"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_right(kind: str, text: str) -> None:
    show, problems = load(show_text(text) if kind == "front matter" else show_text(FRONT, text))
    assert [str(problem) for problem in problems] == []
    assert show is not None


def in_json(text: str) -> Any:
    data, problems = read_yaml(text, "show.md")
    assert data is not None, problems
    return typed(data.data)


@pytest.mark.parametrize("text", [FRONT, *(text for _, text in EXAMPLES)])
def test_the_editors_schema_takes_what_the_examples_hold(text: str) -> None:
    assert [error.message for error in jsonschema_rs.validator_for(editor_schema()).iter_errors(in_json(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "titel: x",
        "duration: 30",
        "probes: {api: {http: 'http://h/', intervall: 5s}}",
        "probes: {api: {http: 'http://h/', interval: 5}}",
        "faults: {gone: {redis: {url: 'redis://h', do: kill}}}",
        "on_enter: [{wait: 5}]",
    ],
)
def test_the_editors_schema_refuses_what_is_wrong(text: str) -> None:
    assert not jsonschema_rs.validator_for(editor_schema()).is_valid(in_json(text))


def test_the_schema_is_json_with_a_text_for_each_key() -> None:
    schema = editor_schema()
    assert json.loads(json.dumps(schema)) == schema
    jsonschema_rs.meta.validate(schema)
    assert all(value["description"] for value in schema["properties"].values())


def test_the_list_has_every_verb_probe_fault_and_layout() -> None:
    lines = list(listing())
    for entries in LISTS.values():
        for name in entries:
            assert any(line.startswith(f"  {name} ") for line in lines), name
