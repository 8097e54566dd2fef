"""The signs that a request came through a proxy: headers of its own, and a browser that believes to be elsewhere."""

import re
from collections.abc import Container
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from demo.web.access.origins import LOOPBACK_NAMES

PROXY_HEADERS = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "via",
)

_BROWSER = re.compile(r"(Chrome|Firefox)/(\d{2,4})\b")
_NAMES_THE_SITE = {"Chrome": 80, "Firefox": 90}
"""From these on they always send `Sec-Fetch-Site` to loopback, and never over plain http to anywhere else."""


def proxy_shown(scope: Scope, headers: Headers, origins: Container[str]) -> str:
    """The signs of a proxy, in words; empty when there is none. `origins`: this server's own."""
    shown = [name for name in PROXY_HEADERS if name in headers]
    version = scope.get("http_version", "1.1")
    if version != "1.1":
        shown.append(f"HTTP/{version}")
    if sign := _elsewhere(headers, origins):
        shown.append(sign)
    return ", ".join(shown)


def _elsewhere(headers: Headers, origins: Container[str]) -> str:
    """What tells that the Host header is not the address in the browser's bar: a proxy has rewritten it.

    A page of another site is none of that: there the browser itself says so (`Sec-Fetch-Site`), or Origin does.
    """
    site = headers.get("sec-fetch-site")
    if site in (None, "same-origin"):
        page = _origin(headers.get("referer", ""))
        if page and page not in origins:
            return f"a page of {page}"
        origin = headers.get("origin", "")
        if site is not None and origin not in ("", "null") and origin not in origins:
            return f"a page of {origin[:100]}"
    if site is None and headers.get("host", "").rpartition(":")[0].lower() in LOOPBACK_NAMES:
        found = _BROWSER.search(headers.get("user-agent", ""))
        if found and int(found[2]) >= _NAMES_THE_SITE[found[1]]:
            return f"a {found[1]} that was not asked for a page of this machine"
    return ""


def _origin(url: str) -> str:
    """Of an absolute address of the web, as a browser writes it; empty for anything else."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}".lower()[:100] if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
