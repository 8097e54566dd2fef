"""The removal of a project: tried again when it soon fails, not when it hangs. Compose does as it is told."""

from pathlib import Path

import pytest

from demo.errors import SubjectError
from demo.subjects.cluster import compose_deployment
from demo.subjects.cluster.compose_deployment import ComposeDeployment, ComposeSpec, DeploymentOptions

pytestmark = pytest.mark.anyio

COMPOSE = """#!/bin/sh
case "$*" in *version*) echo 2.30; exit;; esac
echo "$*" >> {log}
{does}
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "log"


def asked(log: Path) -> list[str]:
    return [line.partition("compose.yaml ")[2] for line in log.read_text().splitlines()]


async def removed(log: Path, does: str) -> str:
    """What went wrong."""
    program = log.with_name("docker")
    program.write_text(COMPOSE.format(log=log, does=does))
    program.chmod(0o755)
    ground = ComposeDeployment(ComposeSpec("end-of-it", Path("compose.yaml"), (), {}), DeploymentOptions())
    ground._claim.is_ours_to_remove = True
    try:
        await ground.take_down()
    except SubjectError as error:
        return str(error)
    finally:
        await ground.close()
    return ""


DOWN = "down --volumes --timeout 2"


async def test_a_removal_that_fails_is_tried_once_more(log: Path) -> None:
    assert await removed(log, f"[ $(wc -l < {log}) = 2 ] || exit 1") == ""
    assert asked(log) == [DOWN, DOWN]


async def test_a_removal_that_hangs_is_not_tried_again(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose_deployment, "DOWN_SEC", 1.0)
    assert "1 s" in await removed(log, "exec sleep 60")
    assert asked(log) == [DOWN]
