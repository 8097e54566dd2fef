"""The Python functions that steps of a show file name: where they are looked for, and whether they are all there."""

import sys
from collections.abc import Iterator
from pathlib import Path

from demo.errors import SubjectError
from demo.showfile.schema.chapters import Step
from demo.showfile.show import Show
from demo.subjects.deck_functions import find_function


def check_functions(show: Show) -> None:
    """Import every function that the show calls. Raises `SubjectError` with all that are not there."""
    make_importable(show)
    errors = []
    for where, place in dict.fromkeys(_functions(show)):
        try:
            find_function(place)
        except SubjectError as error:
            errors.append(f"{where}: {error}")
    if errors:
        raise SubjectError("\n".join(errors))


def make_importable(show: Show) -> None:
    """Let Python find modules beside the show file and in the working directory, if the show calls any function."""
    if not any(_functions(show)):
        return
    for folder in (Path.cwd(), show.source.folder):
        if folder is not None and (path := str(folder.absolute())) not in sys.path:
            sys.path.insert(0, path)


def _functions(show: Show) -> Iterator[tuple[str, str]]:
    """Yield file and line of each chapter that calls a function, with the function's place."""
    for chapter in show.chapters:
        for step in chapter.settings.on_enter:
            if isinstance(step, Step) and step.python is not None:
                yield f"{chapter.file}:{chapter.line}", step.python
