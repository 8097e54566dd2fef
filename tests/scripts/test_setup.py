"""`scripts/setup` in a small project of its own: it mends what an interruption left, and says what it does."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.scripts.test_docs import ROOT

PROJECT = """
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"
[project]
name = "small"
version = "1"
requires-python = ">=3.11"
scripts = { demo = "demo:main" }
[tool.hatch.build.targets.wheel]
packages = ["demo"]
"""
TIMEOUT_SEC = 120.0


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the real script, and a package that needs nothing."""
    root = tmp_path / "checkout"
    (root / "scripts").mkdir(parents=True)
    (root / "demo").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", root / "scripts" / "setup")
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "demo" / "__init__.py").write_text("def main() -> None:\n    print('it runs')\n")
    return root


def _without_uv() -> dict[str, str]:
    """This environment with a PATH that has no uv: most people have none."""
    found = [place for place in os.environ["PATH"].split(":") if not (Path(place) / "uv").exists()]
    return {**os.environ, "PATH": ":".join(found)}


def _begin(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [root / "scripts" / "setup"], env=_without_uv(), start_new_session=True, stderr=subprocess.PIPE, text=True
    )


def _set_up(root: Path) -> str:
    process = _begin(root)
    _, said = process.communicate(timeout=TIMEOUT_SEC)
    assert process.returncode == 0, said
    return said


def _runs(root: Path) -> str:
    return subprocess.run([root / ".venv" / "bin" / "demo"], capture_output=True, text=True, check=True).stdout


def _kill_once(root: Path, reached: Path) -> None:
    """Begin, and end it with SIGKILL as soon as `reached` is there."""
    process = _begin(root)
    until = time.monotonic() + TIMEOUT_SEC
    while not reached.exists():
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_setup_that_was_killed_in_the_middle_is_mended_by_the_next(checkout: Path) -> None:
    _kill_once(checkout, checkout / ".venv" / "bin" / "python")  # its pip is not there yet
    _kill_once(checkout, checkout / ".venv" / "setup.log")  # while packages are installed

    said = _set_up(checkout)

    assert "unfinished" in said
    assert _runs(checkout) == "it runs\n"
    assert _set_up(checkout) == "", "a second call has nothing to do"


def test_a_checkout_that_was_moved_gets_an_environment_that_runs_there(checkout: Path, tmp_path: Path) -> None:
    assert "making an environment" in _set_up(checkout)
    moved = checkout.rename(tmp_path / "moved")

    assert "making it anew" in _set_up(moved)
    assert _runs(moved) == "it runs\n"


def test_a_setup_that_fails_shows_the_end_of_its_log_and_what_to_do(checkout: Path) -> None:
    (checkout / "pyproject.toml").write_text(PROJECT.replace('version = "1"', 'version = "not a version"'))

    process = _begin(checkout)
    _, said = process.communicate(timeout=TIMEOUT_SEC)

    assert process.returncode == 1
    assert "pip could not install" in said
    assert "call it again" in said
