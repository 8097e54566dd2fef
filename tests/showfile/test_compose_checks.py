"""What `demo check` says of a compose file and of services, with the place where it is wrong."""

from pathlib import Path

import pytest

from demo.cli.show_files import check
from demo.showfile.containers import default_project

COMPOSE = "services:\n  db: {image: x}\n"
SHOW = """---
system: {compose: compose.yaml%s}
%s
---

```yaml
on_enter:
  - exec: {service: %s, command: ["true"]}
```

# One
"""


def problems_of(folder: Path, compose: str | None, system: str = "", front: str = "title: T", step: str = "db") -> str:
    if compose is not None:
        (folder / "compose.yaml").write_text(compose)
    deck = folder / "show.md"
    deck.write_text(SHOW % (system, front, step))
    _, problems = check(deck)
    return "\n".join(str(problem).replace(f"{folder}/", "") for problem in problems)


def test_a_show_of_a_compose_file_is_right(tmp_path: Path) -> None:
    assert problems_of(tmp_path, COMPOSE) == ""
    assert problems_of(tmp_path, COMPOSE + "volumes: {data: !reset null}\n") == "", "a tag of compose's own"


@pytest.mark.parametrize(
    ("compose", "system", "front", "step", "words"),
    [
        (None, "", "title: T", "db", "show.md:2:19: there is no file compose.yaml"),
        ("services:\n  db: [\n", "", "title: T", "db", "compose.yaml:3:1: this compose file is not valid YAML"),
        ("- a\n", "", "title: T", "db", "compose.yaml:1:1: a compose file is a mapping with services"),
        ("x-y: 1\n", "", "title: T", "db", "compose.yaml:1:1: this compose file has no services"),
        (
            COMPOSE,
            ", project: My Shop",
            "title: T",
            "db",
            'show.md:2:42: "My Shop" is not a valid name for a compose project',
        ),
        (
            COMPOSE,
            "",
            "faults: {kill: {container: {service: bd, do: kill}}}",
            "db",
            'there is no service of the compose file "bd"',
        ),
        (COMPOSE, "", "title: T", "bd", 'show.md:8:21: there is no service of the compose file "bd"'),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, compose: str | None, system: str, front: str, step: str, words: str
) -> None:
    assert words in problems_of(tmp_path, compose, system, front, step)


def test_a_project_without_a_name_has_the_show_s_in_the_characters_of_compose() -> None:
    assert default_project("shop-größe") == "shop-gr--e"
    assert default_project("größe") == "gr--e"
    assert default_project("店") == "show"
