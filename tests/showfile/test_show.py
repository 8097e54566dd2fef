"""A show that was read and checked: titles, ids, hidden chapters, its identity, and all problems at once."""

from pathlib import Path

import pytest

from demo.showfile.problems import ShowFileError
from demo.showfile.show import load_show, open_show, slug
from demo.showfile.source import parse_source
from tests.showfile.checked_shows import CHAPTER, load, show_text

THREE = (
    "# Welcome\n\nText.\n\n---\n\n```yaml\nid: second\ntitle: The second\n```\n\n# Else\n\n---\n\n# Welcome\n\nText.\n"
)


def test_titles_and_ids_are_those_written_or_made_of_the_heading() -> None:
    show, problems = load(THREE)
    assert show is not None, problems
    assert [(chapter.title, chapter.id) for chapter in show.chapters] == [
        ("Welcome", "welcome"),
        ("The second", "second"),
        ("Welcome", "welcome-2"),
    ]
    assert show.title == "Welcome"


def test_hidden_chapters_are_left_out_and_not_all_may_be() -> None:
    show, _ = load(THREE.replace("id: second\n", "hide: true\n"))
    assert show is not None
    assert [chapter.id for chapter in show.chapters] == ["welcome", "welcome-2"]
    show, problems = load(show_text(settings="hide: true\n"))
    assert show is None
    assert [problem.message for problem in problems] == [
        "every chapter is hidden: a show needs at least one without hide: true"
    ]


@pytest.mark.parametrize(
    ("file", "front", "name"),
    [
        ("talks/outage.md", "title: Tuesday\n", "outage-tuesday"),
        ("elsewhere/outage.md", "title: Tuesday\n", "outage-tuesday"),
        ("outage.md", "title: Outage\n", "outage"),
        ("outage.md", "id: My Show!\n", "my-show"),
        ("outage.md", "", "outage-one"),
        ("ünï.md", "title: ---\n", "ünï"),
    ],
)
def test_a_show_is_known_by_its_id_else_by_file_name_and_title(file: str, front: str, name: str) -> None:
    show, problems = load_show(*parse_source(show_text(front), file, None))
    assert show is not None, problems
    assert show.name == name


def test_a_long_name_is_cut_and_stays_its_own() -> None:
    one, other = slug("x" * 99 + "1", ""), slug("x" * 99 + "2", "")
    assert one != other
    assert len(one) <= 60


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    front = "duration: 30\nprobes:\n  api: {http: 'http://h/', intervall: 5s}\n  db: {tcp: nowhere}\n"
    show, problems = load(show_text(front, "on_enter:\n  - fault: gone\n  - wait: 5\nexpect: api is up\n"))
    assert show is None
    assert [(problem.position.line, problem.position.column) for problem in problems] == [
        (2, 11),
        (4, 28),
        (5, 13),
        (10, 12),
        (11, 11),
        (12, 1),
    ]


def test_a_part_that_cannot_be_read_does_not_make_names_unknown() -> None:
    """The probes are there, but not readable: whoever names one is not told that it does not exist."""
    front = "probes:\n  api: {http: [}\n"
    _, problems = load(show_text(front, "hypothesis: h\nexpect: api is up\n"))
    assert all("there is no" not in problem.message for problem in problems)
    assert problems


def test_a_file_is_opened_or_refused_with_all_its_errors(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text(show_text("title: Good\nduration: 30min\n"))
    assert open_show(path).settings.duration == 1800
    path.write_text(show_text("duration: 30\nthem: dark\n"))
    with pytest.raises(ShowFileError) as caught:
        open_show(path)
    assert str(caught.value).count("\n") == 1
    assert f"{path}:2:11: " in str(caught.value)
    assert f'{path}:3:1: there is no key "them": did you mean theme?' in str(caught.value)


def test_a_warning_alone_keeps_nobody_from_presenting() -> None:
    show, problems = load(show_text("duration: 1min\n", "budget: 2min\n"))
    assert show is not None
    assert [problem.severity for problem in problems] == ["warning"]
    assert "add up to 2m, more than the talk's duration" in problems[0].message


def test_text_alone_is_a_show() -> None:
    show, problems = load(CHAPTER)
    assert (show is not None, problems) == (True, [])
