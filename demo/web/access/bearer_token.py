"""The file that holds the token for automation: made when missing, and refused when others can read it."""

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
"""What a disk says that takes nothing: no reason to call off a show."""


class BearerToken:
    """A bearer token, of which only the hash is kept in memory. `path` is where people find it.

    `lost`: why it is not there. Then nobody can know it, and it ends with this run.
    """

    def __init__(self, path: Path, text: str, lost: str = "") -> None:
        self.path = path
        self.lost = lost
        self._digest = sha256(text.encode()).digest()

    def fits(self, given: str) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(sha256(given.encode("utf-8", "surrogatepass")).digest(), self._digest)


def token_file(path: Path) -> BearerToken:
    """Read the token, or make the file. Raises `UsageError` for one that cannot be used, or is not private."""
    try:
        _make(path)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno in FULL:
            return BearerToken(path, secrets.token_urlsafe(32), lost=_why(error))
        raise UsageError(
            f"the token file {path} cannot be made: {_why(error)}; name another with --token-file"
        ) from None
    try:
        text = _read(path)
    except (OSError, UnicodeDecodeError) as error:
        why = _why(error) if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"the token file {path} cannot be read: {why}; name another with --token-file") from None
    if not (SHORTEST <= len(text) <= LONGEST) or not text.isascii() or len(text.split()) != 1:
        raise UsageError(
            f"the token file {path} holds no token: one word of at least {SHORTEST} characters is needed; "
            f"remove the file to have one made"
        )
    return BearerToken(path, text)


def _make(path: Path) -> None:
    """The file has its name only once it is whole and on disk. An empty one of ours counts as missing.

    Raises `FileExistsError` where there is one already.
    """
    make_private(path.parent)
    empty = _is_empty(path)
    if not empty and os.path.lexists(path):
        raise FileExistsError
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        if empty:
            new.replace(path)
        else:
            _name(new, path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def _name(new: Path, path: Path) -> None:
    """Give the file its name, unless somebody else just did; some file systems have no links."""
    try:
        os.link(new, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        new.replace(path)


def _is_empty(path: Path) -> bool:
    """Left by a full disk or a crash: a file of ours with nothing in it."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == 0 and found.st_uid == os.geteuid()


def _read(path: Path) -> str:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"the token file {path} is not a file: name another with --token-file")
        if found.st_uid not in (os.geteuid(), 0):
            raise UsageError(f"the token file {path} belongs to somebody else: name another with --token-file")
        if found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise UsageError(f"the token file {path} can be read by others (mode {mode:03o}): chmod 600 {path}")
        return file.read(LONGEST + 2).decode().strip()


def _why(error: OSError) -> str:
    return error.strerror or str(error)
