"""Checks of how the pages look: the accent and the font of a theme, and the language."""

import re

from demo.narration import DeckImage
from demo.showfile.accent import GROUNDS, MIN_CONTRAST, contrast, is_colour, nearest_readable
from demo.showfile.checks.places import Checked
from demo.showfile.schema.system import ThemeSettings
from demo.showfile.theme_files import FONT_SUFFIXES, is_font_family, is_font_file
from demo.texts import has_texts, languages

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")

MAX_FONT_BYTES = 300_000
"""A larger font is told: every screen of the hall fetches it before it shows a word in it."""


def check_appearance(checked: Checked) -> None:
    settings = checked.settings
    if settings.language is not None:
        _check_language(checked, settings.language)
    if isinstance(settings.theme, ThemeSettings):
        _check_accent(checked, settings.theme)
        _check_font(checked, settings.theme)


def _check_language(checked: Checked, language: str) -> None:
    if not _LANGUAGE.fullmatch(language):
        checked.front.error(("language",), f'"{language}" is not a valid language tag: write en, de, pt-BR or ar')
    elif not has_texts(language):
        text = (
            f"the pages' own words stay English, for there are none in {language}: there are {', '.join(languages())}"
        )
        checked.front.warning(("language",), text)


def _check_accent(checked: Checked, theme: ThemeSettings) -> None:
    if (accent := theme.accent) is None:
        return
    if not is_colour(accent):
        checked.front.error(
            ("theme", "accent"), f'"{accent}" is not a valid colour: write it in quotes, like "#e85d04"'
        )
        return
    ground = GROUNDS[theme.base]
    if (found := contrast(accent, ground)) < MIN_CONTRAST:
        better = nearest_readable(accent, ground)
        text = (
            f"{accent} has a contrast of {found:.1f}:1 on the {theme.base} ground, which the last rows cannot read: "
            f"{MIN_CONTRAST:g}:1 is needed, the nearest is {better}"
        )
        checked.front.warning(("theme", "accent"), text)


def _check_font(checked: Checked, theme: ThemeSettings) -> None:
    if theme.font is None:
        return
    if is_font_file(theme.font):
        font = checked.source.images.get(theme.font)
        if isinstance(font, DeckImage) and len(font.body) > MAX_FONT_BYTES:
            text = f"{theme.font} has {len(font.body) / 1e3:.0f} kB, which every screen fetches: make a subset of it"
            checked.front.warning(("theme", "font"), text)
    elif not is_font_family(theme.font):
        kinds = ", ".join(f".{suffix}" for suffix in FONT_SUFFIXES)
        text = f'"{theme.font}" is not a font: name a file that ends in {kinds}, or a family that the screens have'
        checked.front.error(("theme", "font"), text)
