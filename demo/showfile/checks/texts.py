"""Texts with a form of their own: addresses, regular expressions, JSONPaths, sizes, `${names}`. Each check returns a
sentence about what is wrong, or None."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import jsonpath_rfc9535

_FILLED = re.compile(r"(?<!\$)\$\{([^{}]*)\}")
_PYTHON = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")

_HOSTS = re.compile(r"(\w+://(?:[^@/?]*@)?)([^@/?]*,[^@/?]*)(.*)", re.DOTALL)
"""A URL with several hosts: what is before them, the hosts, and what is behind."""

SCHEMES = {
    "http": (("http", "https"), "http://127.0.0.1:8080/health"),
    "redis": (("redis", "rediss", "unix"), "redis://127.0.0.1:6379"),
    "postgres": (("postgres", "postgresql"), "postgresql://postgres@127.0.0.1:5432/postgres"),
    "prometheus": (("http", "https"), "http://127.0.0.1:9090"),
}


def filled_names(text: str) -> Iterator[tuple[str, int]]:
    """Yield each `name` of a `${name}` in a text, with the offset of its first character."""
    for found in _FILLED.finditer(text):
        yield found[1], found.start(1)


def address_fault(text: str, kind: str) -> str | None:
    """Say what is wrong with the address of an http, redis, postgres or prometheus."""
    schemes, example = SCHEMES[kind]
    if kind == "postgres" and (several := _HOSTS.fullmatch(text)) is not None:
        # libpq takes several hosts, each with a port of its own.
        faults = (address_fault(f"{several[1]}{host}{several[3]}", kind) for host in several[2].split(","))
        return next((fault for fault in faults if fault is not None), None)
    try:
        parts = urlsplit(_plain(text))
        _ = parts.port
    except ValueError as error:
        return f"is not a valid address ({error}): write it like {example}"
    if parts.scheme not in schemes:
        return f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}: write it like {example}"
    if not parts.hostname and parts.scheme != "unix" and not (kind == "postgres" and parts.query):
        return f"names no host: write it like {example}"
    return None


def host_port_fault(text: str) -> str | None:
    """Say what is wrong with a `host:port`."""
    host, separator, port = _plain(text).rpartition(":")
    if not separator or not host:
        return "must be host:port: write it like 127.0.0.1:6379"
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65535):
        return "has no port between 1 and 65535 after its colon: write it like 127.0.0.1:6379"
    return None


def port_of(text: str) -> int | None:
    """Return the port of a `host:port`, None where there is none."""
    port = text.rpartition(":")[2]
    return int(port) if port.isascii() and port.isdecimal() else None


def regex_fault(text: str) -> str | None:
    """Say what is wrong with a `/regex/`."""
    if len(text) < 2 or not (text.startswith("/") and text.endswith("/")):
        return "must stand between slashes: write it like /ready to accept/"
    try:
        re.compile(python_regex(text))
    except re.error as error:
        return f"is not a valid regular expression: {error}"
    return None


def python_regex(text: str) -> str:
    """Return what stands between the slashes; a group may be named `(?<name>…)`."""
    return re.sub(r"\(\?<(?![=!])", "(?P<", text[1:-1])


def group_names(text: str) -> tuple[str, ...]:
    """Return the names of the groups of a valid `/regex/`."""
    return tuple(re.compile(python_regex(text)).groupindex)


def jsonpath_fault(text: str) -> str | None:
    """Say what is wrong with a JSONPath."""
    try:
        jsonpath_rfc9535.compile(text)
    except jsonpath_rfc9535.JSONPathError as error:
        return f"is not a valid JSONPath: {str(error).split(chr(10))[0]}"
    return None


def python_fault(text: str) -> str | None:
    return None if _PYTHON.fullmatch(text) else "must name a function as package.module:function"


def _plain(text: str) -> str:
    """Return an address with something in the place of each secret."""
    return _FILLED.sub("x", text)
