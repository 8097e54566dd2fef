"""Where this program keeps what outlives a start: one directory of the user's."""

from pathlib import Path

from platformdirs import user_state_path


def state_directory() -> Path:
    """The user's state directory of this program (`$XDG_STATE_HOME/chaos-stage` on Linux). Not created here."""
    return user_state_path("chaos-stage", appauthor=False)
