"""What an edited file means: what changes at once, what at the next start, and what is refused."""

from pathlib import Path

import pytest

from demo.showfile.editing.edit import MAX_MESSAGE, as_it_runs, changed_faults, describe_edit, read_edited
from demo.showfile.show import Show, open_show, store_for_healer, stored_show
from demo.showfile.subject import ShowFile

FRONT = """\
probes:
  api: {http: 'http://127.0.0.1:8080/'}
load:
  client: {http: 'http://127.0.0.1:8080/', rate: 20/s}
processes:
  web: {run: [sleep, '60']}
faults:
  gone: {run: [stop, db], undo: [start, db], healed: api is up}
  burst: {traffic: {load: client, times: 3}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "show.md"
    write(file, FRONT)
    return file


def write(path: Path, front: str = "", chapters: str = "# One\n\nText.\n") -> Show | None:
    path.write_text(f"---\n{front}---\n\n{chapters}")
    return None


def edited(path: Path, front: str) -> Show:
    path.write_text(f"---\n{front}---\n\n# One\n\nText.\n")
    return open_show(path)


def test_what_cannot_change_while_the_show_runs_stays_and_is_named(path: Path) -> None:
    running = open_show(path)
    now = edited(path, FRONT.replace("'60'", "'61'").replace("8080/'}", "8081/'}") + "description: Another\n")
    show, later = as_it_runs(now, running)
    assert later == ("processes",)
    assert show.settings.processes == running.settings.processes
    assert show.settings.probes == now.settings.probes
    assert show.settings.description == "Another"
    assert describe_edit(path, now, running, later, ["gone"]) == (
        "show.md was edited; at the next start: processes; once healed: gone"
    )


def test_an_edit_that_makes_another_show_of_it_says_how_to_continue_this_one(path: Path) -> None:
    running = open_show(path)
    now = edited(path, f"title: A new title\n{FRONT}")
    show, later = as_it_runs(now, running)
    assert (show.title, show.name, later) == ("A new title", running.name, ())
    assert f"write id: {running.name}" in describe_edit(path, now, running, later, [])
    again, _ = as_it_runs(now, show)
    assert again.name == running.name
    assert stored_show(store_for_healer(show)).name == running.name


def test_a_fault_is_changed_when_its_load_is(path: Path) -> None:
    running = open_show(path)
    assert changed_faults(edited(path, FRONT.replace("20/s", "30/s")), running) == {"burst"}
    assert changed_faults(edited(path, FRONT.replace("[start, db]", "[begin, db]")), running) == {"gone"}
    assert changed_faults(edited(path, FRONT.partition("faults")[0]), running) == {"gone", "burst"}


def test_a_broken_edit_is_told_with_its_place_and_how_many_more_there_are(path: Path) -> None:
    running = open_show(path)
    write(path, "titel: x\nprobes:\n  a: {htp: x}\n  b: {tcp: 3}\n")
    found = read_edited(path, running, may_run=True)
    assert found.show is None
    assert found.error.startswith("show.md:2:1: there is no key")
    assert "more: demo check lists all" in found.error
    assert len(found.error) < MAX_MESSAGE + 120


def test_a_file_that_cannot_be_read_is_a_broken_edit(path: Path) -> None:
    running = open_show(path)
    path.write_bytes(b"# One\n\xff\n")
    assert "this is not UTF-8" in read_edited(path, running, may_run=True).error
    path.unlink()
    assert "there is no such file" in read_edited(path, running, may_run=True).error


def test_a_new_need_of_permission_is_a_broken_edit_and_no_need_is_none(path: Path) -> None:
    write(path, "probes:\n  api: {http: 'http://127.0.0.1:8080/'}\n")
    running = open_show(path)
    write(path, "probes:\n  api: {run: [touch, owned]}\n")
    refused = read_edited(path, running, may_run=False)
    assert refused.show is None
    assert "needs -x (--allow-run) now" in refused.error
    assert "touch owned" in refused.error
    assert read_edited(path, running, may_run=True).show is not None


def test_an_unchanged_file_is_the_running_show_and_what_it_names_is_watched(path: Path) -> None:
    chapters = "```yaml\nsrc: ./more.md\n```\n\n---\n\n# Code\n\n<<< ./query.sql\n"
    path.with_name("more.md").write_text("# More\n")
    path.with_name("query.sql").write_text("SELECT 1\n")
    write(path, "", chapters)
    running = open_show(path)
    found = read_edited(path, running, may_run=False)
    assert found.show is running
    assert [one.name for one in found.others] == ["more.md", "query.sql"]
    path.with_name("query.sql").write_text("SELECT 2\n")
    assert read_edited(path, running, may_run=False).show is not running
    path.with_name("more.md").unlink()
    missing = read_edited(path, running, may_run=False)
    assert "more.md: there is no such file" in missing.error
    assert [one.name for one in missing.others] == ["more.md", "query.sql"]


def test_a_healer_gets_the_settings_and_no_chapters(path: Path) -> None:
    subject = ShowFile(str(path), allow_run=True)
    options = subject.options_to_make_it_again()
    assert "Text." not in options["source"]["text"]
    healer = ShowFile(str(path.with_name("gone.md")), **options)
    assert [driver.config.name for driver in healer.faults] == ["gone", "burst"]
    assert healer.name == subject.name
