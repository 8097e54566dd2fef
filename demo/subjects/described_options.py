"""The options that a subject was given, as facts about what a show runs on."""

from collections.abc import Iterator, Mapping

PERMISSIONS = frozenset({"allow_run", "allow_unlabelled", "no_reload", "keep"})
"""Options that say what the show may do, not what it runs on."""


def option_facts(options: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the options by the names with which they are typed, and their values. Secrets may be among them."""
    for name, value in options.items():
        if name not in PERMISSIONS and value is not None:
            values = value if isinstance(value, list | tuple) else (value,)
            yield f"option {name.replace('_', '-')}", ", ".join(map(str, values))
