"""The docker client's settings as compose is to have them: without proxies, which it would put into every container."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "config.json"
LEFT_OUT = ("proxies", "auths")
"""Nor are passwords written down: what has to be loaded is here before compose is called."""


@contextmanager
def without_proxies() -> Iterator[dict[str, str]]:
    """What to add to its environment, while this lasts; nothing where no proxies are set."""
    try:
        home = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        settings = json.loads((home / FILE).read_text(encoding="utf-8"))
        others = [entry for entry in home.iterdir() if entry.name != FILE]
    except (OSError, ValueError, RuntimeError):
        settings, others = {}, []
    if not isinstance(settings, dict) or not settings.get("proxies"):
        yield {}
        return
    kept = {name: value for name, value in settings.items() if name not in LEFT_OUT}
    with tempfile.TemporaryDirectory(prefix="chaos-stage-docker-") as folder:
        for entry in others:  # contexts, plugins
            (Path(folder) / entry.name).symlink_to(entry.absolute())
        (Path(folder) / FILE).write_text(json.dumps(kept), encoding="utf-8")
        yield {"DOCKER_CONFIG": folder}
