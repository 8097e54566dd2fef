"""Gives activities names that a show file can use in conditions: short, unique, and no words of the language."""

import re

_WORDS = frozenset(
    [
        "all",
        "and",
        "or",
        "not",
        "for",
        "within",
        "during",
        "is",
        "in",
        "matches",
        "up",
        "down",
        "degraded",
        "count",
        "where",
        "p",
        "rate",
        "avg",
        "med",
        "min",
        "max",
        "errors",
        "book",
        "true",
        "false",
        "null",
        "status",
        "latency",
        "body",
        "heal",
    ]
)
MAX_NAME = 40


class ShowNames:
    """Names that are taken, and new ones. Two things of a show never share a name."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)

    def new(self, text: str, otherwise: str) -> str:
        """Return a free name made of this text; of `otherwise` if it has no letters."""
        words = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:MAX_NAME].strip("-")
        name = words if words and words[0].isalpha() else f"{otherwise}-{words}".strip("-")
        if name in _WORDS:
            name = f"{otherwise}-{name}"
        free, number = name, 1
        while free in self._taken:
            number += 1
            free = f"{name}-{number}"
        self._taken.add(free)
        return free
