"""Where chapters, code and comments end; what a comment, a code block and a heading say."""

import pytest

from demo.errors import InvalidValue
from demo.narration import CodeInfo, parse_code_info
from demo.showfile.markdown.directives import Directive, parse_comment
from demo.showfile.markdown.headings import find_heading
from tests.showfile.decks import errors, read


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("# A\n\n---\n\n# B\n", ["A", "B"]),
        ("# A\n\n-----\n\n# B\n", ["A", "B"]),
        ("# A\r\n\r\n---\r\n\r\n# B\r\n", ["A", "B"]),
        ("\ufeff---\ntitle: x\n---\n# A\n", ["A"]),
        ("# A\n\n---   \n\n# B\n\n---", ["A", "B"]),
        ("# A\n\n```\n\n---\n\n# B\n```\n", ["A"]),
        ("# A\n\n~~~\n\n---\n\n# B\n```\n~~~\n", ["A"]),
        ("# A\n\n````md\n```\n\n---\n\n```\n````\n", ["A"]),
        ("# A\n\n<!--\n\n---\n\n# B -->\n", ["A"]),
        ("# A\n\n- ```\n  x\n\n---\n\n# B\n", ["A", "B"]),
        ("# A\n\n> ```\n> x\n\n---\n\n# B\n", ["A", "B"]),
        ("# A\n\n----\ntext\n", ["A"]),
        ("# A\n\n * * *\n\n___\n", ["A"]),
        ("# A\n\n---\nid: b\n---\n# B\n", ["A", "B"]),
        ("---\ntitle: x\n---\n---\nid: b\n---\n# B\n", ["B"]),
        ("# A\n\n---\n---\n# B\n", ["A", "B"]),
    ],
)
def test_chapters_end_at_dashes_that_are_no_code_and_no_comment(text: str, titles: list[str]) -> None:
    source, problems = read(text)
    assert [chapter.title for chapter in source.chapters] == titles
    assert not errors(problems)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("# A\n\n```sql\nx\n\n---\n\n# B\n", "3:1", "the code block that begins here has no end"),
        ("# A\n\n<!-- x\n\n---\n\n# B\n", "3:1", "the comment that begins here has no end"),
        ("# A\n\n---\n# B\n\ntext\n\n---\n\n# C", "3:1", "leave a blank line after this ---"),
        ("# A\n\n---\nSome prose here.\n", "3:1", "leave a blank line after this ---"),
        ("# A\n\n---\nid: x\n\ntext", "3:1", "the settings that begin here have no end"),
        ("# A\n\n---\nNote: this\nis prose.\n\n---\n\n# B", "4:1", "leave a blank line after the first ---"),
        ("---\n\n# A\n\n---\n\n# B\n", "2:1", "delete that line if the file begins with a chapter"),
        ("---\nJust text\n---\n\n# B\n", "2:1", "delete that line if the file begins with a chapter"),
        ("---\ntitle: x\n\n# A\n", "1:1", "the front matter that begins here has no end"),
        ("```yaml\n- a\n- b\n```\n\n# A\n", "2:1", "put a heading or a sentence before it"),
        (
            "# A\n\n```sql\nx\n\n---\n\n```yaml\nid: x\n```\n\n# B\n",
            "3:1",
            "no end before the next one begins in line 8",
        ),
        ("# A\n\n---\nid: x\n---\n\n```yaml\nid: y\n```\n", "7:1", "settings twice"),
        ("", "1:1", "there is no chapter"),
        ("---\ntitle: x\n---\n", "1:1", "there is no chapter"),
        ("# A\n\na\x1b[31m\n", "3:2", "U+001B"),
        ("# A\n\n" + "x" * 20_001, "3:20001", "20,000 are allowed"),
    ],
)
def test_what_is_not_ended_or_can_be_read_in_two_ways_is_an_error(text: str, place: str, said: str) -> None:
    found = errors(read(text)[1])
    assert any(line.startswith(f"show.md:{place}:") and said in line for line in found), found


def test_a_code_block_without_an_end_does_not_hide_what_is_wrong_in_later_chapters() -> None:
    text = "# A\n\n```\nx\n\n---\n\n```yaml\nup: [a] == 1\n```\n\n# B\n\n---\nid: [\n---\n"
    found = errors(read(text.replace("```yaml", "~~~yaml").replace("```\n\n# B", "~~~\n\n# B"))[1])
    assert [line.split(": ")[0] for line in found] == ["show.md:3:1", "show.md:9:5", "show.md:15:5"]


@pytest.mark.parametrize(
    ("text", "settings", "line"),
    [
        ("```yaml\nid: x\n```\n# A\n", {"id": "x"}, 1),
        ("\n<!-- a remark -->\n\n```YAML\nid: x\n```\n# A\n", {"id": "x"}, 4),
        ("```yml\nid: x\n```", {"id": "x"}, 1),
        ("~~~yaml\nid: x\n~~~", {"id": "x"}, 1),
        ("# A\n\n```yaml\nid: x\n```", {}, 1),
        ("```json\n{}\n```", {}, 1),
        ("# A\n\n---\nid: x\n---\n\nB", {"id": "x"}, 3),
    ],
)
def test_settings_are_a_yaml_block_before_anything_else(text: str, settings: dict[str, str], line: int) -> None:
    source, problems = read(text)
    assert not errors(problems)
    assert source.chapters[-1].settings.data == settings
    assert source.chapters[-1].line == line
    assert "id: x" not in "".join(source.chapters[-1].pages) or not settings


