"""The file that holds the token for automation: created when missing, and refused when others can read it."""

import contextlib
import errno
import hmac
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path

from demo.errors import UsageError
from demo.paths import make_private

SHORTEST = 20
LONGEST = 512


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Errors of a disk that is full, read-only or broken: the show can do without a token file."""


class BearerToken:
    """A bearer token, of which only the hash is kept in memory. `path` is the file where people find it.

    `lost` says why it could not be written there. Then nobody can know the token, and it is for this run only.
    """

    def __init__(self, path: Path, text: str, lost: str = "") -> None:
        self.path = path
        self.lost = lost
        self._digest = sha256(text.encode()).digest()

    def matches(self, given: str) -> bool:
        """Return whether `given` is the token; compares in constant time."""
        return hmac.compare_digest(sha256(given.encode("utf-8", "surrogatepass")).digest(), self._digest)


def token_file(path: Path) -> BearerToken:
    """Read the token file, or create it. Raises `UsageError` for one that cannot be used, or is not private."""
    try:
        _create_file(path)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno in FULL:
            return BearerToken(path, secrets.token_urlsafe(32), lost=_describe_error(error))
        raise UsageError(
            f"the token file {path} cannot be created: {_describe_error(error)}; name another with --token-file"
        ) from None
    try:
        text = _read(path)
    except (OSError, UnicodeDecodeError) as error:
        why = _describe_error(error) if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"the token file {path} cannot be read: {why}; name another with --token-file") from None
    if not (SHORTEST <= len(text) <= LONGEST) or not text.isascii() or len(text.split()) != 1:
        raise UsageError(
            f"the token file {path} holds no token: one word of at least {SHORTEST} characters is needed; "
            f"remove the file to have one created"
        )
    return BearerToken(path, text)


def _create_file(path: Path) -> None:
    """Create the file with a new token, in one step: it gets its name only once it is complete and on disk.

    An empty file of ours counts as missing. Raises `FileExistsError` where there is one already.
    """
    make_private(path.parent)
    has_empty_file = _is_empty(path)
    if not has_empty_file and os.path.lexists(path):
        raise FileExistsError
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        if has_empty_file:
            new.replace(path)
        else:
            _rename_unless_exists(new, path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def _rename_unless_exists(new: Path, path: Path) -> None:
    """Give the file its name. Raises `FileExistsError` where another process has just created one."""
    try:
        os.link(new, path)  # `rename` would replace the other's file.
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        new.replace(path)  # This file system has no hard links.


def _is_empty(path: Path) -> bool:
    """Return whether this is an empty file of ours, as a full disk or a crash leaves one."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == 0 and status.st_uid == os.geteuid()


def _read(path: Path) -> str:
    # Non-blocking, for opening a named pipe would wait for its writer; and checked by descriptor, for the name could be
    # given to another file between the check and the reading.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"the token file {path} is not a file: name another with --token-file")
        if status.st_uid not in (os.geteuid(), 0):
            raise UsageError(f"the token file {path} belongs to another user: name another with --token-file")
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise UsageError(f"the token file {path} can be read by others (mode {mode:03o}): chmod 600 {path}")
        return file.read(LONGEST + 2).decode().strip()


def _describe_error(error: OSError) -> str:
    return error.strerror or str(error)
