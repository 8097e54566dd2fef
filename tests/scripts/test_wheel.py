"""The built wheel, installed outside the repository, holds all that a show needs."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.servers import serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    found = list(place.glob("*.whl"))
    assert len(found) == 1
    return found[0]


def test_the_wheel_holds_templates_static_files_and_licences_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "demo/templates/stage.html",
        "demo/static/base.css",
        "demo/texts/de.toml",
        "demo/texts/es.toml",
        "demo/static/vendor/htmx-4.0.1.min.js",
        "demo/static/vendor/LICENSE.htmx.txt",
        "demo/py.typed",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests/", "bench/", "scripts/"))]
    assert wheel.name.startswith("chaos_stage-")


def test_the_installed_wheel_serves_the_pages(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    env = dict(os.environ) | {"PYTHONPATH": str(site)}
    where = [sys.executable, "-c", "import demo; print(demo.__file__)"]
    shown = subprocess.run(where, env=env, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert shown.stdout.startswith(str(site)), "not the checkout"
    with serving("none", env={"PYTHONPATH": str(site)}, cwd=tmp_path) as server:
        page = server.client.get("/").text
        links = re.findall(r'(?:src|href)="(static/[^"]+)"', page)
        assert len(links) > 4
        assert all(server.client.get(link).status_code == 200 for link in links)
