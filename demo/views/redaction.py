"""Texts for others: what looks like an address, a path or a secret is masked. Pure.

This is a safety net: pollers, drivers and decks are themselves to keep addresses out of what the audience sees.
"""

import ipaddress
import re
from functools import lru_cache

MASK = "•••"

_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_PATH = re.compile(
    r"(?<![\w/.])~?/(?:[\w.+@-]+/)+[\w.+@-]*"  # two levels and more
    r"|(?<![\w/.])(?:~|/(?:tmp|etc|var|home|root|run|usr|opt|srv|mnt|proc|sys|dev|Users))(?:/[\w.+@-]*|\b)"
    r"|(?<!\w)[A-Za-z]:\\\S+|(?<!\S)\\\\\S+"
)
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2}|:\d{1,5})?(?![\w.]*\w)")
_IPV6 = re.compile(
    r"\[[0-9a-f:.]+(?:%\w+)?\](?::\d{1,5})?|(?<![\w:.])[0-9a-f:]*:[0-9a-f:.]*(?:%\w+)?(?:/\d{1,3})?", re.I
)
_HOST_PORT = re.compile(r"(?<![\w.:-])[a-z][\w-]*(?:\.[\w-]+)*:\d{2,5}(?![\w:]|\.\d)", re.IGNORECASE)

_CALLED = r"\w*(?:password|passwd|passphrase|secret|api[_-]?key|credentials?)|(?:\w+[_-])?token|authorization"
_HIDDEN = r"(?:(?:bearer|basic)\s+)?[\"']?[^\s\"',;]+"
_SECRET = re.compile(
    rf"\b({_CALLED})(\s*[=:]\s*|\s+(?=[\"'])){_HIDDEN}"
    rf"|(?<=-)((?:\w+-)*(?:{_CALLED}))(\s+){_HIDDEN}",
    re.IGNORECASE,
)
"""`password=…`, `token: …`, `Authorization: Bearer …`, `--password …`."""


@lru_cache(maxsize=8192)
def masked(text: str) -> str:
    """Hide URLs, IP addresses, host:port and absolute paths in `text`; times, ratios and units stay."""
    for pattern in (_URL, _PATH, _IPV4):
        text = pattern.sub(MASK, text)
    return _HOST_PORT.sub(MASK, _IPV6.sub(_mask_if_address, text))


def without_named_secrets(text: str) -> str:
    """Hide the values of what is called a password, a token or the like."""
    return _SECRET.sub(_mask_value, text)


def _mask_value(found: re.Match[str]) -> str:
    return f"{found[1] or found[3]}{found[2] or found[4]}{MASK}"


def _mask_if_address(match: re.Match[str]) -> str:
    """Hide the match only if Python parses it as an IPv6 address: 12:30:05 or a word with a colon is none."""
    bare = match[0].removeprefix("[").partition("]")[0].partition("/")[0].partition("%")[0]
    word = bare if bare.endswith("::") else bare.rstrip(":.")
    try:
        ipaddress.IPv6Address(word)
    except ValueError:
        return match[0]
    return MASK + bare[len(word) :]
