"""Subjects that other distributions bring: presented by name, listed, and told from what is broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.errors import UsageError
from demo.subjects.registry import load
from tests.support.servers import serving

SUBJECT = """
from demo.subjects.none import NoSystem
from demo.types import Chapter

class Lamp(NoSystem):
    name = "lamp"
    title = "Lights out"

    def __init__(self, color: str = "white") -> None:
        self.description = f"a {color} lamp"

    def chapters(self, stage):
        return [Chapter("A lamp", "It shines.")]
"""

ENTRY_POINTS = """\
[demo.subjects]
lamp = lamp_show:Lamp
etcd = lamp_show:Lamp
dark = lamp_show:Dark
gone = no_such_module:Lamp
number = lamp_show:__name__
"""

PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "lamp-show"
version = "1.2"

[project.entry-points."demo.subjects"]
lamp = "lamp_show:Lamp"

[tool.hatch.build.targets.wheel]
only-include = ["lamp_show.py"]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a distribution as pip leaves it."""
    (tmp_path / "lamp_show.py").write_text(SUBJECT)
    info = tmp_path / "lamp_show-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lamp-show\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(site))
    return site


def run(site: Path, *args: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-m", "demo", *args], env=environ, capture_output=True, text=True, check=False
    )


def test_an_installed_subject_is_presented_by_its_name_with_its_options(site: Path) -> None:
    with serving("lamp", "-o", "color=red", env={"PYTHONPATH": str(site)}) as server:
        state = server.state()
        assert (state["title"], state["chapter"]["title"]) == ("Lights out", "A lamp")


def test_a_built_in_name_stays_the_built_in_subject(installed: Path) -> None:
    assert load("etcd").title == "The leader is dead"
    assert load("lamp", color="red").description == "a red lamp"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone", "the subject 'gone' of lamp-show 1.2 cannot be loaded: ModuleNotFoundError"),
        ("dark", "the subject 'dark' of lamp-show 1.2 cannot be loaded: AttributeError"),
        ("number", "the subject 'number' of lamp-show 1.2 is not a subject"),
        ("lamb", "did you mean 'lamp'?"),
    ],
)
def test_a_broken_one_is_told_with_its_distribution(installed: Path, name: str, sentence: str) -> None:
    with pytest.raises(UsageError) as raised:
        load(name)
    assert sentence in str(raised.value)


def test_all_are_listed_the_broken_ones_with_their_reason(site: Path) -> None:
    listed = run(site, "subjects")
    assert listed.returncode == 0, listed.stderr
    lines = dict(line.split(maxsplit=1) for line in listed.stdout.splitlines() if not line.startswith("etcd "))
    assert lines["ratelimiter"] == "built-in"
    assert lines["lamp"] == "lamp-show 1.2"
    assert "cannot be loaded" in lines["gone"]
    assert "etcd         lamp-show 1.2: not used, because the built-in subject has the same name" in listed.stdout


def test_a_show_file_may_add_to_an_installed_subject(site: Path, tmp_path: Path) -> None:
    deck = tmp_path / "mine.md"
    deck.write_text("---\nsubject: lamp\noptions: {color: blue}\n---\n\n# Mine\n")
    checked = run(site, "check", str(deck))
    assert "the installed system lamp" in checked.stdout
    assert "demo serve" in checked.stdout
    deck.write_text("---\nsubject: gone\n---\n\n# Mine\n")
    checked = run(site, "check", str(deck))
    assert f"{deck}:2:10: the subject 'gone' of lamp-show 1.2 cannot be loaded" in checked.stdout


def test_a_package_that_pip_has_installed_is_found(tmp_path: Path) -> None:
    """For real: built and installed without a network."""
    (tmp_path / "lamp_show.py").write_text(SUBJECT)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    build = "import hatchling.build, os, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
    wheels.mkdir()
    subprocess.run(
        [sys.executable, "-c", build, str(wheels)], cwd=tmp_path, check=True, capture_output=True, timeout=120
    )
    (wheel,) = wheels.iterdir()
    _install(wheel, site)
    assert run(site, "subjects").stdout.splitlines()[-1].split(maxsplit=1) == ["lamp", "lamp-show 1.2"]


def _install(wheel: Path, site: Path) -> None:
    """Install with whichever installer this environment was made with."""
    target = ["--no-index", "--no-deps", "--target", str(site), str(wheel)]
    pip = subprocess.run([sys.executable, "-m", "pip", "install", *target], capture_output=True, text=True, check=False)
    if pip.returncode:
        subprocess.run(
            ["uv", "pip", "install", "--python", sys.executable, *target], check=True, capture_output=True, timeout=120
        )
