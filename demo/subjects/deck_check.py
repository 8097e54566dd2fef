"""Looking through a deck before the show: can it be made, and are the faults that it names there? Runs no chapter."""

import ast
import contextlib
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from demo.errors import DemoError, FaultError
from demo.subjects import deck_of
from demo.subjects.user_code import is_users, nearest, shown
from demo.types import Chapter, Stage, Subject

NAMING = {"inject": "injects", "heal": "heals", "wait_recovered": "waits for", "measured": "asks for"}
"""The calls of a `Stage` that name a fault, and what to say of them."""


class _NoStage:
    """A stage for a deck that is only looked at: whoever calls it while the deck is made is told so."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: object, **__: object) -> NoReturn:
            raise FaultError(f"stage.{name} was called while the deck was made: call it in an `on_enter`")

        return refuse


def deck_problems(name: str, subject: Subject) -> list[str]:
    """Return what would go wrong on stage, a sentence each: a deck that cannot be made, faults that are not there."""
    stage: Stage = _NoStage()
    try:
        deck = deck_of(name, subject)(stage)
    except DemoError as error:
        return [str(error)]
    return unknown_faults(subject, deck)


def unknown_faults(subject: Subject, deck: Sequence[Chapter]) -> list[str]:
    """Return a sentence for each fault that the user's deck names and the subject does not have."""
    known = [driver.config.name for driver in subject.faults]
    return [problem for file in _files(subject, deck) for problem in _unknown_faults(file, known)]


def _files(subject: Subject, deck: Sequence[Chapter]) -> list[str]:
    """The user's own files that the deck's code lies in."""
    code = [getattr(chapter.on_enter, "__code__", None) for chapter in deck]
    files = {found.co_filename for found in code if found is not None}
    with contextlib.suppress(TypeError):  # a class that was made without a file
        files.add(inspect.getsourcefile(type(subject)) or "")
    return sorted(file for file in files if file and is_users(file))


def _unknown_faults(file: str, known: Sequence[str]) -> Iterator[str]:
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        named = _named(node)
        if named is not None and named[1] not in known:
            verb, fault = named
            has = f"this show has {', '.join(known)}" if known else "this show has none"
            line = getattr(node, "lineno", 0)
            yield f"{shown(file)}:{line}: it {verb} {fault!r}, which is no fault here: {has}{nearest(fault, known)}"


def _named(node: ast.AST) -> tuple[str, str] | None:
    """What `stage.inject("off")` does, and the fault it names; None for anything else."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NAMING):
        return None
    on = node.func.value
    receiver = on.id if isinstance(on, ast.Name) else on.attr if isinstance(on, ast.Attribute) else ""
    said = node.args[0] if node.args else next((word.value for word in node.keywords if word.arg == "name"), None)
    if receiver.lstrip("_") != "stage" or not isinstance(said, ast.Constant) or not isinstance(said.value, str):
        return None
    return NAMING[node.func.attr], said.value
