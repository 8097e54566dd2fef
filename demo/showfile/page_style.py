"""The theme and the language of a show file, as its pages take them: a style, and a stylesheet of the deck's own."""

from collections.abc import Iterator

from demo.narration import DeckImage
from demo.narration.page_style import PageStyle, make_stylesheet
from demo.showfile.accent import text_on
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.system import ThemeSettings
from demo.showfile.source import ShowSource
from demo.showfile.theme_files import is_font_file

WIDE_SCREEN = "(min-width: 700px)"
"""The phones of a hall take the system's font: theirs is read from near by."""


def page_style(settings: FrontMatter, source: ShowSource) -> tuple[PageStyle, tuple[DeckImage, ...]]:
    """Return the style of a show's pages, and the files that it adds to the deck's images."""
    theme, language = settings.theme, settings.language or ""
    if theme is None or isinstance(theme, str):
        return PageStyle(theme or "", language), ()
    used = {name: source.images[path] for name, path in theme_paths(theme).items() if path in source.images}
    rules = "\n".join(_rules(theme, used))
    if not rules:
        return PageStyle(theme.base, language), ()
    stylesheet = make_stylesheet(f"{rules}\n")
    addresses = tuple(image.address for image in used.values())
    return PageStyle(theme.base, language, stylesheet.address, addresses), (stylesheet,)


def theme_paths(theme: ThemeSettings) -> dict[str, str]:
    """Return the files that a theme names, by `logo` and `font`."""
    paths = {"logo": theme.logo, "font": theme.font if theme.font and is_font_file(theme.font) else None}
    return {name: path for name, path in paths.items() if path is not None}


def _rules(theme: ThemeSettings, used: dict[str, DeckImage]) -> Iterator[str]:
    if (accent := theme.accent) is not None:
        # Of its base alone: on the ground of another theme (`/?theme=light`) the accent was not checked.
        colours = f"--accent: {accent}; --on-accent: {text_on(accent)}; --band-2: {accent};"
        yield f':root[data-theme="{theme.base}"] {{ {colours} }}'
    if (font := used.get("font")) is not None:
        weights = "font-weight: 100 900; font-display: swap;"
        yield f'@font-face {{ font-family: "Deck"; src: url("{font.name}"); {weights} }}'
    if family := "Deck" if font is not None else theme.font if theme.font and not is_font_file(theme.font) else "":
        yield f'@media {WIDE_SCREEN} {{ :root {{ --deck-font: "{family}"; }} }}'
    if (logo := used.get("logo")) is not None:
        yield f'.stage .top::before {{ content: ""; background-image: url("{logo.name}"); }}'
