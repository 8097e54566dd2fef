"""Says a text in the language that is rendered now; English where nobody chose one, as in the terminal and the log.

The functions are those of gettext, placeholders are named: `translate("detected in %(time)s", time="0.2 s")`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from demo.texts.catalogue import ENGLISH, Catalogue, find_catalogue

_CATALOGUE: ContextVar[Catalogue] = ContextVar("catalogue", default=ENGLISH)


@contextmanager
def use_language(tag: str) -> Iterator[Catalogue]:
    """Let what is rendered within speak this language; "" is English. Nothing within may wait for the event loop."""
    catalogue = find_catalogue(tag)
    token = _CATALOGUE.set(catalogue)
    try:
        yield catalogue
    finally:
        _CATALOGUE.reset(token)


def current_catalogue() -> Catalogue:
    """Return the catalogue of the language that is rendered now."""
    return _CATALOGUE.get()


def translate(text: str, /, **values: object) -> str:
    """Return a text of the catalogue with its values; `text` is written out, so that a test finds it."""
    return _CATALOGUE.get().find(text) % values


def translate_count(one: str, many: str, num: int, /, **values: object) -> str:
    """Return the form of a text that goes with a number, which it may hold as `%(num)s`."""
    return _CATALOGUE.get().find_counted(one, many, num) % {"num": num, **values}


def mark_text(text: str) -> str:
    """Return the text as it is: it stands in a table, is in the catalogue, and `translate_marked` says it later."""
    return text


def translate_marked(text: str, /, **values: object) -> str:
    """Return a text that was marked where it stands; one that is in no catalogue, as from outside, stays as it is."""
    found = _CATALOGUE.get().find(text)
    return found % values if values else found


def localize_number(text: str) -> str:
    """Return a number, formatted as Python does, with the decimal sign of the language."""
    sign = _CATALOGUE.get().decimal_sign
    return text if sign == "." else text.replace(".", sign)
