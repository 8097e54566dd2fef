"""The options of subjects as flags: declared once, for every command that makes a subject."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from demo.subjects.options import FLAGS, Flag, Given, dashed, split

OTHER = typer.Option("--option", "-o", help="An option of the subject; may be repeated.", metavar="NAME=VALUE")


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `-o` and every flag of `FLAGS` to a command; what was typed is passed to it as `given`."""

    @functools.wraps(command)
    def with_options(option: list[str] | None = None, **values: Any) -> None:
        given = [pair for flag in FLAGS for pair in _collect_given(flag, values.pop(flag.name))]
        command(**values, given=(*given, *split(option or ())))

    own = [parameter for parameter in inspect.signature(command).parameters.values() if parameter.name != "given"]
    added = [_make_parameter("option", list[str] | None, OTHER), *map(_make_flag, FLAGS)]
    signature = inspect.Signature([*own, *added])
    with_options.__dict__["__signature__"] = signature  # what Typer and `inspect` read
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in signature.parameters.values()}
    return with_options


def _make_flag(flag: Flag) -> inspect.Parameter:
    spellings = [f"-{flag.short}"] if flag.short else []
    info = typer.Option(f"--{dashed(flag.name)}", *spellings, help=flag.help, metavar=flag.metavar or None)
    if not flag.metavar:
        return _make_parameter(flag.name, bool, info, default=False)
    return _make_parameter(flag.name, list[str] | None if flag.many else str | None, info)


def _make_parameter(name: str, kind: Any, info: Any, default: object = None) -> inspect.Parameter:
    annotation = Annotated[kind, info]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _collect_given(flag: Flag, value: str | list[str] | bool | None) -> Given:
    if isinstance(value, bool):
        return ((flag.name, "true"),) if value else ()
    return tuple((flag.name, text) for text in ([value] if isinstance(value, str) else value or ()))
