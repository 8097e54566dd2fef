"""Writes a file that is not there yet, whole or not at all."""

from collections.abc import Iterable
from pathlib import Path

from demo.errors import DemoError, UsageError


def write_new(file: Path, parts: Iterable[str]) -> None:
    """Write these texts into a new file; if getting them or writing fails, leave none behind.

    Raises `UsageError` if there is such a file already, `DemoError` if it cannot be written, and what `parts` raises.
    """
    try:
        opened = file.open("x", encoding="utf-8")
    except FileExistsError:
        raise UsageError(f"there is a file {file} already: name another one, or remove it") from None
    except OSError as error:
        raise DemoError(f"{file} cannot be written: {error.strerror or error}") from error
    try:
        with opened:
            opened.writelines(parts)
    except BaseException as error:
        file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DemoError(f"{file} cannot be written: {error.strerror or error}") from error
        raise
