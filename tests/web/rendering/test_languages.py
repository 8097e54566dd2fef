"""Every page of a deck in another language: each word on it is the deck's, or of that language's catalogue."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from demo.panels.picture import PanelPicture
from demo.show import ShowState
from demo.texts import find_catalogue, languages
from demo.types import Chapter
from demo.views import stage_view
from demo.web.rendering.assets import Assets
from demo.web.rendering.regions import REGIONS
from demo.web.rendering.renderer import Renderer
from tests.support.every_state import all_states, in_language
from tests.support.spoken_words import WORD, spoken_words

PAGES = Renderer(Assets(Path(str(resources.files("demo") / "static"))))
VIEWERS = {"stage": 3, "presenter": 1, "remote": 2}
OTHERS = languages()[1:]
STATES = all_states()

OF_THE_DECK = {
    word.casefold()
    for word in WORD.findall(
        """Titulus descriptio Primum Secundum Tertium Quartum Quintum Sextum Septimum Ultimum verbum nota Nihil cadit
        Mox redit Redit Cadetne Ita Minime Quando gradus primus secundus dictum alterum error ignotus causa aliud de
        nodus fons cella grex petitiones Agit nex mora quies caesura fluctus req
        UTC min Shift Space Enter PgDn PgUp Home End XXXX presenter remote"""
    )
}
"""With names of keys, units and addresses, which are the same everywhere."""


def words_of(html: str) -> set[str]:
    return {word.casefold() for word in spoken_words(html)}


def known_words(language: str) -> set[str]:
    catalogue = find_catalogue(language)
    texts = [*catalogue.texts.values(), *(form for forms in catalogue.counted.values() for form in forms)]
    return {word.casefold() for text in texts for word in WORD.findall(text)} | OF_THE_DECK


def page(view: str, state: ShowState) -> str:
    return PAGES.page(view, state, VIEWERS, "e", 5.0)


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("language", OTHERS)
def test_a_page_in_another_language_has_no_word_of_ours_in_english(language: str, name: str) -> None:
    state = in_language(STATES[name], language)
    known = known_words(language)
    for view in REGIONS:
        assert words_of(page(view, state)) - known == set(), view


@pytest.mark.parametrize("name", STATES)
def test_a_page_in_english_is_the_same_after_the_same_page_in_german(name: str) -> None:
    """No cache gives one language what it has of the other."""
    for view in REGIONS:
        before = page(view, STATES[name])
        german = page(view, in_language(STATES[name], "de"))
        assert words_of(german) - known_words("de") == set(), view
        assert page(view, STATES[name]) == before


def test_a_language_without_texts_shows_the_english_ones() -> None:
    for view in REGIONS:
        french, english = (page(view, in_language(STATES["killed"], tag)) for tag in ("fr", "en"))
        assert '<html lang="fr"' in french
        assert french.replace('lang="fr"', 'lang="en"').replace('data-language="fr"', 'data-language="en"') == english
        assert "data-texts" not in english


def test_numbers_have_the_decimal_sign_of_the_language() -> None:
    german, english = (page("stage", in_language(STATES["killed"], tag)) for tag in ("de", ""))
    assert "2.5" in english
    assert "2,5" in german
    assert "2.5" not in words_between_tags(german)


def words_between_tags(html: str) -> str:
    return " ".join(re.findall(r">([^<>]+)<", html))


@pytest.mark.parametrize("language", OTHERS)
def test_scripts_get_their_texts_from_the_page(language: str) -> None:
    catalogue = find_catalogue(language)
    for view in REGIONS:
        found = re.search(r'data-texts="([^"]*)"', page(view, in_language(STATES["calm"], language)))
        assert found is not None
        texts = json.loads(found[1].replace("&#34;", '"').replace("&#39;", "'"))
        assert texts["."] == catalogue.decimal_sign
        assert texts["on time"] == catalogue.find("on time")


def test_a_page_in_another_language_is_another_build_so_that_an_edit_of_the_language_loads_it_anew() -> None:
    builds = {
        language: re.findall(r'data-build="([\w-]+)"', page("stage", in_language(STATES["calm"], language)))
        for language in ("", "fr", "de", "de-AT", "es")
    }
    assert all(found[0] == found[1] for found in builds.values())
    assert builds[""] == builds["fr"]
    assert builds["de"] == builds["de-AT"]
    assert len({found[0] for found in builds.values()}) == 3


class OnePanel:
    """Panels in each condition, by their names."""

    names = ("a", "b", "c")

    def picture(self, name: str) -> PanelPicture | None:
        if name == "a":
            return PanelPicture("a", "Titulus", state="up", changed_at=5.0)
        return PanelPicture(name, "Titulus", state="down", note="causa" if name == "b" else "")


def with_panels() -> Iterator[ShowState]:
    for large in (False, True):
        chapter = Chapter("Primum", "verbum", panels=OnePanel.names, has_large_panels=large)
        yield replace(STATES["calm"], chapters=(chapter, *STATES["calm"].chapters[1:]))


def test_panels_speak_the_language_too() -> None:
    pages = Renderer(Assets(Path(str(resources.files("demo") / "static"))), OnePanel())  # type: ignore[arg-type]
    for state in with_panels():
        html = pages.page("stage", in_language(state, "de"), VIEWERS, "e", 5.0)
        assert words_of(html) - known_words("de") == set()
        assert "fehlgeschlagen" in html


def test_the_cover_and_the_curtain_tell_how_to_join_in_it() -> None:
    pages = Renderer(Assets(Path(str(resources.files("demo") / "static"))), None, lambda: "http://demo.example/")
    for state in (STATES["opened"], replace(STATES["opened"], blackout=True)):
        html = pages.page("stage", in_language(state, "de"), VIEWERS, "e", 5.0)
        assert "Auf dem Telefon" in html
        assert words_of(html) - known_words("de") == {"demo", "example"}


def test_the_overview_has_small_stages_in_it() -> None:
    for language in ("", "de"):
        html = PAGES.thumbnails(in_language(STATES["verdict"], language))
        assert ("Vorhersage" in html) == (language == "de")
        assert ("Prediction" in html) == (language == "")


def test_the_pairing_pages_speak_it() -> None:
    html = PAGES.document("pair.html", "de", title="Titulus", closed="", paired=False, refused="")
    assert '<html lang="de"' in html
    assert words_of(html) - known_words("de") == set()
    assert '<html lang="en"' in PAGES.document("pair.html", "fr", title="T", closed="", paired=False, refused="")


def test_a_view_that_nobody_chose_a_language_for_is_english() -> None:
    """The terminal and `/state` are made of the same views."""
    assert stage_view(in_language(STATES["verdict"], "de")).verdict is not None
    assert "Confirmed" in str(stage_view(in_language(STATES["verdict"], "de")).verdict)
