"""The fork that tests start `demo` by: when it may stand for an `exec`, and that it says and ends as one."""

import os
from pathlib import Path

import pytest

from tests.support.demo_command import run_demo
from tests.support.forked_servers import ROOT, can_fork


def environ(place: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{place}:{ROOT}"}


def test_a_folder_of_new_modules_is_followed(tmp_path: Path) -> None:
    (tmp_path / "module_of_this_test.py").touch()
    assert can_fork(environ(tmp_path))


@pytest.mark.parametrize("name", ["redis", "demo", "json.py", "sitecustomize.py", "usercustomize.py"])
def test_a_folder_that_hides_a_module_or_acts_at_the_start_needs_a_process_of_its_own(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).touch()
    assert not can_fork(environ(tmp_path))


@pytest.mark.parametrize("name", ["PYTHONIOENCODING", "LD_PRELOAD", "LC_ALL", "TZ"])
def test_what_is_read_before_our_first_line_needs_a_process_of_its_own(name: str) -> None:
    assert not can_fork({**os.environ, name: "another"})


def test_a_forked_command_imports_from_its_path_and_its_errors_and_exit_code_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "module_of_this_test.py").write_text("raise RuntimeError('imported from here')")
    done = run_demo("doctor", "module_of_this_test:Any", "--port", "0", env=environ(tmp_path))
    assert done.returncode == 2
    assert "imported from here" in done.stderr
    assert done.stdout == ""
    assert run_demo("--version").stdout.startswith("chaos-stage ")
