"""The documents: HTML that needs nothing else, Markdown that shows texts as texts, JSON as docs/reports.md says."""

import base64
import hashlib
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

import demo
from demo.evidence.report_markdown import escaped
from demo.evidence.reports import Kind, make_report
from demo.evidence.safe_text import sanitize_for_report
from demo.markup.markdown import markdown_to_html
from demo.narration.page_style import PageStyle
from demo.show import events as e
from demo.show.vote_events import QuestionShown
from demo.types import Chapter
from tests.support.recorded_shows import (
    ADDRESS,
    NOTES,
    SECRET,
    entered,
    killed,
    long_story,
    opened,
    recorded,
    sample,
    show,
    story,
)

KINDS: tuple[Kind, ...] = ("html", "markdown", "json")
DOCS = Path(demo.__file__).parents[1] / "docs" / "reports.md"


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    told = story()
    told[5:5] = [sample(sec, 60.0 + sec, health="down" if 10 < sec < 12 else "up") for sec in range(10, 20)]
    return recorded(tmp_path / "talk.journal", told, show())


def words(html: str) -> str:
    body = html.partition("<body>")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", body).replace("&#39;", "'").split())


def data(*paths: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(make_report(paths, "json").text)
    return found


def test_the_page_tells_the_show(talk: Path) -> None:
    page = words(make_report([talk], "html").text)
    for text in (
        "Who counts? three nodes",
        "2 faults 1 confirmed 1 not tested",
        "Length 1:30",
        "ended by the presenter on its last chapter",
        "No request fails None of 421 requests failed. All up after 1.5 s. Confirmed",
        "1 Kill a node node-2 at ••• 0:21 chapter 3 0.2 s 0:27 by timer 1.5 s Confirmed",
        "Kill a node node-2 at ••• 0:31 no route to •••, password=••• 0:30",
        "not injected",
        "Does a request fail?",
        "75 % said No. Measured: None of 421 requests failed. The room was right.",
        "No right 9 75 %",
        "What about &lt;b&gt;writes&lt;/b&gt;?",
        "Halted by presenter resumed by remote",
        "No fresh sample stale the poller does not answer",
        "requests /s 70 to 79, at the end 79 /s",
    ):
        assert text in page, text


def test_the_page_needs_nothing_but_itself(talk: Path) -> None:
    page = make_report([talk], "html").text
    assert not re.search(r"<script|<link|<img|<iframe|@import|\son\w+=|\sstyle=", page)
    assert re.findall(r'(?:href|src)="([^"]*)"', page)
    assert all(target.startswith("#m-") for target in re.findall(r'(?:href|src)="([^"]*)"', page))
    assert all(url.startswith("data:font/woff2;base64,") for url in re.findall(r'url\("?([^")]*)', page))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; font-src data:; img-src data:"
    assert f'content="{policy.replace(chr(39), "&#39;")}"' in page


@pytest.mark.parametrize("kind", KINDS)
def test_no_address_no_secret_no_device_and_no_notes_are_handed_out(talk: Path, kind: Kind) -> None:
    text = make_report([talk], kind).text
    for private in (SECRET, ADDRESS, "10.1.2.3", "/home/ada", "Ada's phone", "Ada&#39;s", NOTES):
        assert private not in text, private
    assert NOTES in make_report([talk], kind, with_notes=True).text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("PGPASSWORD=abc psql failed", "PGPASSWORD=••• psql failed"),
        ('Authorization: Bearer abc.def "x"', 'Authorization: ••• "x"'),
        ("api-key 'k-1' is wrong", "api-key ••• is wrong"),
        ("redis://:pw@db:6379/0 timed out", "••• timed out"),
        ("psql --password abc and -token x", "psql --password ••• and -token •••"),
        ("no secrets here, the token expired", "no secrets here, the token expired"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, safe: str) -> None:
    assert sanitize_for_report(text).replace("'", "") == safe.replace("'", "")


HOSTILE = "</style><script>alert(1)</script>\"'<img src=x onerror=1> | [a](http://b) @ada\x1b[31m"


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_a_journal_are_texts_everywhere(tmp_path: Path, kind: Kind) -> None:
    deck = (Chapter(HOSTILE, "", hypothesis=HOSTILE),)
    told = [opened(show(deck)), entered(0, 1), (1.0, HOSTILE, e.Halted()), (2.0, "show", e.TroubleSeen(HOSTILE))]
    told += [sample(3, 1, metrics=[{"name": HOSTILE, "label": HOSTILE, "unit": HOSTILE, "value": 3}])]
    told += [(4.0, "a", e.Concluded(1, False, HOSTILE)), (5.0, "a", QuestionShown(HOSTILE))]
    text = make_report([recorded(tmp_path / "hostile.journal", told, show(deck, HOSTILE))], kind).text
    if kind == "html":
        assert not re.search(r"<script|<img", text)
        assert text.count("</style>") == 1
    if kind == "markdown":
        html = markdown_to_html(text)
        assert not re.search(r"<script|<img|<a |onerror=1>", html)
        assert "@ada" not in text
    assert "\x1b" not in text


def test_markdown_shows_a_text_as_it_is() -> None:
    for text in (
        "1. first",
        "- item",
        "# head",
        "a | b",
        "*bold* _it_",
        "`code`",
        "<b>",
        "x ~~y~~",
        "a\\b",
        "+1",
        "&lt;",
    ):
        shown = re.sub(r"<[^>]*>", "", markdown_to_html(escaped(text))).strip()
        assert shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text, text
    assert escaped("0:21, 1.5 s (a)") == "0:21, 1.5 s \\(a\\)"


def test_the_json_has_the_facts_and_the_curves(talk: Path) -> None:
    found = data(talk)
    assert found["report_version"] == 1
    assert found["summary"] == {"faults": 2, "confirmed": 1, "refuted": 0, "not_seen": 0, "not_tested": 1}
    first, failed, third = found["faults"]
    assert (first["detected_after_sec"], first["recovered_after_sec"], first["verdict"]["result"]) == (
        0.2,
        1.5,
        "confirmed",
    )
    assert (failed["injected"], failed["errors"][0]["text"]) == (False, "no route to •••, password=•••")
    assert third["at_sec"] == 40.0
    (metric,) = found["metrics"]
    assert metric["lines"] == [[[float(sec), 60.0 + sec] for sec in range(10, 20)]]
    states = {node["id"]: [span["health"] for span in node["health"]] for node in found["nodes"]}
    assert states["node-2"] == ["up", "down", "up"]


def keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys(inner)}
    return {key for inner in value for key in keys(inner)} if isinstance(value, list) else set()


