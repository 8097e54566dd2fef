"""A show file as a whole: chapters, pages, notes, includes, code, images, and files that cannot be read."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from demo.narration import make_image
from demo.showfile.problems import Position, ShowFileError
from demo.showfile.source import parse_source, read_source
from tests.showfile.decks import GOOD_DECKS, OTHER, OTHER_FILES, QUERY, SHOW, TALK, errors, read
from tests.support.pictures import SVG, png

SYSTEM = png(64, 48)
ADDRESS = make_image(SYSTEM).address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a show file, a part, code and an image; a secret lies beside it."""
    deck = tmp_path / "deck"
    for path, text in {"show.md": SHOW, **OTHER_FILES, "images/a": ""}.items():
        (deck / path).parent.mkdir(parents=True, exist_ok=True)
        (deck / path).write_text(text)
    for path in ("images/system.png", "../secret.png"):
        (deck / path).write_bytes(SYSTEM)
    return deck


def write(folder: Path, text: str) -> list[str]:
    """Read a show file with this text in the folder, and return what is wrong, without the folder's name."""
    (folder / "show.md").write_text(text)
    return [line.removeprefix(f"{folder}/") for line in errors(read_source(folder / "show.md")[1])]


def test_a_talk_without_settings_is_a_show() -> None:
    source, problems = read(TALK)
    assert not problems
    assert source.front_matter.data == {}
    one, two, three = source.chapters
    assert (one.title, one.pages, one.notes, one.line) == ("Hello", ("A plain talk.",), "", 1)
    assert two.title == "Code"
    assert two.pages == ("```sql {1|2-3|all}\nSELECT 1;\n---\nSELECT 3;\n```",)
    assert two.notes == "Say that three dashes in code separate nothing."
    assert (three.title, three.pages, three.line) == ("Good bye", ("- one", "- two"), 19)


def test_a_show_is_read_with_everything_that_it_names(folder: Path) -> None:
    source, problems = read_source(folder / "show.md")
    assert not problems
    assert source.front_matter.data["probes"]["db"] == {"tcp": "127.0.0.1:5432", "interval": "1s"}
    first, second, two, one = source.chapters
    assert [chapter.number for chapter in source.chapters] == [1, 2, 3, 4]
    assert first.settings.data["on_enter"] == [{"countdown": "3"}, {"say": "Watch this: it dies"}, "heal"]
    assert first.title == "A system at rest"
    assert first.notes == "begin slowly"
    assert first.pages[0].startswith(f"![the system]({ADDRESS})\n\n")
    assert first.pages[1].endswith("```sql {1|2}\nSELECT *\n  FROM orders;\n```")
    assert second.pages == ("~~~markdown\n```yaml\na: b\n```\n\n---\n\n~~~\n\n> quoted `<!-- pause -->`",)
    assert second.settings.data["require"][0]["msg"] == "Start the database,\nthen wait.\n"
    assert (two.title, two.settings.data, two.line) == ("Two", {"budget": "1:30"}, 9)
    assert (one.file, one.pages) == (f"{folder}/parts/other.md", (f"![there]({ADDRESS})",))
    assert source.files == {"parts/other.md": OTHER, "code/query.sql": QUERY}
    assert source.images == {"images/system.png": make_image(SYSTEM)}


def test_settings_of_an_include_keep_the_place_where_they_are_written(folder: Path) -> None:
    source, _ = read_source(folder / "show.md")
    settings = source.chapters[2].settings
    assert settings.place(("budget",)) == (
        f"{folder}/show.md",
        Position(SHOW.split("budget: 1:30")[0].count("\n") + 1, 9),
    )


