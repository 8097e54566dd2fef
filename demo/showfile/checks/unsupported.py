"""Says what a file may hold that is not carried out yet: an error where the show would lack something, else a warning.

Nothing of it is dropped in silence: whoever presents must know that it will not be there.
"""

from demo.showfile.checks.places import Checked
from demo.showfile.markdown.columns import split_columns
from demo.showfile.problems import Position, Problem

NOT_YET = "is not carried out yet"
SHOWN_NOWHERE = ("panels", "events", "theme", "language")
OF_CHAPTERS = ("layout", "panel", "highlight", "vote")


def check_unsupported(checked: Checked) -> None:
    front, settings = checked.front, checked.settings
    if settings.subject is not None:
        front.error(("subject",), f"subject {NOT_YET} in a show file: present it with demo serve {settings.subject}")
    if settings.system is not None and settings.system.compose is not None:
        text = f"system.compose {NOT_YET}: start the containers yourself, and write attach with the project's name"
        front.error(("system", "compose"), text, at_key=True)
    for name, load in settings.load.items():
        if load.book:
            text = f"book {NOT_YET}: delete this key, and the load is sent without it"
            front.error(("load", name, "book"), text, at_key=True)
    for key in SHOWN_NOWHERE:
        if key in settings.model_fields_set:
            front.warning((key,), f"{key} {NOT_YET}: the show is presented without it", at_key=True)
    _check_texts(checked)
    for chapter in checked.chapters:
        for key in OF_CHAPTERS:
            if key in chapter.settings.model_fields_set:
                chapter.block.warning((key,), f"{key} {NOT_YET}: the chapter is shown without it", at_key=True)


def _check_texts(checked: Checked) -> None:
    """Warn of images and columns, each once, at the chapter that has the first."""
    for chapter in checked.source.chapters:
        if any(block.widths for page in chapter.pages for block in split_columns(page)):
            text = f"the layout of columns {NOT_YET}: their texts are shown one below the other"
            checked.front.problems.append(Problem(chapter.file, Position(chapter.line), text, "warning"))
            break
    if images := checked.source.images:
        text = f"showing images {NOT_YET}: {images[0]} is shown as it is written"
        checked.front.problems.append(Problem(checked.source.file, Position(1), text, "warning"))
