"""Errors in talking to a container engine, translated to one sentence each."""

import errno
import os
import ssl
from collections.abc import Iterator

from demo.errors import EngineError

LONGEST = 300
NO_CONNECTION = 900
"""The status that aiodocker reports when it cannot connect."""


class EngineAway(EngineError):
    """The engine does not answer at all: the state of its containers is unknown."""


class EngineRefused(EngineError):
    """The engine answers, and refuses the request. `status`: the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def no_answer_error(where: str, within_sec: float) -> EngineAway:
    return EngineAway(
        f"the container engine at {where} did not answer within {within_sec:g} s: check it with `docker info`"
    )


def is_no_such_container(error: EngineRefused) -> bool:
    """Return whether the engine itself says that it has no such container."""
    # The text counts too, as any web server can answer 404.
    return error.status == 404 and "no such container" in str(error).lower()


def translate_error(error: Exception, where: str, doing: str) -> EngineError:
    """Return the `EngineError` for an error of aiodocker, aiohttp or the system, or of parsing an unexpected answer."""
    chain = list(_iterate_causes(error))
    if any(isinstance(link, ssl.SSLError | ssl.CertificateError) for link in chain):
        return EngineAway(
            f"TLS with the container engine at {where} failed, check its certificates: {_short_text(chain[-1])}"
        )
    if any(isinstance(link, OSError) and link.errno in (errno.EACCES, errno.EPERM) for link in chain):
        return EngineAway(
            f"the container engine at {where} refuses this user: "
            "join the docker group and log in again, or use a rootless engine"
        )
    status = getattr(error, "status", None)
    if status == NO_CONNECTION or isinstance(error, OSError):
        return EngineAway(
            f"no container engine answers at {where}: start it, or set DOCKER_HOST ({_short_text(chain[-1])})"
        )
    if not isinstance(status, int) or status < 400:
        return EngineAway(
            f"what answers at {where} is not a container engine: {type(error).__name__}: {_short_text(error)}"
        )
    if "HTTPS server" in _short_text(error):
        return EngineAway(f"the container engine at {where} requires TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH")
    return EngineRefused(status, f"the engine did not {doing}: {_short_text(error)}")


def _iterate_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes. aiodocker leaves the cause of a lost connection in the context."""
    link: BaseException | None = error
    while link is not None:
        yield link
        inner = getattr(link, "os_error", None)
        link = inner if isinstance(inner, BaseException) and inner is not link else link.__cause__ or link.__context__


def _short_text(error: BaseException) -> str:
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)  # asyncio's own text says only that a call failed
    text = str(getattr(error, "message", "") or getattr(error, "strerror", "") or error or type(error).__name__)
    return " ".join(text.split())[:LONGEST]
