"""Where this program keeps what outlives a start: directories of the user's. None is created here."""

from pathlib import Path

from platformdirs import user_cache_path, user_state_path


def state_directory() -> Path:
    """The user's state directory of this program (`$XDG_STATE_HOME/chaos-stage` on Linux)."""
    return user_state_path("chaos-stage", appauthor=False)


def cache_directory() -> Path:
    """What may be thrown away at any time (`$XDG_CACHE_HOME/chaos-stage` on Linux)."""
    return user_cache_path("chaos-stage", appauthor=False)