@pytest.mark.parametrize("between", ["", "Some text.\n\n"])
def test_settings_behind_the_heading_are_code_and_that_is_said(between: str) -> None:
    _, (problem,) = read(f"# A\n\n{between}```yaml\non_enter: [heal]\n```\n")
    assert problem.severity == "warning"
    assert "settings of a chapter come before its heading" in problem.message
    assert not read(f"```yaml\nid: x\n```\n# A\n\n{between}```yaml\non_enter: [heal]\n```\n")[1]


def test_a_second_heading_of_the_first_level_is_told_to_begin_no_chapter() -> None:
    _, (problem,) = read("# A\n\nText\n\n# B\n\n## C\n")
    assert (problem.severity, problem.position.line) == ("warning", 5)
    assert "chapters are separated by a line of --- and a blank line" in problem.message
    assert not read("# A\n\n```sh\n# a remark\n```\n\n## B\n\n<!--\n# notes\n-->\n")[1]
    assert not read("## A\n\n# B\n")[1], "somebody counts levels otherwise"


def test_dashes_under_a_line_of_text_are_told_to_be_a_heading_elsewhere() -> None:
    source, (problem,) = read("A line\n---\n\n# B\n")
    assert len(source.chapters) == 2
    assert str(problem).startswith("show.md:2:1: warning: this --- separates two chapters")


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        ("# A *b* `c` [d](http://x)", "A b c d"),
        ("text\n\n## B ##", "B"),
        ("Title\nover two\n===", "Title over two"),
        ("- item\n===", None),
        ("#hash", None),
        ("    # code", None),
        ("# C#", "C#"),
        ("#", ""),
        ("# acks[i] <b>", "acks[i] <b>"),
    ],
)
def test_the_title_is_the_first_heading_in_words(lines: str, title: str | None) -> None:
    heading = find_heading(lines.split("\n"))
    assert (heading and heading.text) == title


@pytest.mark.parametrize(
    ("text", "directive"),
    [
        (" pause ", Directive("pause")),
        ("pause", Directive("pause")),
        ("speaker_note: slowly", Directive("speaker_note", "slowly")),
        (" speaker_notes: slowly", Directive("speaker_note", "slowly")),
        ("\nspeaker_note: |\n  one\n    two\n", Directive("speaker_note", "one\n  two")),
        ("column_layout: [2, 1]", Directive("column_layout", "", (2, 1))),
        ("column: 1", Directive("column", "", (1,))),
        ("reset_layout", Directive("reset_layout")),
        ("// not for you", Directive("tool")),
        (" prettier-ignore ", Directive("tool")),
        ("Say: hello", Directive("remark", "Say: hello")),
        ("TODO: ask", Directive("remark", "TODO: ask")),
        ("http://x", Directive("remark", "http://x")),
        ("\n  - one\n  - two\n", Directive("remark", "- one\n- two")),
    ],
)
def test_a_comment_is_a_pause_a_note_columns_or_a_remark(text: str, directive: Directive) -> None:
    assert parse_comment(text) == directive


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pausee", "is <!-- pause --> meant?"),
        ("Pause", "is <!-- pause --> meant?"),
        ("speaker-note: x", "is <!-- speaker_note: text --> meant?"),
        ("speeker_notes: x", "is <!-- speaker_note: text --> meant?"),
        ("columns: 1", "is <!-- column: 0 --> meant?"),
        ("column_layot: [1]", "is <!-- column_layout: [2, 1] --> meant?"),
        ("resetlayout", "is <!-- reset_layout --> meant?"),
        ("end_slide", "a line --- with a blank line after it"),
        ("pause: 3", "takes nothing"),
        ("column: x", "from 0"),
        ("column_layout: 2, 1", "[2, 1]"),
        ("column_layout: [0]", "[2, 1]"),
        ("column_layout: [1,1,1,1,1,1,1]", "at most 6"),
    ],
)
def test_a_misspelt_comment_is_an_error_with_what_is_meant(text: str, said: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_comment(text)
    assert said in str(caught.value)
    found = errors(read(f"# A\n\nb <!-- {text} -->\n")[1])
    assert [line.split(": ")[0] for line in found] == ["show.md:3:3"]


@pytest.mark.parametrize(
    ("info", "read_as"),
    [
        ("sql", CodeInfo("sql")),
        ("", CodeInfo("")),
        ("sql {1|3-5|all}", CodeInfo("sql", (((1, 1),), ((3, 5),), ()))),
        ("sql{1,3-4|*}", CodeInfo("sql", (((1, 1), (3, 4)), ()))),
        ("{2}", CodeInfo("", (((2, 2),),))),
        ("sql +exec", CodeInfo("sql", (), "+exec")),
        ("js {monaco: true}", CodeInfo("js", (), "{monaco: true}")),
    ],
)
def test_a_code_block_has_a_language_and_steps(info: str, read_as: CodeInfo) -> None:
    assert parse_code_info(info, 5) == read_as


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ("sql {1|6}", "line 6 does not exist: the code has 5 lines"),
        ("sql {0}", "count from 1"),
        ("sql {3-2}", "smaller number comes first"),
        ("sql {a}", "not a step"),
        ("sql {1||2}", "not a step"),
        ("sql [1|3-6]", "write {1|3-5|all}"),
        ("sql {" + "|".join("1" * 60) + "}", "at most 50"),
    ],
)
def test_steps_that_do_not_fit_the_code_are_errors(info: str, said: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_code_info(info, 5)
    assert said in str(caught.value)
    (found,) = errors(read(f"# A\n\n```{info}\n1\n2\n3\n4\n5\n```\n")[1])
    assert found.startswith("show.md:3:")


@pytest.mark.parametrize("comments", ["<!-- column: 0 -->", "<!-- column_layout: [1, 1] -->\n<!-- column: 2 -->"])
def test_a_column_that_no_layout_has_is_an_error(comments: str) -> None:
    (found,) = errors(read(f"# A\n\n{comments}\n")[1])
    assert "column" in found
