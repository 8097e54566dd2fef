"""Shows for tests of the checks, written in place."""

from collections.abc import Sequence

from demo.showfile.problems import Problem
from demo.showfile.show import Show, load_show
from demo.showfile.source import parse_source

CHAPTER = "# One\n\nText.\n"
PROBES = "probes:\n  api: {http: 'http://127.0.0.1:8080/'}\n  db: {tcp: '127.0.0.1:5432'}\n"
LOAD = "load:\n  client: {http: 'http://127.0.0.1:8080/', rate: 20/s}\n"
FAULT = "faults:\n  gone:\n    run: [stop, db]\n    undo: [start, db]\n    healed: db is up\n"


def show_text(front: str = "", settings: str = "") -> str:
    """Return a show file of one chapter; the settings are YAML."""
    block = f"```yaml\n{settings}```\n\n" if settings else ""
    return f"---\n{front}---\n\n{block}{CHAPTER}"


def load(text: str) -> tuple[Show | None, list[Problem]]:
    return load_show(*parse_source(text, "show.md", None))


def said(front: str = "", settings: str = "") -> Sequence[str]:
    """Return the problems of a show as they are printed, without the file's name."""
    _, problems = load(show_text(front, settings))
    return [str(problem).removeprefix("show.md:") for problem in problems]


def messages(front: str = "", settings: str = "") -> Sequence[str]:
    _, problems = load(show_text(front, settings))
    return [problem.message for problem in problems]
