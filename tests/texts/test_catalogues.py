"""The catalogues hold just what the pages say, and nothing on a page is said past them."""

import re
from collections import Counter
from functools import cache

import pytest

from demo.ballots.vote import NO, YES
from demo.texts import ENGLISH, find_catalogue, languages, translate, translate_count, use_language
from demo.texts.catalogue import read_catalogue
from demo.web.problems import TITLES
from demo.web.rendering.page_texts import SCRIPT_TEXTS, TITLES_OF_REFUSALS
from tests.support.spoken_words import WORD, spoken_words
from tests.support.text_sources import ROOT, TEMPLATES, Used, script_texts_of, used_texts

OTHERS = languages()[1:]
MARKUP = re.compile(r"<[^>]+>|%%|%\(\w+\)s")
SAME_EVERYWHERE = {"Shift", "Space", "Enter", "PgDn", "PgUp", "Home", "End", "XXXX"}
"""Names of keys, and the form of a code."""

ONLY_ATTRIBUTES = r"{% macro sends.*?{%- endmacro %}|{% block kind %}\w+{% endblock %}"
"""What stands within a tag."""


@cache
def used() -> Used:
    """Return them, read once and by the worker that runs these tests only: each of them imports this file."""
    return used_texts()


def test_there_are_texts_in_english_german_and_spanish() -> None:
    assert set(languages()) >= {"en", "de", "es"}


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_text_that_is_used_and_no_other(language: str) -> None:
    catalogue = read_catalogue(language)
    assert {text: used().texts[text] for text in used().texts.keys() - catalogue.texts.keys()} == {}
    assert catalogue.texts.keys() - used().texts.keys() == set()
    assert catalogue.counted.keys() == used().counted.keys()


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_placeholders_and_the_markup_of_its_english(language: str) -> None:
    catalogue = read_catalogue(language)
    pairs = [*catalogue.texts.items(), *((many, form) for many, forms in catalogue.counted.items() for form in forms)]
    for english, said in pairs:
        there = Counter(MARKUP.findall(english))
        there.subtract(["%(kind)s"] if english == "%(num)s %(kind)ss" else [])
        found = Counter(MARKUP.findall(said))
        assert found - there == there - found == Counter() or english == "%(num)s %(kind)ss", (english, said)
        assert said.strip() == said != "", english
        # It may stand within an attribute.
        assert not set(MARKUP.sub("", said)) & set('"<>&'), said


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_a_form_for_every_number(language: str) -> None:
    catalogue = read_catalogue(language)
    numbers = {catalogue.form_of(number) for number in range(200)}
    for many, forms in catalogue.counted.items():
        assert numbers == set(range(len(forms))), many


@pytest.mark.parametrize("page", SCRIPT_TEXTS)
def test_a_page_brings_the_texts_of_its_scripts(page: str) -> None:
    said, brought = script_texts_of(page), set(SCRIPT_TEXTS[page])
    assert len(said) > 3
    assert said - brought == set()
    assert brought - said <= {*TITLES.values(), YES, NO}, "what it gets from the server"
    assert set(TITLES_OF_REFUSALS) <= set(TITLES.values())


def test_no_template_writes_out_a_word_itself() -> None:
    """What stands between tags or in an attribute that is read to somebody is said by the catalogue."""
    for path in sorted(TEMPLATES.glob("*.html")):
        bare = re.sub(
            ONLY_ATTRIBUTES + r"|{#.*?#}|{% trans.*?{% endtrans %}|{{.*?}}|{%.*?%}",
            " ",
            path.read_text(),
            flags=re.DOTALL,
        )
        assert spoken_words(bare) - SAME_EVERYWHERE == set(), path.name


def test_no_stylesheet_writes_out_a_word() -> None:
    for path in sorted((ROOT / "static").glob("*.css")):
        contents = re.findall(r"\bcontent:([^;}]*)", path.read_text())
        quoted = [text for content in contents for text in re.findall(r'"([^"]*)"', content)]
        assert not WORD.findall(" ".join(quoted)), path.name


def test_a_language_without_a_catalogue_is_english_and_a_region_is_its_language() -> None:
    assert find_catalogue("") is find_catalogue("fr") is find_catalogue("x/../de") is ENGLISH
    assert find_catalogue("de-AT") is find_catalogue("DE") is find_catalogue("de")


def test_within_a_language_texts_are_said_in_it_and_after_it_in_english_again() -> None:
    assert translate("detected in %(time)s", time="0.2 s") == "detected in 0.2 s"
    with use_language("de"):
        assert translate("detected in %(time)s", time="0,2 s") == "erkannt nach 0,2 s"
        with use_language("es"):
            counted = [translate_count("%(num)s vote", "%(num)s votes", number) for number in (0, 1, 2)]
            assert counted == ["0 votos", "1 voto", "2 votos"]
        assert translate("Confirmed") == "Bestätigt"
    assert translate("Confirmed") == "Confirmed"
