"""The text of the deck in a report: what the stage said, for who was not there, and nothing that was not shown."""

import base64
import json
from pathlib import Path
from typing import Any

from demo.evidence.report_narration import MAX_COLUMNS
from demo.evidence.reports import make_report
from demo.narration import make_image
from demo.types import Chapter
from tests.support.pictures import png
from tests.support.recorded_shows import NOTES, entered, opened, recorded, show

PICTURE = make_image(png(64, 48))
UNUSED = make_image(png(65, 48))
LONG = "A node asks Redis whether there is room, and only then does the backend get the request of the visitor."
CODE = f"```sh\n{'x' * 120} {'y' * 20}\n```"
CHAPTERS = (
    Chapter("Words", f"**Three** nodes & <script>alert(1)</script>\n\n- one\n\n{LONG} {LONG}", notes=NOTES),
    Chapter("Steps", "First.\n\nSecond.", steps=("First.", f"![Two parts]({PICTURE.address})\n\n{CODE}")),
    Chapter("Code", "```python\ndef heal(node: str) -> bool:\n    return True\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
    Chapter("Tags", "[bold]No[/bold] node `is`", format="markup"),
    Chapter("Left out", f"Never shown ![]({UNUSED.address})"),
    Chapter("Without words", "  \n"),
)


def talk(folder: Path) -> Path:
    state = show(CHAPTERS)
    story = [opened(state), *(entered(place, number, 1) for place, number in enumerate((1, 2, 3, 4, 6)))]
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
    assert max(len(line) for line in said.replace(CODE, "").splitlines()) <= MAX_COLUMNS


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


def test_a_journal_without_texts_has_no_such_section(tmp_path: Path) -> None:
    state = show(CHAPTERS)
    path = recorded(tmp_path / "old.journal", [opened(state), entered(0, 1)])
    assert 'id="deck"' not in make_report([path], "html").text
    assert chapters(path)[0]["text"] == []