def test_every_key_of_the_json_is_documented(talk: Path) -> None:
    documented = set(re.findall(r"`(\w+)`", DOCS.read_text()))
    assert keys(data(talk)) - documented == set()
    assert keys(data(talk, talk)) - documented == set()


def test_two_shows_are_compared_fault_by_fault_and_chapter_by_chapter(talk: Path, tmp_path: Path) -> None:
    chapters = (*show().chapters[:3], Chapter("Only here", ""))
    told = [opened(show(chapters)), entered(0, 1), entered(4, 2), entered(8, 3), *killed(9, detected=0.9, recovered=7)]
    told += [(20.0, "chapter 3", e.Concluded(3, False, "Two of 400 requests failed.")), entered(30, 4)]
    other = recorded(tmp_path / "second.journal", told, show(chapters))
    made = make_report([talk, other], "html")
    page = words(made.text)
    assert made.name == "talk-and-second"
    assert "Detected in 0.2 s 0.9 s Recovered in 1.5 s 7.0 s Result Confirmed" in page
    assert "No request fails Confirmed None of 421 requests failed." in page
    assert "Refuted Two of 400 requests failed." in page
    assert "The system 0:10 0:04 −6.0 s" in page
    assert "Only here – 0:00 –" in page
    found = data(talk, other)
    assert found["same_faults"] == [[1, 1], [2, None], [3, None]]
    assert found["same_chapters"] == [[1, 1], [2, 2], [3, 3], [4, None], [5, None], [None, 4]]


def test_injections_of_one_fault_stand_beside_one_another(talk: Path, tmp_path: Path) -> None:
    page = words(make_report([talk], "html").text)
    assert "The same fault again Kill a node No. 1 No. 2 No. 3 Target node-2 at ••• node-2 at ••• node-2 at •••" in page
    assert "Recovered in 1.5 s – 2.5 s" in page
    many = [moment for run in range(1, 8) for moment in killed(run * 20.0, run)]
    rows = words(
        make_report([recorded(tmp_path / "many.journal", [opened(show()), entered(0, 1), *many])], "html").text
    )
    assert "Target Began Detected in Recovered in Result No. 1 node-2 at ••• 0:20 0.2 s 1.5 s" in rows


@pytest.mark.parametrize("language", ["de", "es", "ar"])
def test_the_report_speaks_the_language_of_its_deck(tmp_path: Path, language: str) -> None:
    deck = tuple(
        Chapter(one.title, "", hypothesis=one.hypothesis, style=PageStyle(language=language)) for one in show().chapters
    )
    path = recorded(tmp_path / "talk.journal", story(), show(deck))
    page = make_report([path], "html").text
    assert f'<html lang="{language}"{" dir=" + chr(34) + "rtl" + chr(34) if language == "ar" else ""} class' in page
    said = {"de": "Vorhersagen", "es": "Predicciones", "ar": "Predictions"}[language]
    assert f">{said}</h2>" in page
    assert (">0,2 s<" in page) is (language != "ar")
    outcome = {"de": "75 % sagten Nein.", "es": "75 % dijo No.", "ar": "75 % said No."}[language]
    assert outcome in page


def test_a_show_of_two_hours_is_reported_in_five_seconds_with_its_spike(tmp_path: Path) -> None:
    path = recorded(tmp_path / "long.journal", long_story(2), show())
    began = time.process_time()
    page = make_report([path], "html").text
    assert time.process_time() - began < 5
    assert "40 to 9000, at the end" in page
    assert len(page) < 400_000
