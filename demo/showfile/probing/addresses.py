"""The addresses of one probe: a list, or braces that stand for several, as in `http://{a,b}:80` or `:{8080..8084}`."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from demo.errors import InvalidValue

MAX_ADDRESSES = 200
_BRACES = re.compile(r"(?<!\$)\{([^{}]*)\}")
_RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
_NOT_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class ProbeAddress:
    """`element` is what stands for this address among the others: "" if there is only one."""

    text: str
    element: str = ""


def expand(written: str | Sequence[str]) -> tuple[ProbeAddress, ...]:
    """Return every address that is meant. Raises `InvalidValue` for braces that mean nothing, and for too many."""
    texts = (written,) if isinstance(written, str) else tuple(written)
    found: list[ProbeAddress] = []
    for text in texts:
        expanded = list(itertools.islice(_expand_one(text), MAX_ADDRESSES + 1))
        if len(texts) > 1 and len(expanded) == 1:
            expanded = [ProbeAddress(text, expanded[0].element or _host_of(text))]
        found += expanded
        if len(found) > MAX_ADDRESSES:
            raise InvalidValue(f"{text!r} means more than {MAX_ADDRESSES} addresses")
    return tuple(found)


def _expand_one(text: str) -> Iterator[ProbeAddress]:
    """Yield the addresses; an element consists of what was put into each pair of braces."""
    parts = _BRACES.split(text)
    choices = [_choices(part, text) for part in parts[1::2]]
    for chosen in itertools.product(*choices):
        pieces = [piece for pair in itertools.zip_longest(parts[::2], chosen, fillvalue="") for piece in pair]
        yield ProbeAddress("".join(pieces), "-".join(chosen))


def _choices(inside: str, text: str) -> Sequence[str]:
    if ends := _RANGE.fullmatch(inside.strip()):
        first, last = int(ends[1]), int(ends[2])
        if first > last:
            raise InvalidValue(f"{{{inside}}} in {text!r} counts backwards: write {{{last}..{first}}}")
        if last - first >= MAX_ADDRESSES:
            raise InvalidValue(f"{{{inside}}} in {text!r} means more than {MAX_ADDRESSES} addresses")
        width = len(ends[1]) if ends[1].startswith("0") else 0
        return [f"{number:0{width}d}" for number in range(first, last + 1)]
    choices = [choice.strip() for choice in inside.split(",")]
    if len(choices) < 2 or not all(choices):
        raise InvalidValue(f"{{{inside}}} in {text!r} is not a list: write {{a,b,c}} or {{8080..8084}}")
    return choices


def _host_of(text: str) -> str:
    """Return what names an address of a list: its host and port, without scheme, user and path."""
    rest = text.partition("://")[2] or text
    return _NOT_NAME.sub("-", rest.partition("/")[0].rpartition("@")[2]).strip("-")
