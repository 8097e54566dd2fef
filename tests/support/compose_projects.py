"""Compose projects of tests: a file with services of busybox, and what the engine says of them past any server."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import SERVES, docker, image, missing


class ComposeFile:
    """A compose file in `folder`, and a project's name that nobody else uses."""

    def __init__(self, folder: Path) -> None:
        self.project = f"chaos-stage-test-{uuid.uuid4().hex[:8]}"
        self.path = folder / "compose.yaml"
        self.mine = ("--filter", f"label=com.docker.compose.project={self.project}")

    def write(self, services: dict[str, dict[str, Any]], **more: Any) -> None:
        """Write the file. A service without `command` serves until it is told to end. JSON is YAML, too."""
        whole = {name: {"image": image(), "command": ["sh", "-c", SERVES]} | data for name, data in services.items()}
        # A dollar that compose shall leave alone is written twice.
        text = json.dumps({"services": whole} | more).replace("$NAME", "$$NAME")
        self.path.write_text(text)

    def compose(self, *words: str, check: bool = True) -> None:
        """Call compose as a user would by hand."""
        done = subprocess.run(
            ["docker-compose", "-p", self.project, "-f", str(self.path), *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr

    def states(self) -> dict[str, str]:
        """Return service → state."""
        asked = '{{.Label "com.docker.compose.service"}} {{.State}}'
        return dict(line.split() for line in docker("ps", "--all", *self.mine, "--format", asked).splitlines())

    def container(self, service: str) -> str:
        """Return the id of its container."""
        of = ("--filter", f"label=com.docker.compose.service={service}")
        return docker("ps", "--all", "--no-trunc", "--quiet", *self.mine, *of)

    def inspect(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(docker("inspect", "--type", "container", self.container(service)))[0]
        return found

    def networks(self) -> list[str]:
        return docker("network", "ls", *self.mine, "--format", "{{.Name}}").split()

    def volumes(self) -> list[str]:
        return docker("volume", "ls", *self.mine, "--format", "{{.Name}}").split()

    def remove(self) -> None:
        """Remove all of the project, whoever made it."""
        if left := docker("ps", "--all", "--quiet", *self.mine).split():
            docker("rm", "--force", "--volumes", *left)
        for network in self.networks():
            docker("network", "rm", network)
        for volume in self.volumes():
            docker("volume", "rm", volume)


@contextmanager
def compose_file(folder: Path) -> Iterator[ComposeFile]:
    """Skips where no engine answers, and fails there in CI: what was not tried must not look tried."""
    if why := missing():
        assert not os.environ.get("CI"), why
        pytest.skip(f"NOT TRIED on real containers: {why}")
    made = ComposeFile(folder)
    try:
        yield made
    finally:
        made.remove()
