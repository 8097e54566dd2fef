"""Where this program keeps what outlives a start: directories of the user's."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_state_path


def state_directory() -> Path:
    """The user's state directory of this program (`$XDG_STATE_HOME/chaos-stage` on Linux)."""
    return user_state_path("chaos-stage", appauthor=False)


def cache_directory() -> Path:
    """What may be thrown away at any time (`$XDG_CACHE_HOME/chaos-stage` on Linux)."""
    return user_cache_path("chaos-stage", appauthor=False)


def make_private(path: Path) -> None:
    """Make a directory, with what of the way to it is missing, for this user alone under any umask. Raises `OSError`.

    The state directory becomes that too when it lies on the way and was made by somebody less careful.
    """
    for part in reversed([path, *path.parents]):
        made = not part.exists()
        part.mkdir(mode=0o700, exist_ok=True)
        if made or (part == state_directory() and part.stat().st_uid == os.geteuid()):
            part.chmod(0o700)
