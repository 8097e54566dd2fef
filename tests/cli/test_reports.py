"""`demo report` as a command: where it writes, what it never overwrites, and what it says when it cannot."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.demo_command import run_demo
from tests.support.recorded_shows import recorded, show, story


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return recorded(tmp_path / "talk.journal", story(), show())


def report(*args: object, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return run_demo("report", *map(str, args), cwd=cwd, env=dict(os.environ) | env)


def test_it_writes_a_page_named_after_the_show_and_overwrites_none(talk: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    done = report(talk, cwd=work)
    assert (done.returncode, done.stdout, done.stderr) == (0, "written    talk-report.html\n", "")
    page = work / "talk-report.html"
    assert '<h1 dir="auto">Who counts?</h1>' in page.read_text()
    page.write_text("mine")
    again = report(talk, cwd=work)
    assert (again.returncode, page.read_text()) == (2, "mine")
    assert again.stderr == (
        "demo: there is a file talk-report.html already: name another one with -o, or give --force\n"
    )
    assert report(talk, "--force", cwd=work).returncode == 0
    assert page.read_text().startswith("<!doctype html>")
    assert report(talk, talk, cwd=work).stdout == "written    talk-and-talk-report.html\n"


def test_a_show_is_found_by_its_name_in_the_list(tmp_path: Path) -> None:
    shelf = tmp_path / "chaos-stage" / "shows"
    shelf.mkdir(parents=True)
    recorded(shelf / "lamp-20261130-100000.journal", story(), show())
    done = report("lamp-20261130-100000", "--json", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path))
    assert json.loads(done.stdout)["journal"] == "lamp-20261130-100000"
    missing = report("lamp", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path))
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == f"demo: there is no show 'lamp' in {shelf}: `demo shows` lists them\n"


def test_json_and_markdown_are_printed_unless_a_file_is_named(talk: Path, tmp_path: Path) -> None:
    assert json.loads(report(talk, "--json", cwd=tmp_path).stdout)["title"] == "Who counts?"
    assert report(talk, "--markdown", cwd=tmp_path).stdout.startswith("# Who counts?\n")
    assert report(talk, "-o", "-", cwd=tmp_path).stdout.startswith("<!doctype html>")
    named = report(talk, "--markdown", "-o", "my report.md", cwd=tmp_path)
    assert named.stdout == "written    'my report.md'\n"
    assert (tmp_path / "my report.md").read_text().startswith("# Who counts?\n")
    both = report(talk, "--json", "--markdown", cwd=tmp_path)
    assert (both.returncode, both.stdout) == (2, "")


def test_who_presented_is_in_every_form_if_it_is_said(talk: Path) -> None:
    for form in ((), ("--markdown",), ("--json",)):
        printed = run_demo("report", str(talk), *form, "-o", "-", "--by", " Ada <Lovelace> ").stdout
        name = {(): "Ada &lt;Lovelace&gt;", ("--markdown",): r"Presented by: Ada \<Lovelace\>"}.get(
            form, '"Ada <Lovelace>"'
        )
        assert name in printed, form
        assert "Presented by" not in run_demo("report", str(talk), *form, "-o", "-").stdout
    two = run_demo("report", str(talk), str(talk), "-o", "-", "--by", "Ada").stdout
    assert "Presented by" in two


def test_what_cannot_be_read_or_written_is_said_in_one_sentence(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Breathe.")
    for args in (
        (tmp_path / "notes.txt",),
        (talk, tmp_path / "notes.txt"),
        (talk, "-o", tmp_path / "no" / "where.html"),
    ):
        done = report(*args, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("demo: ")
        assert done.stderr.count("\n") == 1
