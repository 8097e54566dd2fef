"""The docker client's settings for compose: without proxies, which compose would write into every container."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "config.json"
PROXIES, LOGINS = "proxies", "auths"
"""The passwords for registries are not copied where all images are pulled before compose is called."""


@contextmanager
def without_proxies(*, keeps_logins: bool = False) -> Iterator[dict[str, str]]:
    """Provide a temporary copy of the settings without proxies; yield the environment variables that select it.

    Yields none where no proxies are set.
    """
    try:
        home = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        settings = json.loads((home / FILE).read_text(encoding="utf-8"))
        others = [entry for entry in home.iterdir() if entry.name != FILE]
    except (OSError, ValueError, RuntimeError):
        settings, others = {}, []
    if not isinstance(settings, dict) or not settings.get(PROXIES):
        yield {}
        return
    left_out = (PROXIES,) if keeps_logins else (PROXIES, LOGINS)
    remaining_settings = {name: value for name, value in settings.items() if name not in left_out}
    with tempfile.TemporaryDirectory(prefix="chaos-stage-docker-") as folder:
        for entry in others:  # contexts, plugins
            (Path(folder) / entry.name).symlink_to(entry.absolute())
        (Path(folder) / FILE).touch(0o600)
        (Path(folder) / FILE).write_text(json.dumps(remaining_settings), encoding="utf-8")
        yield {"DOCKER_CONFIG": folder}
