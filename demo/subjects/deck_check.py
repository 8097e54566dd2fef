"""Checks a deck before the show, without running a chapter: whether it can be made, and whether its faults exist."""

import ast
import contextlib
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from demo.errors import DemoError, FaultError
from demo.subjects.registry import deck_of
from demo.subjects.user_code import displayed_path, is_users, nearest
from demo.types import Chapter, Stage, Subject

NAMING = {"inject": "injects", "heal": "heals", "wait_recovered": "waits for", "measured": "asks for"}
"""The methods of `Stage` that take a fault's name, and the verb that a message uses for each."""


class _NoStage:
    """A stage for a deck that is only checked: calling any of its methods raises `FaultError`."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: object, **__: object) -> NoReturn:
            raise FaultError(f"stage.{name} was called while the deck was made: call it in an `on_enter`")

        return refuse


def deck_problems(name: str, subject: Subject) -> list[str]:
    """Return what would go wrong on stage, a sentence each: a deck that cannot be made, faults that do not exist."""
    stage: Stage = _NoStage()
    try:
        deck = deck_of(name, subject)(stage)
    except DemoError as error:
        return [str(error)]
    return unknown_faults(subject, deck)


def unknown_faults(subject: Subject, deck: Sequence[Chapter]) -> list[str]:
    """Return a sentence for each fault that the user's deck names and the subject does not have."""
    known = [driver.config.name for driver in subject.faults]
    return [problem for file in _user_files(subject, deck) for problem in _find_unknown_faults(file, known)]


def _user_files(subject: Subject, deck: Sequence[Chapter]) -> list[str]:
    """Return the user's own files that contain the deck's code."""
    code = [getattr(chapter.on_enter, "__code__", None) for chapter in deck]
    files = {function_code.co_filename for function_code in code if function_code is not None}
    with contextlib.suppress(TypeError):  # a class that was made without a file
        files.add(inspect.getsourcefile(type(subject)) or "")
    return sorted(file for file in files if file and is_users(file))


def _find_unknown_faults(file: str, known: Sequence[str]) -> Iterator[str]:
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        fault_call = _parse_fault_call(node)
        if fault_call is not None and fault_call[1] not in known:
            verb, fault = fault_call
            has = f"this show has {', '.join(known)}" if known else "this show has none"
            line = getattr(node, "lineno", 0)
            yield (
                f"{displayed_path(file)}:{line}: it {verb} the fault {fault!r}, which does not exist: "
                f"{has}{nearest(fault, known)}"
            )


def _parse_fault_call(node: ast.AST) -> tuple[str, str] | None:
    """Return the verb for a call like `stage.inject("off")`, and the fault it names; None for anything else."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NAMING):
        return None
    owner = node.func.value
    receiver = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    argument = node.args[0] if node.args else next((word.value for word in node.keywords if word.arg == "name"), None)
    if receiver.lstrip("_") != "stage" or not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        return None
    return NAMING[node.func.attr], argument.value
