"""Certificate and key of a server that terminates TLS itself: checked before anything is started."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from demo.errors import UsageError


class _KeyIsEncryptedError(Exception):
    """The private key needs a password."""


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate and its private key, as PEM files that were checked to belong together."""

    cert: Path
    key: Path


def tls_files(cert: Path | None, key: Path | None) -> Tls | None:
    """Check the two files and return them; None where neither is given.

    Raises `UsageError` where only one is given, and for files that cannot be used.
    """
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
    except _KeyIsEncryptedError:
        raise UsageError(f"--tls-key {key} is encrypted with a password: give a key without one") from None
    except (ssl.SSLError, ValueError, OSError) as error:
        raise UsageError(f"--tls-cert {cert} and --tls-key {key} {_describe_error(error)}") from None
    return Tls(cert, key)


def _no_password() -> str:
    # Without a callback OpenSSL would ask on the terminal, and the start would wait for an answer.
    raise _KeyIsEncryptedError


def _describe_error(error: Exception) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason == "KEY_VALUES_MISMATCH":
        return "do not belong together: the key is of another certificate"
    return f"cannot be used: both must be PEM files{f' ({reason})' if reason else ''}"
