"""Which key a printed character stands for: a terminal tells what a key prints, and not where the key lies."""

import unicodedata

_LATIN = "qwertyuiopasdfghjklzxcvbnm."
_RUSSIAN = "йцукенгшщзфывапролдячсмитью"
_HEBREW = dict(zip("קראטוןםפשדגכעיחלךזסבהנמצ", "ertyuiopasdfghjklzxcvbnm", strict=True))
_GREEK = dict(zip("ςερτυθιοπασδφγηξκλζχψωβνμ", "wertyuiopasdfghjklzxcvbnm", strict=True))
_LATIN_KEYS = dict(zip(_RUSSIAN, _LATIN, strict=True)) | {"і": "s"} | _GREEK | _HEBREW
"""One well-known layout of each script: the Russian one with Ukrainian's і, the Greek and the Israeli one."""


def normalize_key(key: str) -> str:
    """Return the key that was meant: of a digit in any script its value, of a letter in these the Latin one on its key.

    What is ambiguous stays as it is: `é` is 2 on a French keyboard and 0 on a Czech one.
    """
    if len(key) != 1:
        return key.lower()
    character = unicodedata.normalize("NFKC", key).lower()
    if len(character) != 1:
        return key.lower()
    value = unicodedata.decimal(character, None)
    if value is not None:
        return str(value)
    if character == "؟":
        return "?"
    return _LATIN_KEYS.get(character) or _LATIN_KEYS.get(_strip_greek_accent(character), character)


def _strip_greek_accent(character: str) -> str:
    """Return a Greek vowel without its accent, which is typed on the same key; any other character as it is."""
    unaccented = unicodedata.normalize("NFD", character)[0]
    return unaccented if "GREEK" in unicodedata.name(character, "") else character
