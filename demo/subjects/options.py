"""Options of subjects: what the command line was given, read by the types of a subject's own constructor.

A subject takes an option by having a parameter of that name; nothing else has to know of it.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from demo.errors import UsageError

Given = tuple[tuple[str, str], ...]
"""Names and values as they were typed, in order; a name may come several times."""

Make = Callable[..., object]

SWITCH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_MANY = (list, tuple, Sequence, Iterable)
_WANTED = {int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Flag:
    """An option with a flag of its own, beside `-o NAME=VALUE`. Without a `metavar` it is a switch."""

    name: str
    help: str
    metavar: str = ""
    many: bool = False


FLAGS = (
    Flag("attach", "Present a system that stands already, without owning it.", "NAME"),
    Flag("fallback", "ratelimiter: what a node does while Redis does not answer: local, open or closed.", "WHAT"),
    Flag(
        "load",
        "ratelimiter: so many times the steady load, 0.1 to 10; etcd, tikv: operations a second, 1 to 5000, else 100.",
        "N",
    ),
    Flag("base_port", "The first of the system's ports, which lie in a row.", "PORT"),
    Flag("keep", "Containers: leave what was started running at the end."),
    Flag("allow_unlabelled", "Containers: let faults touch those without the label demo.target=true."),
    Flag("pd", "tikv: where a PD of the cluster answers; may be repeated.", "URL", many=True),
    Flag("prometheus", "tikv: a Prometheus that watches the cluster.", "URL"),
    Flag("tiup", "tikv: start it with tiup playground instead of containers."),
)


def dashed(name: str) -> str:
    """As it is typed: `base-port`."""
    return name.replace("_", "-")


def split(texts: Iterable[str]) -> Given:
    """Each `NAME=VALUE` of `-o`. Raises `UsageError`."""
    found = []
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise UsageError(f"-o takes NAME=VALUE, not {text!r}")
        found.append((name.strip().replace("-", "_"), value))
    return tuple(found)


def read(subject: str, make: Make, given: Given) -> dict[str, Any]:
    """The values that `make` takes, as plain JSON. Raises `UsageError` that names the option, and what there is."""
    texts: dict[str, list[str]] = {}
    for name, text in given:
        texts.setdefault(name, []).append(text)
    parameters = _known(subject, make, texts)
    return {name: _value(f"{subject}: {dashed(name)}", parameters.get(name), said) for name, said in texts.items()}


def fitted(subject: str, make: Make, options: Mapping[str, Any]) -> dict[str, Any]:
    """What `read` gave, perhaps through JSON, as `make` takes it. Raises `UsageError`."""
    parameters = _known(subject, make, options)
    missing = [
        dashed(name)
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and name not in options
    ]
    if missing:
        raise UsageError(f"subject {subject!r} cannot do without: {', '.join(missing)} (-o NAME=VALUE)")
    return {
        name: tuple(value) if isinstance(value, list) and _kind(parameters.get(name))[0] is tuple else value
        for name, value in options.items()
    }


def _known(subject: str, make: Make, names: Iterable[str]) -> dict[str, inspect.Parameter]:
    parameters, takes_any = _parameters(make)
    unknown = [dashed(name) for name in names if name not in parameters]
    if unknown and not takes_any:
        takes = ", ".join(map(dashed, parameters)) or "none"
        raise UsageError(f"subject {subject!r} does not take these options: {', '.join(unknown)}; it takes {takes}")
    return parameters


def _parameters(make: Make) -> tuple[dict[str, inspect.Parameter], bool]:
    """What can be given by name, and whether any name can."""
    try:
        signature = inspect.signature(make, eval_str=True)
    except NameError:  # an annotation that only a type checker can resolve
        signature = inspect.signature(make)
    except ValueError:  # made in C: it does not say
        return {}, False
    all_of_them = signature.parameters.values()
    return (
        {parameter.name: parameter for parameter in all_of_them if parameter.kind in _KEYWORDS},
        any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in all_of_them),
    )


def _kind(parameter: inspect.Parameter | None) -> tuple[type | None, Any]:
    """The container (tuple, list, or None for a single value) and the type of one value."""
    if parameter is None:
        return None, str
    said = parameter.annotation
    if said is parameter.empty or isinstance(said, str) or said in (Any, object):
        default = parameter.default
        return None, type(default) if type(default) in (bool, int, float) else str
    if get_origin(said) in (Union, UnionType):
        said, *others = [part for part in get_args(said) if part is not NoneType]
        if others:
            return None, None
    if get_origin(said) in _MANY or said in _MANY:
        inner = (*get_args(said), str)[0]
        return (list if list in (get_origin(said), said) else tuple), inner
    return None, said


def _value(what: str, parameter: inspect.Parameter | None, texts: Sequence[str]) -> Any:
    container, kind = _kind(parameter)
    if container is not None:
        return [_one(what, kind, text) for text in texts]
    if len(texts) > 1:
        raise UsageError(f"{what} is given more than once")
    return _one(what, kind, texts[0])


def _one(what: str, kind: Any, text: str) -> Any:
    if get_origin(kind) is Literal:
        choices = {str(choice): choice for choice in get_args(kind)}
        if text not in choices:
            raise UsageError(f"{what} must be one of {', '.join(choices)}, not {text!r}")
        return choices[text]
    if kind is str:
        return text
    if kind not in _WANTED:
        raise UsageError(f"{what} cannot be given on the command line: its type is {getattr(kind, '__name__', kind)}")
    found = _plain(kind, text.strip())
    if found is None:
        raise UsageError(f"{what} must be {_WANTED[kind]}, not {text!r}")
    return found


def _plain(kind: type, text: str) -> bool | int | float | None:
    if kind is bool:
        return SWITCH.get(text.lower())
    try:
        found: int | float = int(text) if kind is int else float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
