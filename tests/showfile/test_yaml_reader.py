"""YAML of a show file: texts as they were written, places, refusals, and what is said about the usual traps."""

from typing import Any

import pytest

from demo.showfile.problems import Position
from demo.showfile.yaml_reader import PlainText, YamlData, read_yaml, typed


def good(text: str, first_line: int = 1) -> YamlData:
    data, problems = read_yaml(text, "show.md", first_line)
    assert not problems, problems
    assert data is not None
    assert data.complete
    return data


def told(text: str) -> list[str]:
    return [str(problem).removeprefix("show.md:") for problem in read_yaml(text, "show.md")[1]]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: on\nb: yes\nc: 1:30\nd: 010\ne: 2026-11-29\nf: 1e3", ["on", "yes", "1:30", "010", "2026-11-29", "1e3"]),
        ("a: [22:22, 6379, -p]", [["22:22", "6379", "-p"]]),
        ("a:\nb: ~\nc: null\nd: Null\ne: ''\nf: 'null'", [None, None, None, "Null", "", "null"]),
        ("a: |\n  one\n  two\nb: >-\n  one\n  two", ["one\ntwo\n", "one two"]),
        ("a: p(95) < 200ms\nb: status == 200", ["p(95) < 200ms", "status == 200"]),
        ("a: {b: {c: [d]}}", [{"b": {"c": ["d"]}}]),
        ("a: b # a comment\nc: d", ["b", "d"]),
    ],
)
def test_every_scalar_is_the_text_that_was_written(text: str, data: list[Any]) -> None:
    assert list(good(text).data.values()) == data


def test_keys_are_texts_too() -> None:
    assert list(good("on: a\n1: b\nnull: c\n? d\n: e").data) == ["on", "1", "null", "d"]


def test_a_text_without_quotes_can_be_told_from_one_with_them() -> None:
    data = good("a: 5\nb: '5'\nc: \"5\"\nd: |\n  5").data
    assert [isinstance(value, PlainText) for value in data.values()] == [True, False, False, False]


def test_keys_and_values_have_the_lines_and_columns_of_the_file() -> None:
    data = good("probes:\n  api:\n    up: [a, 'b']\nx: {y: z}", first_line=10)
    assert data.keys == {
        ("probes",): Position(10, 1),
        ("probes", "api"): Position(11, 3),
        ("probes", "api", "up"): Position(12, 5),
        ("x",): Position(13, 1),
        ("x", "y"): Position(13, 5),
    }
    assert data.values[()] == Position(10, 1)
    assert data.values["probes", "api", "up", 1] == Position(12, 13)
    assert data.values["x", "y"] == Position(13, 8)
    assert data.place(("probes", "api", "down", 3)) == ("show.md", Position(12, 5)), "the nearest that is known"
    assert data.place(("x", "y"), key=True) == ("show.md", Position(13, 5))


