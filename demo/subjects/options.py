"""Options of subjects: what was given on the command line, parsed by the types of a subject's constructor.

A subject takes an option by having a parameter of that name; nothing else has to know about it.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from demo.errors import UsageError

Given = tuple[tuple[str, str], ...]
"""Names and values as they were typed, in order; a name may be repeated."""

Make = Callable[..., object]

SWITCH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_MANY = (list, tuple, Sequence, Iterable)
_WANTED = {int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Flag:
    """An option with a flag of its own, besides `-o NAME=VALUE`. Without a `metavar` it is a switch."""

    name: str
    help: str
    metavar: str = ""
    many: bool = False
    short: str = ""


FLAGS = (
    Flag("attach", "Present a system that is already running; it is not stopped at the end.", "NAME"),
    Flag("fallback", "ratelimiter: what a node does while Redis does not answer: local, open or closed.", "WHAT"),
    Flag(
        "load",
        "ratelimiter: multiple of the usual load, 0.1 to 10; etcd, tikv: operations a second, 1 to 5000 (default 100).",
        "N",
    ),
    Flag("base_port", "The first of the system's ports; the others follow it.", "PORT"),
    Flag("keep", "Containers: do not remove them at the end."),
    Flag("allow_run", "Show files: let the file run the commands that it names.", short="x"),
    Flag("no_reload", "Show files: take no edits of the file over while it is presented."),
    Flag("allow_unlabelled", "Containers: allow faults on those without the label demo.target=true."),
    Flag("pd", "tikv: URL of a PD of the cluster; may be repeated.", "URL", many=True),
    Flag("prometheus", "tikv: URL of a Prometheus that monitors the cluster.", "URL"),
    Flag("tiup", "tikv: start it with tiup playground instead of containers."),
)


def dashed(name: str) -> str:
    """Return an option's name as it is typed: `base-port`."""
    return name.replace("_", "-")


def split(texts: Iterable[str]) -> Given:
    """Split each `NAME=VALUE` of `-o` into name and value. Raises `UsageError`."""
    pairs = []
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise UsageError(f"-o takes NAME=VALUE, not {text!r}")
        pairs.append((name.strip().replace("-", "_"), value))
    return tuple(pairs)


def read(subject: str, make: Make, given: Given) -> dict[str, Any]:
    """Return the values for `make`, as plain JSON. Raises `UsageError` that names the option and what is allowed."""
    texts: dict[str, list[str]] = {}
    for name, text in given:
        texts.setdefault(name, []).append(text)
    parameters = _check_names(subject, make, texts)
    return {
        name: _parse_value(f"{subject}: {dashed(name)}", parameters.get(name), values) for name, values in texts.items()
    }


def fitted(subject: str, make: Make, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of `read`, which may have passed through JSON, as `make` takes them. Raises `UsageError`."""
    parameters = _check_names(subject, make, options)
    missing = [
        dashed(name)
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and name not in options
    ]
    if missing:
        raise UsageError(f"subject {subject!r} needs these options: {', '.join(missing)} (-o NAME=VALUE)")
    return {
        name: tuple(value) if isinstance(value, list) and _kind(parameters.get(name))[0] is tuple else value
        for name, value in options.items()
    }


def _check_names(subject: str, make: Make, names: Iterable[str]) -> dict[str, inspect.Parameter]:
    """Return the parameters of `make`, also for `names`. Raises `UsageError` if it does not take one of these."""
    parameters, for_others = _parameters(make)
    unknown = [name for name in names if name not in parameters]
    if unknown and for_others is None:
        raise UsageError(describe_unknown(subject, unknown, parameters))
    return parameters | ({} if for_others is None else dict.fromkeys(unknown, for_others))


def describe_unknown(subject: str, unknown: Iterable[str], known: Iterable[str]) -> str:
    """Return the sentence about options that a subject does not take."""
    takes = ", ".join(map(dashed, known)) or "none"
    return f"subject {subject!r} does not take these options: {', '.join(map(dashed, unknown))}; it takes {takes}"


def parameters_of(make: Make) -> Mapping[str, inspect.Parameter]:
    """Return the parameters that can be given by name."""
    return _parameters(make)[0]


def is_free_text(parameter: inspect.Parameter) -> bool:
    """Return whether an option can be any text: a name, an address, an image. Others are numbers and choices."""
    kind = _kind(parameter)[1]
    return get_origin(kind) is not Literal and kind not in _WANTED


def _parameters(make: Make) -> tuple[dict[str, inspect.Parameter], inspect.Parameter | None]:
    """Return the parameters that can be given by name, and the one that takes any other name, if there is one."""
    try:
        signature = inspect.signature(make, eval_str=True)
    except NameError:  # an annotation that only a type checker can resolve
        signature = inspect.signature(make)
    except ValueError:  # made in C: it does not say
        return {}, None
    all_of_them = signature.parameters.values()
    return (
        {parameter.name: parameter for parameter in all_of_them if parameter.kind in _KEYWORDS},
        next((parameter for parameter in all_of_them if parameter.kind is inspect.Parameter.VAR_KEYWORD), None),
    )


def _kind(parameter: inspect.Parameter | None) -> tuple[type | None, Any]:
    """Return the container (tuple, list, or None for a single value) and the type of one value."""
    if parameter is None:
        return None, str
    annotation = parameter.annotation
    if annotation is parameter.empty or isinstance(annotation, str) or annotation in (Any, object):
        default = parameter.default
        return None, type(default) if type(default) in (bool, int, float) else str
    if get_origin(annotation) in (Union, UnionType):
        annotation, *others = [part for part in get_args(annotation) if part is not NoneType]
        if others:
            return None, None
    if get_origin(annotation) in _MANY or annotation in _MANY:
        inner = (*get_args(annotation), str)[0]
        return (list if list in (get_origin(annotation), annotation) else tuple), inner
    return None, annotation


def _parse_value(option: str, parameter: inspect.Parameter | None, texts: Sequence[str]) -> Any:
    container, kind = _kind(parameter)
    if container is not None:
        return [_parse_one(option, kind, text) for text in texts]
    if len(texts) > 1:
        raise UsageError(f"{option} is given more than once: give it once")
    return _parse_one(option, kind, texts[0])


def _parse_one(option: str, kind: Any, text: str) -> Any:
    if get_origin(kind) is Literal:
        choices = {str(choice): choice for choice in get_args(kind)}
        if text not in choices:
            raise UsageError(f"{option} must be one of {', '.join(choices)}, not {text!r}")
        return choices[text]
    if kind is str:
        return text
    if kind not in _WANTED:
        raise UsageError(f"{option} cannot be given on the command line: its type is {getattr(kind, '__name__', kind)}")
    value = _parse_plain(kind, text.strip())
    if value is None:
        raise UsageError(f"{option} must be {_WANTED[kind]}, not {text!r}")
    return value


def _parse_plain(kind: type, text: str) -> bool | int | float | None:
    if kind is bool:
        return SWITCH.get(text.lower())
    try:
        number: int | float = int(text) if kind is int else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
