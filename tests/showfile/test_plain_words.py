"""Whatever is wrong with settings is said in our words: no text of Pydantic's reaches anybody, and nothing raises."""

import copy
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from demo.showfile.problems import Problem
from demo.showfile.show import load_show
from demo.showfile.source import ShowSource, parse_source
from demo.showfile.yaml_reader import YamlData
from tests.showfile.documentation import DOCUMENT, examples, whole_example

WHOLE = whole_example(DOCUMENT.read_text("utf-8"))
PIECES = [*examples(DOCUMENT.read_text("utf-8")), ("front matter", WHOLE.split("---\n")[1])]
PYDANTIC = re.compile(
    r"\bInput should|valid (tuple|dictionary|string|integer)|Extra inputs|Field required|pydantic"
    r"|<(text|list|mapping|now|duration|steps|command)>"
)

scalars = st.sampled_from(
    [None, "", "x", "5", "5s", "true", "kill", "${x}", "api is up", "[", "a -> b", "/x/", "-1", "1%"]
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["run", "http", "do", "x", "where", "url"]), inner)
    ),
    max_leaves=6,
)


def places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for key, value in inner for found in places(value, (*path, key)))]


def changed(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    copied = copy.copy(data)
    copied[path[0]] = changed(data[path[0]], path[1:], value)
    return copied


def parsed(kind: str, text: str) -> ShowSource:
    block = (
        f"---\n{text}---\n\n# One\n" if kind == "front matter" else f"# Zero\n\n---\n\n```yaml\n{text}```\n\n# One\n"
    )
    source, problems = parse_source(block, "show.md", None)
    assert problems == []
    return source


SOURCES = [(kind, parsed(kind, text)) for kind, text in PIECES]


def with_data(kind: str, source: ShowSource, data: Any) -> ShowSource:
    place = source.front_matter if kind == "front matter" else source.chapters[1].settings
    new = YamlData(data, place.keys, place.values, True, place.file)
    values = dict(vars(source))
    if kind == "front matter":
        return ShowSource(**{**values, "front_matter": new})
    second = type(source.chapters[1])(**{**vars(source.chapters[1]), "settings": new})
    return ShowSource(**{**values, "chapters": (source.chapters[0], second)})


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_text_of_a_library_reaches_anybody(data: st.DataObject) -> None:
    kind, source = data.draw(st.sampled_from(SOURCES))
    block = source.front_matter if kind == "front matter" else source.chapters[1].settings
    path = data.draw(st.sampled_from(places(block.data)[1:]))
    _, problems = load_show(with_data(kind, source, changed(block.data, path, data.draw(values))), [])
    for problem in problems:
        assert isinstance(problem, Problem)
        assert not PYDANTIC.search(problem.message), problem.message
        assert "cannot stand here" not in problem.message, f"{problem.message}: say it better"
        assert "\n" not in problem.message


def test_the_models_are_pydantics_still() -> None:
    """Else the test above looks for texts that nobody writes."""
    show, _ = load_show(SOURCES[0][1], [])
    assert show is not None
    assert isinstance(show.settings, BaseModel)
