"""The certificate and key of a server that ends TLS itself: checked before anything is started."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from demo.errors import UsageError


class _Locked(Exception):
    """The key asks for a password."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM form that fit each other."""

    cert: Path
    key: Path


def tls_files(cert: Path | None, key: Path | None) -> Tls | None:
    """None without both. Raises `UsageError` for one alone, and for files that cannot serve."""
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        missing = "--tls-key" if key is None else "--tls-cert"
        raise UsageError(f"{missing} is missing: TLS needs both, as in --tls-cert cert.pem --tls-key key.pem")
    for option, path in (("--tls-cert", cert), ("--tls-key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise UsageError(f"{option} {path} cannot be read: {error.strerror or error}") from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_no_password)
    except _Locked:
        raise UsageError(f"--tls-key {key} is locked by a password: give a key without one") from None
    except (ssl.SSLError, ValueError, OSError) as error:
        raise UsageError(f"--tls-cert {cert} and --tls-key {key} {_why(error)}") from None
    return Tls(cert, key)


def _no_password() -> str:
    raise _Locked


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason == "KEY_VALUES_MISMATCH":
        return "do not belong together: the key is of another certificate"
    return f"cannot be used: both must be PEM files{f' ({reason})' if reason else ''}"
