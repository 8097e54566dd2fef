"""The catalogues: a TOML file for each language beside this module, read when a deck of that language is first shown.

English has none: its texts are in the code and in the templates, where they are the keys of all the others.
"""

import gettext
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
CONTEXT_END = "\x04"
"""Stands between a context and a text in the key of an entry, as in gettext."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language. `texts` by their English; `counted` by the English plural, with each of its forms.

    `form_of`: which of the forms a number takes, 0 for the first.
    """

    language: str
    decimal_sign: str
    form_of: Callable[[int], int]
    texts: Mapping[str, str] = field(default_factory=dict)
    counted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def find(self, text: str, context: str = "") -> str:
        """Return a text in this language; the English one where it is not known."""
        return self.texts.get(f"{context}{CONTEXT_END}{text}" if context else text, text)

    def find_counted(self, one: str, many: str, count: int) -> str:
        """Return the form of a text that goes with a number."""
        forms = self.counted.get(many, (one, many))
        return forms[min(self.form_of(count), len(forms) - 1)]


ENGLISH = Catalogue("en", ".", gettext.c2py("n != 1"))


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that there are texts in, English first."""
    return (ENGLISH.language, *sorted(path.stem for path in FOLDER.glob("*.toml")))


def has_texts(tag: str) -> bool:
    """Return whether there are texts in the language of a tag like `de` or `de-AT`."""
    return _language_of(tag) in languages()


def find_catalogue(tag: str) -> Catalogue:
    """Return the catalogue for such a tag; the English one for a language that has none."""
    language = _language_of(tag)
    return read_catalogue(language) if language in languages()[1:] else ENGLISH


def _language_of(tag: str) -> str:
    return tag.partition("-")[0].lower()


@cache
def read_catalogue(language: str) -> Catalogue:
    """Read the file of a language. Raises `OSError`, `ValueError` or `KeyError` for a file that is not whole."""
    import tomllib  # noqa: PLC0415 - a show in English starts without it

    found = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    in_contexts = {
        f"{context}{CONTEXT_END}{text}": said
        for context, texts in found.get("contexts", {}).items()
        for text, said in texts.items()
    }
    return Catalogue(
        language,
        found["decimal_sign"],
        gettext.c2py(found["plural"]),
        found["texts"] | in_contexts,
        {text: tuple(forms) for text, forms in found["counted"].items()},
    )