def test_what_only_the_parser_takes_for_a_line_break_does_not_move_the_lines() -> None:
    data = good("a: 'x\u2028y\x85z'\nb: c")
    assert data.values["b",] == Position(2, 4)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("- [STATUS] == 200", "1:3", "put quotes around the whole, '[STATUS] == 200'"),
        ("up: [STATUS] == 200\nb: c", "1:5", "put quotes around the whole, '[STATUS] == 200'"),
        ('a: {query: up{job="db"} == 1}', "1:4", "or write it in lines"),
        ("run: [a, -o, jsonpath={.spec}]", "1:6", "needs quotes of its own"),
        ("run: [a, ${b}]", "1:6", "needs quotes of its own"),
        ("say: Watch this: it dies", "1:6", "quotes: 'Watch this: it dies'"),
        ("- say: it's: dead", '1:8', 'quotes: "it\'s: dead"'),
        ("expect: > 3 nodes up", "1:9", "'> 3 nodes up'"),
        ("a: !down", "1:4", "!down would be a tag"),
        ("a: !", "1:4", "a tag"),
        ("a: * foo", "1:4", "'* foo'"),
        ("a: *foo", "1:4", "*foo would stand for a value from elsewhere"),
        ("a: &foo 1", "1:4", "&foo would name a value"),
        ("a: @room", "1:4", "'@room'"),
        ("a: %x", "1:4", "'%x'"),
        ("a: `x`", "1:4", "'`x`'"),
        ("a:\n\tb: 1", "2:1", "a tab"),
        ("a:\n  b: 1\n\tc: 2", "3:1", "a tab"),
        ("a:b\nc: d", "1:3", "a space is missing after the colon: write a: b"),
        ("a: 'it's'", "1:4", "written twice"),
        ('a: "x" y', "1:4", "text stands behind the quotes"),
        ('a: "x', "1:4", "no end"),
        (r'a: "\d+"', "1:", "a backslash begins an escape"),
        ("a: - b", "1:4", "a list begins on the line after its key"),
        ("a: [1, 2\nb: 3", "1:4", "is a comma or its ] missing"),
        ("a:\n  b: 1\n c: 2", "3:2", "is it indented like it?"),
        ("a: 1\na: 2", "2:1", "a is here twice, in line 1 and in line 2"),
        ("a: {b: 1, b: 2}", "1:11", "b is here twice"),
        ("<<: {a: 1}", "1:1", "<< would merge"),
        ("a: 1\n---\nb: 2", "2:1", "a second YAML document"),
        ("a: {{ x }}", "1:5", "cannot be a key"),
        (": a", "1:1", "a mapping"),
        ("a: " + "[" * 30, "1:23", "nested too deep: 20"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_its_place_and_what_to_write(text: str, place: str, said: str) -> None:
    (problem,) = told(text)
    assert problem.startswith(place)
    assert said in problem
    assert "warning" not in problem


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            "say: Ticket #42 is back",
            "1:13: warning: from # on this is a comment and no part of the text, '#42 is back'",
        ),
        ("- a #b", "1:5: warning"),
        ("a: #b", "1:4: warning"),
        ("say: Ticket # 42", ""),
        ("say: 'Ticket #42'", ""),
        ("say: C#", ""),
        ("say: |\n  Ticket #42", ""),
    ],
)
def test_text_that_is_lost_behind_a_number_sign_is_told(text: str, warning: str) -> None:
    assert "".join(told(text)).startswith(warning)
    assert bool(told(text)) == bool(warning)


def test_a_broken_part_hides_neither_the_sound_ones_nor_other_broken_ones() -> None:
    text = """title: Mine
probes:
  api:
    up: [STATUS] == 200
  db:
    tcp: localhost:5432
  cache:
    up: @x
on_enter:
  - say: one: two
  - say: fine
  - say: three: four
title: Again
"""
    data, problems = read_yaml(text, "show.md")
    assert data is not None
    assert not data.complete
    assert data.data == {"title": "Mine"}
    assert [problem.position for problem in problems] == [
        Position(4, 9),
        Position(8, 9),
        Position(10, 10),
        Position(12, 10),
        Position(13, 1),
    ]


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    text = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    data, problems = read_yaml(text, "show.md")
    assert data is not None
    assert len(problems) == 61
    assert len(str(data.data)) < 1000


def test_thousands_of_mistakes_are_not_all_told() -> None:
    assert len(told("- &a b\n" * 5000)) == 100
    assert len(told("".join(f"k{number}: [x\n" for number in range(5000)))) == 100


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("false", False), ("5", 5), ("-1", -1), ("0.5", 0.5), ("1e3", 1000.0), ("010", "010"),
        ("'5'", "5"), ("yes", "yes"), ("~", None), ("1e999", "1e999"), ("9" * 30, "9" * 30), ("True", "True"),
        ("{a: [1, 'x', true]}", {"a": [1, "x", True]}),
    ],
)  # fmt: skip
def test_free_data_is_that_of_json(text: str, value: object) -> None:
    read = typed(good(f"a: {text}").data["a"])
    assert read == value
    assert type(read) is type(value)
