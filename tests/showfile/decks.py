"""Show files for tests: good ones, pieces of text that matter in them, and what must hold for every reading."""

from collections.abc import Mapping

from demo.showfile.problems import Problem
from demo.showfile.source import ShowSource, parse_source

TALK = """# Hello

A plain talk.

---

## Code

```sql {1|2-3|all}
SELECT 1;
---
SELECT 3;
```

<!-- Say that three dashes in code separate nothing. -->

---

Good bye
========

- one
<!-- pause -->
- two
"""

SHOW = """---
title: "My show #1"
duration: 20m
probes:
  api:
    http: http://127.0.0.1:8080/health
    up: status == 200
  db: {tcp: "127.0.0.1:5432", interval: 1s}
faults:
  blue-gone:
    before: {replicas: [kubectl, get, deploy/blue, -o, "jsonpath={.spec.replicas}"]}
    run: [kubectl, scale, deploy/blue, --replicas=0]
    undo:
      - [kubectl, scale, deploy/blue, "--replicas=${replicas}"]
    healed: count(pod where group == blue up) >= 1
---

```yaml
id: first
layout: cover
on_enter:
  - countdown: 3
  - say: "Watch this: it dies"
  - heal
```

# A system *at rest*

<!-- speaker_note: begin slowly -->

![the system](images/system.png)

<!-- column_layout: [2, 1] -->
<!-- column: 0 -->
left
<!-- pause -->
<!-- column: 1 -->
right
<!-- reset_layout -->

<<< ./code/query.sql#select {1|2}

---
layout: split
require:
  - condition: '[STATUS] == 200'
    msg: |
      Start the database,
      then wait.
---

## What if?

~~~markdown
```yaml
a: b
```

---

~~~

> quoted `<!-- pause -->`

---
src: ./parts/other.md#2,1
budget: 1:30
---
"""

OTHER = """---
title: Another
---

# One

![there](../images/system.png)

---
budget: 2m
---

# Two
"""

QUERY = """-- #region select
SELECT *
  FROM orders;
-- #endregion
DELETE FROM orders;
"""

GOOD_DECKS = (TALK, SHOW, OTHER)
OTHER_FILES: Mapping[str, str] = {"parts/other.md": OTHER, "code/query.sql": QUERY}

FRAGMENTS = (
    *("\n", "\n\n", " ", "    ", "\t", "\r\n", "\r", "a", "text ", "# ", "## Title\n", "===\n", "--\n", "-----\n"),
    *(
        "---",
        "---\n",
        "\n---\n\n",
        "\n---\na: b\n---\n",
        "```",
        "```\n",
        "```yaml\n",
        "````\n",
        "~~~\n",
        "~~~x\n",
        "> ```\n",
    ),
    *(
        "`",
        "``",
        "\\",
        "<!--",
        "-->",
        "<!-- pause -->\n",
        "<!-- speaker_note: x -->",
        "<!-- colum: 0 -->",
        "<!-- column: 1 -->",
    ),
    *(
        "<!-- column_layout: [1,2] -->\n",
        "<!-- column: 0 -->\n",
        "<!-- reset_layout -->",
        "![",
        "![a](b.png)",
        "](",
        "<",
    ),
    *(
        "<<< ./code/query.sql#select\n",
        "<<< ",
        "src: ./parts/other.md#1\n",
        "src: x.md\n",
        "{1|2}",
        "{",
        "}",
        "[",
        "]",
        ",",
    ),
    *(
        "a: ",
        "key: value\n",
        "  b: c\n",
        "- ",
        "- [STATUS] == 200\n",
        ": ",
        "? ",
        "&a ",
        "*a",
        "!x ",
        "|\n",
        ">\n",
        "%",
        "@",
    ),
    *(
        '"',
        "'",
        " #",
        " #b",
        "<<: ",
        "...\n",
        "\u2028",
        "\x85",
        "\ufeff",
        "\x00",
        "\x1b[31m",
        "\ud800",
        "é",
        "漢",
        "~",
        "null",
    ),
)


def errors(problems: list[Problem]) -> list[str]:
    """Return the errors as people read them."""
    return [str(problem) for problem in problems if problem.severity == "error"]


def read(text: str, files: Mapping[str, str] | None = None) -> tuple[ShowSource, list[Problem]]:
    """Read a show that has no disk."""
    return parse_source(text, "show.md", None, files or {})


def check_reading(text: str, files: Mapping[str, str]) -> None:
    """Read a text and raise `AssertionError` unless every problem and every chapter lies inside its file."""
    source, problems = read(text, files)
    lines_of = {file: _lines(known) for file, known in {"show.md": text, **files}.items()}
    for problem in problems:
        lines = lines_of[problem.file]
        assert 1 <= problem.position.line <= len(lines), problem
        assert 1 <= problem.position.column <= len(lines[problem.position.line - 1]) + 1, problem
        assert problem.message.isprintable(), problem
    for number, chapter in enumerate(source.chapters, 1):
        assert chapter.number == number
        assert 1 <= chapter.line <= len(lines_of[chapter.file])
        assert chapter.pages
        assert isinstance(chapter.settings.data, dict)
        assert "\x00" not in "".join(chapter.pages)
        for path in [*chapter.settings.keys, *chapter.settings.values]:
            file, place = chapter.settings.place(path)
            assert 1 <= place.line <= len(lines_of[file]), path
    again, _ = parse_source(source.text, "show.md", None, source.files)
    assert again.chapters == source.chapters, "what was read can be read again without the disk"


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
