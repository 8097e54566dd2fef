"""Where the files of a show's proxy process are: its socket, its lock and its log, for this user only."""

import hashlib
import os
from pathlib import Path

from demo.errors import SubjectError
from demo.paths import make_private, state_directory

MAX_SOCKET_BYTES = 100
"""Of a Unix socket's path; the kernel allows 107."""


def file_of(show: str, kind: str) -> Path:
    """Return a file of one `kind` (sock, lock or log) for the show of this identity. Raises `SubjectError`."""
    try:
        folder = state_directory() / "proxies"
        make_private(folder)
    except OSError as error:
        where = error.filename or "the state directory"
        raise SubjectError(f"cannot use {where}: {error.strerror or error}") from error
    # Hashed: an identity may be any text, and a socket's path must be short.
    path = folder / f"{hashlib.sha256(show.encode()).hexdigest()[:16]}.{kind}"
    if kind == "sock" and len(os.fsencode(path)) > MAX_SOCKET_BYTES:
        raise SubjectError(f"{path} is too long for a Unix socket: set XDG_STATE_HOME to a shorter directory")
    return path
