"""Where a character of a value stands in the file, for every way to write a text in YAML."""

import pytest

from demo.showfile.problems import Position
from demo.showfile.scalar_position import position_in
from demo.showfile.yaml_reader import read_yaml

WAYS = {
    "plain": "expect: api is up and X is up",
    "single": "expect: 'api is ''up'' and X is up'",
    "double": 'expect: "api is \\"up\\" \\u00e4 and X is up"',
    "plain over lines": "expect: api is up\n    and X\n    is up",
    "double over lines": 'expect: "api is up\n    and X is up"',
    "literal": "expect: |\n  api is up\n  and X is up",
    "folded": "expect: >-\n  api is up\n  and X is up",
    "in a flow": "{a: 1, expect: api is up and X is up}",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_place_is_where_one_would_put_the_cursor(way: str) -> None:
    text = WAYS[way]
    lines = text.split("\n")
    data, problems = read_yaml(text, "show.md")
    assert data is not None, problems
    value = data.data["expect"]
    line = next(number for number, content in enumerate(lines, 1) if "X" in content)
    wanted = Position(line, lines[line - 1].index("X") + 1)
    assert position_in(lines, data.values["expect",], value, value.index("X")) == wanted


def test_a_place_beyond_the_text_is_the_scalar_itself() -> None:
    assert position_in(["a: b"], Position(7, 1), "b", 0) == Position(7, 1)
    assert position_in(["a: |"], Position(1, 4), "", 0) == Position(1, 4)
