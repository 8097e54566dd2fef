"""The options of a show file's subject: those of the file, of which those of the command line take the place."""

from collections.abc import Mapping, Sequence

from demo.subjects.options import Given


def written_options(written: Mapping[str, str | Sequence[str]]) -> Given:
    """Return the options of a file as if they had been typed; a list is an option that is given several times."""
    return tuple(
        (name.replace("-", "_"), text)
        for name, value in written.items()
        for text in ([value] if isinstance(value, str) else value)
    )


def chosen_options(written: Mapping[str, str | Sequence[str]], typed: Mapping[str, Sequence[str]]) -> Given:
    """Return the options of a file without those that were typed, and the typed ones."""
    kept = [pair for pair in written_options(written) if pair[0] not in typed]
    return (*kept, *((name, text) for name, texts in typed.items() for text in texts))
