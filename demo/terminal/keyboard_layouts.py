"""Which key a printed character stands for, in a terminal: it tells what a key prints, and not where the key lies."""

import unicodedata

_LATIN = "qwertyuiopasdfghjklzxcvbnm."
_RUSSIAN = "йцукенгшщзфывапролдячсмитью"
_HEBREW = dict(zip("קראטוןםפשדגכעיחלךזסבהנמצ", "ertyuiopasdfghjklzxcvbnm", strict=True))
_GREEK = dict(zip("ςερτυθιοπασδφγηξκλζχψωβνμ", "wertyuiopasdfghjklzxcvbnm", strict=True))
_PLACES = dict(zip(_RUSSIAN, _LATIN, strict=True)) | {"і": "s"} | _GREEK | _HEBREW
"""One well-known layout of each script: the Russian one with Ukrainian's і, the Greek and the Israeli one."""


def understood(key: str) -> str:
    """The key that was meant: a digit of any script is its value, a letter of these scripts its place's Latin one.

    What is ambiguous stays as it is: `é` is 2 on a French keyboard and 0 on a Czech one.
    """
    if len(key) != 1:
        return key.lower()
    sign = unicodedata.normalize("NFKC", key).lower()
    if len(sign) != 1:
        return key.lower()
    value = unicodedata.decimal(sign, None)
    if value is not None:
        return str(value)
    if sign == "؟":
        return "?"
    return _PLACES.get(sign) or _PLACES.get(_without_accent(sign), sign)


def _without_accent(sign: str) -> str:
    """Greek vowels with their accents lie where they lie without."""
    bare = unicodedata.normalize("NFD", sign)[0]
    return bare if "GREEK" in unicodedata.name(sign, "") else sign