@pytest.mark.parametrize("text", GOOD_DECKS)
def test_what_was_read_is_read_again_without_the_disk(folder: Path, text: str) -> None:
    (folder / "parts" / "again.md").write_text(text.replace("./parts/other", "./other").replace("./code", "../code"))
    source, _ = read_source(folder / "parts" / "again.md")
    again, _ = parse_source(source.text, source.file, None, source.files)
    assert [replace(chapter, pages=()) for chapter in again.chapters] == [
        replace(chapter, pages=()) for chapter in source.chapters
    ]
    assert not again.images
    assert again.files == source.files


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("images/none.png", "images/none.png: there is no such file"),
        ("../secret.png", "leads out of the show's folder"),
        ("images/../../secret.png", "leads out of the show's folder"),
        ("out.png", "is a link that leads out of the show's folder"),
        ("loop.png", "loop.png"),
        ("/etc/passwd.png", "is an absolute path"),
        ("~/x.png", "is an absolute path"),
        ("C:\\x.png", "is an absolute path"),
        ("https://example.org/x.png", "is an address: copy the file"),
        ("//example.org/x.png", "absolute path"),
        ("file:x.png", "is an address"),
        ("data:image/png;base64,aaaa", "cannot be part of the text"),
        ("code/query.sql", "is not an image that can be shown"),
        ("images/%2e%2e/%2e%2e/secret.png", "leads out of the show's folder"),
        ("images/a%00.png", "no file is named"),
        ("images", "is not an image"),
        ("images/%252e%252e/%252e%252e/secret.png", "there is no such file"),
        ("junk.png", "junk.png: this is not an image: its content is none of png, jpg"),
        ("page.svg", "page.svg: this is not an SVG image"),
        ("empty.svg", "empty.svg: this is not an image"),
        ("pipe.png", "pipe.png is not a file"),
    ],
)
def test_images_lie_below_the_folder(folder: Path, image: str, said: str) -> None:
    (folder / "out.png").symlink_to(folder.parent / "secret.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "junk.png").write_bytes(bytes(range(256)))
    (folder / "page.svg").write_text("<?xml version='1.0'?><html><script>1</script></html>")
    (folder / "empty.svg").touch()
    os.mkfifo(folder / "pipe.png")
    (found,) = write(folder, f"# A\n\n`![a](../b.png)` ![b]({image})\n")
    assert found.startswith("show.md:3:23:")
    assert said in found


def test_images_in_code_and_comments_are_none_and_the_size_of_all_is_bounded(folder: Path) -> None:
    text = "# A\n\n```\n![a](../b.png)\n```\n<!-- ![a](../b.png) -->\n\\![a](../b.png)\n![a](<images/system.png> 'x')\n"
    assert write(folder, text) == []
    with (folder / "images" / "system.png").open("wb") as file:
        file.truncate(10_000_001)
    assert "10 MB are allowed in all" in write(folder, text)[0]


def test_two_images_may_be_larger_together_than_is_allowed_and_none_is_read_beyond_that(folder: Path) -> None:
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(png(10, 10, bytes(5_500_000)))
    assert write(folder, "# A\n\n![a](a.png)\n") == []
    (found,) = write(folder, "# A\n\n![a](a.png) ![b](b.png)\n")
    assert found == "show.md:1:1: the images of this show have 11.0 MB: 10 MB are allowed in all"


@pytest.mark.parametrize("written", ["<my picture ü.svg>", "my%20picture%20%C3%BC.svg", "./x/../my%20picture%20ü.svg"])
def test_a_name_may_have_spaces_and_any_letters(folder: Path, written: str) -> None:
    (folder / "my picture ü.svg").write_bytes(SVG)
    (folder / "show.md").write_text(f"# A\n\n![a]({written} 'words')\n")
    source, problems = read_source(folder / "show.md")
    assert not problems
    assert source.chapters[0].pages == (f"![a]({make_image(SVG).address} 'words')",)


def test_an_image_that_cannot_be_found_in_its_line_is_told(folder: Path) -> None:
    (found,) = write(folder, "# A\n\nSee ![a [b]](images/system.png)\n")
    assert found.startswith("show.md:3:5: this image cannot be read: write ![what it shows](picture.png)")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("<<< ./code/none.sql", "there is no such file"),
        ("<<< ./code/query.sql#nothing", "has no region nothing"),
        ("<<< ./code/open.py#a", "the region a of code/open.py has no end"),
        ("<<< ../secret.png", "leads out"),
        ("<<< /etc/passwd", "absolute"),
        ("<<< ./code", "directory"),
        ("<<<", "code from a file is written"),
        ("<<< ./code/query.sql#select {3}", "line 3 does not exist: the code has 2 lines"),
        ("<<< ./code/latin.txt", "this is not UTF-8"),
        ("<<< ./code/big.txt", "larger than 0.1 MB"),
    ],
)
def test_code_that_cannot_be_shown_is_an_error(folder: Path, line: str, said: str) -> None:
    (folder / "code" / "open.py").write_text("# region a\nx = 1\n")
    (folder / "code" / "latin.txt").write_bytes("ü".encode("latin-1"))
    (folder / "code" / "big.txt").write_text("x\n" * 60_000)
    (found,) = write(folder, f"# A\n\n{line}\n")
    assert found.startswith("show.md:3:1:")
    assert said in found


def test_code_from_a_file_is_longer_fenced_than_what_is_in_it(folder: Path) -> None:
    (folder / "code" / "a.md").write_text(
        "x\n  // #region a\n  ````\n  # region b\n  y\n  # endregion\n  // #endregion a\n"
    )
    (folder / "show.md").write_text("# A\n\n<<< @/code/a.md#a\n<<< ./code/a.md#b text\n")
    source, problems = read_source(folder / "show.md")
    assert not problems
    assert source.chapters[0].pages == ("`````markdown\n````\ny\n`````\n\n\n```text\ny\n```",)


@pytest.mark.parametrize(
    ("src", "said"),
    [
        ("./parts/none.md", "there is no such file"),
        ("./parts/other.md#3", "has no chapter 3: it has 2"),
        ("./parts/other.md#2-1", "smaller number comes first"),
        ("./parts/other.md#a", "names no chapters"),
        ("../secret.png", "leads out"),
        ("show.md", "includes itself: show.md -> show.md"),
        ("https://example.org/x.md", "is an address"),
    ],
)
def test_an_include_that_cannot_be_read_is_an_error_at_its_src(folder: Path, src: str, said: str) -> None:
    (found,) = write(folder, f"# A\n\n---\nsrc: {src}\n---\n")
    assert found.startswith("show.md:4:6:")
    assert said in found


