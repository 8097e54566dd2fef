"""What to write instead where YAML cannot be read: the traps that hand-written show files fall into."""

from collections.abc import Sequence

import yaml


def explain(error: yaml.YAMLError, lines: Sequence[str]) -> tuple[int, int, str]:
    """Return line and column, both from 0, where the mistake stands in `lines`, and a sentence with a remedy."""
    if not isinstance(error, yaml.MarkedYAMLError):
        position = getattr(error, "position", 0)
        text = "\n".join(lines)
        line = text.count("\n", 0, position)
        return line, position - (text.rfind("\n", 0, position) + 1), "a character here cannot be part of a show file"
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return 0, 0, f"this is no YAML: {error.problem}"
    line = min(mark.line, len(lines) - 1)
    return line, min(mark.column, len(lines[line])), f"this is no YAML: {error.problem}"
