"""The README of the examples: its lines are those that work, and it names every show."""

import re
import shutil

import pytest

from tests.support.demo_command import run_demo
from tests.support.example_shows import EXAMPLES

TEXT = (EXAMPLES / "README.md").read_text()
SHOWS = sorted(path.stem for path in EXAMPLES.glob("*.md") if path.name != "README.md")


def test_it_names_every_show_and_no_other() -> None:
    assert sorted(set(re.findall(r"\[(\w+)\.md\]\(\1\.md\)", TEXT))) == SHOWS


@pytest.mark.parametrize("name", SHOWS)
def test_each_show_is_without_errors_and_warnings(name: str) -> None:
    checked = run_demo("check", f"examples/{name}.md", cwd=EXAMPLES.parent)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.startswith(f"examples/{name}.md: ok, ")


def test_its_lines_are_commands_of_the_program() -> None:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
    assert lines[:2] == ["demo check examples/shop.md", "demo serve examples/shop.md -x"]
    assert run_demo(*lines[0].split()[1:], cwd=EXAMPLES.parent).returncode == 0
    refused = run_demo(*lines[1].replace(" -x", "").split()[1:], cwd=EXAMPLES.parent)
    assert "add -x" in refused.stdout + refused.stderr, "and -x is needed"


def test_its_ports_are_those_that_it_says() -> None:
    for name in SHOWS:
        text = (EXAMPLES / f"{name}.md").read_text()
        ports = {int(port) for port in re.findall(r"(?<!> )(?<=[\s:\[\"])\d{5}(?=[\s,/\"\]}])", text)}
        assert all(18100 <= port <= 18999 or str(port) in TEXT for port in ports), (name, ports)


def test_what_the_shows_run_is_executable() -> None:
    for path in EXAMPLES.glob("*/*"):
        if path.is_file() and path.read_text().startswith("#!"):
            assert path.stat().st_mode & 0o111, path
    assert shutil.which("sh") is not None