def test_includes_in_a_circle_or_too_deep_end(folder: Path) -> None:
    for number in range(9):
        (folder / f"p{number}.md").write_text(f"# {number}\n\n---\nsrc: p{number + 1}.md\n---\n")
    (found,) = write(folder, "# A\n\n---\nsrc: p0.md\n---\n")
    assert found == "p4.md:4:6: files are included 5 deep at most"
    (folder / "p2.md").write_text("# 2\n\n---\nsrc: p1.md\n---\n")
    (found,) = write(folder, "# A\n\n---\nsrc: p0.md\n---\n")
    assert found == "p2.md:4:6: p1.md includes itself: show.md -> p0.md -> p1.md -> p2.md -> p1.md"


def test_includes_that_multiply_are_bounded(folder: Path) -> None:
    for number in range(4):
        (folder / f"p{number}.md").write_text("# x\n\n" + f"---\nsrc: p{number + 1}.md\n---\n" * 20)
    (folder / "p4.md").write_text("# x\n")
    found = write(folder, "# x\n\n" + "---\nsrc: p0.md\n---\n" * 20)
    assert len(found) == 1
    assert "at most 5000 chapters" in found[0]


def test_what_is_wrong_in_an_include_has_its_own_lines_and_is_told_once(folder: Path) -> None:
    (folder / "parts" / "other.md").write_text("---\nprobes: {a: {tcp: x}}\n---\n\n# A\n\n<!-- pausee -->\n")
    (folder / "show.md").write_text("---\nsrc: x\n---\n" + "---\nsrc: parts/other.md\nid: x\n---\nmore\n" * 2)
    problems = [str(problem).removeprefix(f"{folder}/") for problem in read_source(folder / "show.md")[1]]
    assert [line.split(": ")[0] for line in problems] == [
        "parts/other.md:7:1",
        "show.md:5:1",
        "show.md:5:6",
        "show.md:10:1",
    ]
    assert "is not used here: write what you need (probes) into show.md" in problems[2]
    assert "the text of this chapter is not shown" in problems[1]


def test_a_title_in_the_settings_leaves_another_heading_in_the_text() -> None:
    source, _ = read(
        "```yaml\ntitle: Given\n```\n## Other\n\ntext\n\n---\n\n```yaml\ntitle: Same\n```\n## Same\n\ntext\n"
    )
    assert [chapter.pages for chapter in source.chapters] == [("## Other\n\ntext",), ("text",)]
    assert [chapter.title for chapter in source.chapters] == ["Other", "Same"]


def test_notes_are_the_last_remark_and_every_speaker_note() -> None:
    source, _ = read(
        "# A\n<!-- first -->\n<!-- speaker_note: b -->\nx <!-- c\nd --> y\n<!-- prettier-ignore -->\n<!-- // e -->\n"
    )
    (chapter,) = source.chapters
    assert chapter.notes == "b\n\nc\nd"
    assert "".join(chapter.pages).split() == ["x", "y"]


def test_an_empty_chapter_is_left_out_and_told_unless_it_is_the_last() -> None:
    source, (problem,) = read("# A\n\n---\n\n---\n\n# B\n\n---\n")
    assert [chapter.title for chapter in source.chapters] == ["A", "B"]
    assert str(problem).startswith("show.md:5:1: warning: there is no chapter before this ---")


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        (b"# A\n\xe4\n", "2:1", "byte 4 is 0xe4 (line 2). Save the file as UTF-8"),
        (b"# A\n\nab\x00c\n", "3:3", "byte 7 is NUL (line 3)"),
        ("# A\n".encode("utf-16"), "1:1", "UTF-16"),
        (b"x" * 2_000_001, "1:1", "larger than 2 MB"),
    ],
)
def test_a_file_that_is_no_text_is_refused_with_the_place(
    tmp_path: Path, content: bytes, place: str, said: str
) -> None:
    path = tmp_path / "show.md"
    path.write_bytes(content)
    with pytest.raises(ShowFileError) as caught:
        read_source(path)
    assert str(caught.value).startswith(f"{path}:{place}: ")
    assert said in str(caught.value)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    said = {
        "": "this is a directory",
        "none.md": "there is no such file",
        "pipe.md": "this is not a file",
        "a" * 300: "name too long",
    }
    for name, message in said.items():
        with pytest.raises(ShowFileError) as caught:
            read_source(tmp_path / name)
        assert message in str(caught.value).replace("File name", "name")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text("# A\n")
    path.chmod(0)
    with pytest.raises(ShowFileError, match="its permissions forbid it"):
        read_source(path)


def test_too_many_problems_are_counted_and_errors_come_before_warnings() -> None:
    _, problems = read("# A\n\n" + "a\n---\n\n" * 300 + "<!-- pausee -->\n\n" * 10)
    assert len(problems) == 201
    assert len(errors(problems)) == 10
    assert problems[-1].message == "110 more problems are not listed"
