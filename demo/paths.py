"""The user's directories in which this program stores files between runs."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_state_path


def state_directory() -> Path:
    """Return this program's state directory (`$XDG_STATE_HOME/chaos-stage` on Linux)."""
    return user_state_path("chaos-stage", appauthor=False)


def cache_directory() -> Path:
    """Return the directory for files that may be deleted at any time (`$XDG_CACHE_HOME/chaos-stage` on Linux)."""
    return user_cache_path("chaos-stage", appauthor=False)


def make_private(path: Path) -> None:
    """Create a directory and its missing parents, accessible to this user only, under any umask. Raises `OSError`.

    The state directory, where it is among the parents and belongs to this user, is made private too.
    """
    for directory in reversed([path, *path.parents]):
        is_new = not directory.exists()
        # One by one, because `parents=True` would create the parents with the default mode.
        directory.mkdir(mode=0o700, exist_ok=True)
        if is_new or (directory == state_directory() and directory.stat().st_uid == os.geteuid()):
            directory.chmod(0o700)


def sync_to_disk(path: Path) -> None:
    """Write a file or a directory to disk: only then does a file's new name, or its removal, survive a crash.

    Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
