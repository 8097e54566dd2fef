"""What goes wrong between us and an engine, each in one sentence."""

import errno
import os
import ssl
from collections.abc import Iterator

from demo.errors import EngineError

LONGEST = 300
NO_CONNECTION = 900
"""aiodocker's number for it."""


class EngineAway(EngineError):
    """It does not answer at all: nobody knows how its containers are."""


class EngineRefused(EngineError):
    """It answers, and does not do it. `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def hung(where: str, within_sec: float) -> EngineAway:
    return EngineAway(
        f"the container engine at {where} did not answer within {within_sec:g} s: see whether `docker info` does"
    )


def absent(error: EngineRefused) -> bool:
    """The engine itself says that it has no such container; any web server can say 404."""
    return error.status == 404 and "no such container" in str(error).lower()


def translated(error: Exception, where: str, doing: str) -> EngineError:
    """`error` is aiodocker's, aiohttp's or the system's, or comes from reading what is no engine's answer."""
    chain = list(_chain(error))
    if any(isinstance(link, ssl.SSLError | ssl.CertificateError) for link in chain):
        return EngineAway(
            f"TLS with the container engine at {where} failed, check its certificates: {_short(chain[-1])}"
        )
    if any(isinstance(link, OSError) and link.errno in (errno.EACCES, errno.EPERM) for link in chain):
        return EngineAway(
            f"the container engine at {where} is not open to this user: "
            "join the docker group and log in again, or use a rootless engine"
        )
    status = getattr(error, "status", None)
    if status == NO_CONNECTION or isinstance(error, OSError):
        return EngineAway(f"no container engine answers at {where}: start it, or set DOCKER_HOST ({_short(chain[-1])})")
    if not isinstance(status, int) or status < 400:
        return EngineAway(f"what answers at {where} is no container engine: {type(error).__name__}: {_short(error)}")
    if "HTTPS server" in _short(error):
        return EngineAway(f"the container engine at {where} wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH")
    return EngineRefused(status, f"the engine did not {doing}: {_short(error)}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """aiodocker drops the cause of a lost connection into the context."""
    link: BaseException | None = error
    while link is not None:
        yield link
        inner = getattr(link, "os_error", None)
        link = inner if isinstance(inner, BaseException) and inner is not link else link.__cause__ or link.__context__


def _short(error: BaseException) -> str:
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)  # asyncio says only that a call failed
    text = str(getattr(error, "message", "") or getattr(error, "strerror", "") or error or type(error).__name__)
    return " ".join(text.split())[:LONGEST]
