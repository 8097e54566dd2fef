"""`demo check`, `demo schema` and `demo new`, as somebody types them."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from tests.cli.test_cli import run
from tests.showfile.checked_shows import FAULT, LOAD, PROBES, show_text


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "show.md"
    path.write_text(show_text(PROBES + FAULT + LOAD, "on_enter:\n  - run: [echo, hi]\n"))
    return path


def test_a_good_show_is_ok_and_says_what_it_would_do(good: Path) -> None:
    done = run("check", str(good))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{good}: ok, 1 chapter",
        "runs:",
        "  fault gone is undone by start db",
        "  echo hi",
        "can break:",
        "  fault gone: stop db",
        "sends:",
        "  load client: 20 requests a second to http://127.0.0.1:8080/",
        "asks, again and again:",
        "  probe api: http http://127.0.0.1:8080/",
        "  probe db: tcp 127.0.0.1:5432",
        f"present it with: demo serve {good} -x",
        "-x (--allow-run) lets it do all that; without it nothing of it is started",
    ]


def test_a_show_of_text_alone_needs_no_trust(tmp_path: Path) -> None:
    path = tmp_path / "my show.md"
    path.write_text("# Hello\n")
    assert run("check", str(path)).stdout.splitlines() == [
        f"{path}: ok, 1 chapter",
        f"present it with: demo serve '{path}'",
    ]


def test_errors_are_lines_for_editors_and_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text("---\nduration: 30\n---\n\n# One\n")
    done = run("check", str(path))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (f"{path}:2:11: duration: '30' has no unit: write 30ms, 30s or 30min\n{path}: 1 error\n")


def test_warnings_alone_are_ok(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text(show_text("duration: 1min\n", "budget: 2min\n"))
    done = run("check", str(path))
    assert done.returncode == 0
    assert done.stdout.startswith(f"{path}:2:11: warning: ")


def test_json_for_programs(good: Path) -> None:
    told = json.loads(run("check", "--json", str(good)).stdout)
    assert (told["ok"], told["problems"], told["needs_allow_run"]) == (True, [], True)
    assert {"kind": "breaks", "text": "fault gone: stop db", "needs_trust": True} in told["would"]
    good.write_text(show_text("them: dark\n"))
    done = run("check", "--json", str(good))
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["would"]) == (1, False, [])
    assert [(row["file"], row["line"], row["column"], row["severity"]) for row in told["problems"]] == [
        (str(good), 2, 1, "error")
    ]


def test_the_list_and_the_schema() -> None:
    done = run("check", "--list")
    assert done.returncode == 0
    assert "\n  wait_until  wait until a condition holds" in done.stdout
    done = run("schema")
    assert done.returncode == 0
    schema = json.loads(done.stdout)
    jsonschema_rs.meta.validate(schema)
    assert schema["properties"]["faults"]["description"].startswith("What can be broken")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["check"], "name the show file: demo check my-show.md"),
        (["check", "."], ". is a folder: name a show file, like my-show.md"),
        (
            ["check", "nothing/at-all.md"],
            "there is no file nothing/at-all.md; `demo new at-all` creates a starter file",
        ),
        (["check", "pyproject.toml"], "pyproject.toml is not a show file: the name of one ends with .md or .markdown"),
        (["new", "."], "'.' names no file: write demo new NAME, like demo new my-show"),
        (["new", "no/where"], "there is no folder no: make it first"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_code_2(args: list[str], says: str) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_bytes(b"\x89PNG\xff\xfe")
    done = run("check", str(path))
    assert done.returncode == 1
    assert done.stdout.startswith(f"{path}:1:")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_new_show_is_right_says_what_to_type_and_overwrites_nothing(tmp_path: Path) -> None:
    name = str(tmp_path / "black-friday")
    done = run("new", name)
    assert (done.returncode, done.stderr) == (0, "")
    path = Path(f"{name}.md")
    assert done.stdout.splitlines() == [
        f"written    {path}",
        f"check      demo check {path}",
        f"present    demo serve {path} -x",
    ]
    text = path.read_text()
    assert "title: Black friday\n" in text
    assert "@" not in text
    checked = run("check", str(path))
    assert (checked.returncode, checked.stdout.splitlines()[0]) == (0, f"{path}: ok, 4 chapters")
    path.write_text("mine")
    done = run("new", f"{name}.md")
    assert (done.returncode, path.read_text()) == (2, "mine")
    assert f"{path} exists already, and is left as it is" in done.stderr


def test_a_text_that_does_not_fit_the_stage_is_a_warning_at_its_chapter(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text(f"# One\n\nShort.\n\n---\n\n# Two\n\n{'A few words. ' * 300}\n")
    done = run("check", str(path))
    assert done.returncode == 0
    first, second, *_ = done.stdout.splitlines()
    assert first.startswith(f"{path}:7:1: warning: chapter 2, Two: its text does not fit the stage at 1280×720: ")
    assert "lines too long; leave out about" in first
    assert second == f"{path}: ok, 2 chapters"
    assert [problem["line"] for problem in json.loads(run("check", str(path), "--json").stdout)["problems"]] == [7]
