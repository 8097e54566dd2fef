"""The options of subjects as flags of a command: declared once, for each command that makes a subject."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from demo.subjects.options import FLAGS, Flag, Given, dashed, split

OTHER = typer.Option("--option", "-o", help="An option of the subject; may be repeated.", metavar="NAME=VALUE")


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `-o` and every flag of `FLAGS`; what was typed reaches it as `given`."""

    @functools.wraps(command)
    def taken(option: list[str] | None = None, **values: Any) -> None:
        given = [pair for flag in FLAGS for pair in _typed(flag, values.pop(flag.name))]
        command(**values, given=(*given, *split(option or ())))

    own = [parameter for parameter in inspect.signature(command).parameters.values() if parameter.name != "given"]
    added = [_parameter("option", list[str] | None, OTHER), *map(_flag, FLAGS)]
    signature = inspect.Signature([*own, *added])
    taken.__dict__["__signature__"] = signature  # what Typer and `inspect` read
    taken.__annotations__ = {parameter.name: parameter.annotation for parameter in signature.parameters.values()}
    return taken


def _flag(flag: Flag) -> inspect.Parameter:
    said = typer.Option(f"--{dashed(flag.name)}", help=flag.help, metavar=flag.metavar or None)
    if not flag.metavar:
        return _parameter(flag.name, bool, said, default=False)
    return _parameter(flag.name, list[str] | None if flag.many else str | None, said)


def _parameter(name: str, kind: Any, said: Any, default: object = None) -> inspect.Parameter:
    annotation = Annotated[kind, said]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _typed(flag: Flag, value: str | list[str] | bool | None) -> Given:
    if isinstance(value, bool):
        return ((flag.name, "true"),) if value else ()
    return tuple((flag.name, text) for text in ([value] if isinstance(value, str) else value or ()))
