"""The text of the deck in a report: what the stage said, for who was not there, and nothing that was not shown."""

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from demo.evidence.report_narration import MAX_COLUMNS
from demo.evidence.reports import make_report
from demo.narration import make_image
from demo.show import events as e
from demo.types import Chapter
from tests.support.pictures import png
from tests.support.recorded_shows import NOTES, entered, opened, recorded, show

PICTURE = make_image(png(64, 48))
UNUSED = make_image(png(65, 48))
LONG = "A node asks Redis whether there is room, and only then does the backend get the request of the visitor."
CODE = f"```sh\n{'x' * 120} {'y' * 20}\n```"
WIDE = "\n".join(f"|{cell * 9}|" for cell in (" unbroken-word |", "---|", " 12,345.67 |"))
CHAPTERS = (
    Chapter("Words", f"**Three** nodes & <script>alert(1)</script>\n\n- one\n\n{LONG} {LONG}", notes=NOTES),
    Chapter("Steps", "First.\n\nSecond.", steps=("First.", f"![Two parts]({PICTURE.address})\n\n{CODE}")),
    Chapter("Code", "```python\ndef heal(node: str) -> bool:\n    return True\n```\n\n" + WIDE),
    Chapter("Tags", "[bold]No[/bold] node `is`", format="markup"),
    Chapter("Left out", f"Never shown ![]({UNUSED.address})"),
    Chapter("Without words", "  \n"),
)


def talk(folder: Path) -> Path:
    state = show(CHAPTERS)
    story = [opened(state), *(entered(place, number, 1) for place, number in enumerate((1, 2, 3, 4, 6)))]
    story.insert(3, (1.5, "curl", e.StepShown(2, 2, forward=True)))
    return recorded(folder / "talk.journal", story, state, (PICTURE, UNUSED))


def chapters(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(make_report([path], "json").text)["chapters"]
    return found


def test_the_page_has_what_was_shown_with_its_images_in_it(tmp_path: Path) -> None:
    page = make_report([talk(tmp_path)], "html").text
    said = page.partition('<section id="deck"')[2].partition("</section>")[0]
    assert said.count('<div class="narration">') == 5
    for html in (
        "<strong>Three</strong> nodes &amp; &lt;script&gt;",
        '<li dir="auto">one',
        "1 Words</h3>",
        "<strong>No</strong>",
    ):
        assert html in said, html
    data = base64.b64encode(PICTURE.body).decode()
    assert f'src="data:image/png;base64,{data}"' in said
    for absent in ("images/", NOTES, "Never shown", "Without words", base64.b64encode(UNUSED.body).decode()):
        assert absent not in said, absent


def test_markdown_has_the_source_as_text_and_wraps_no_code(tmp_path: Path) -> None:
    text = make_report([talk(tmp_path)], "markdown").text
    said = text.partition("## The text of the deck")[2]
    assert "**Three** nodes & <script>alert(1)</script>" in said
    assert "[image: Two parts]" in said
    assert "````text" in said, "longer marks than those in it"
    assert CODE in said
    assert max(len(line) for line in said.replace(CODE, "").splitlines() if not line.startswith("|")) <= MAX_COLUMNS


def test_json_has_the_parts_of_each_chapter_that_was_shown(tmp_path: Path) -> None:
    texts = [chapter["text"] for chapter in chapters(talk(tmp_path))]
    assert texts == [
        [CHAPTERS[0].narration],
        list(CHAPTERS[1].steps),
        [CHAPTERS[2].narration],
        [CHAPTERS[3].narration],
        [],
        [],
    ]


def test_a_step_that_was_not_shown_is_not_told(tmp_path: Path) -> None:
    state = show((Chapter("Steps", "One.\n\nTwo.\n\nThree.", steps=("One.", "Two.", "Three.")),))
    story = [opened(state), entered(0, 1), (1, "curl", e.StepShown(1, 2, forward=True))]
    path = recorded(tmp_path / "steps.journal", [*story, (2, "curl", e.StepShown(1, 1, forward=False))], state)
    assert chapters(path)[0]["text"] == ["One.\n\nTwo."]


def test_prose_is_wrapped_below_its_entry_and_tables_code_and_columns_stay_as_they_are(tmp_path: Path) -> None:
    table = f"| {'a' * 60} | {'b' * 60} |"
    code = f"````text\n```\n{'c ' * 60}![x](images/none.png)\n```\n````"
    marks = ("<!-- column_layout: [1, 1] -->", "<!-- column: 0 -->", "<!-- reset_layout -->")
    text = "\n\n".join((*marks[:2], f"- {LONG}", table, code, marks[2]))
    state = show((Chapter("All", text),))
    path = recorded(tmp_path / "all.journal", [opened(state), entered(0, 1)], state)
    said = make_report([path], "markdown").text
    assert "<!--" not in said
    assert table in said
    assert code in said
    first, second = LONG[:80], LONG.rsplit(maxsplit=2)[-1]
    assert f"- {first}" in said
    assert f"\n  {second}" in said or f" {second}\n" in said


def test_what_a_journal_says_of_an_image_is_not_trusted(tmp_path: Path) -> None:
    path = talk(tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("""UPDATE deck_files SET media_type = 'x"><h1>', body = 7 WHERE name = ?""", (UNUSED.name,))
        db.execute("""UPDATE deck_files SET media_type = 'x"><h1>INJECTED</h1>' WHERE name = ?""", (PICTURE.name,))
    assert "INJECTED" not in make_report([path], "html").text
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM deck_files")
    page = make_report([path], "html").text
    assert "[Two parts]" in page
    assert "<img" not in page


def test_a_journal_without_texts_has_no_such_section(tmp_path: Path) -> None:
    state = show(CHAPTERS)
    path = recorded(tmp_path / "old.journal", [opened(state), entered(0, 1)])
    assert 'id="deck"' not in make_report([path], "html").text
    assert chapters(path)[0]["text"] == []
