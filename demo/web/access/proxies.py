"""Signs that a request came through a proxy: headers that proxies add, and a browser that shows another address.

docs/decisions/0024 tells which signs are used, and why.
"""

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
_SENDS_FETCH_SITE = {"Chrome": 80, "Firefox": 90}
"""The first versions that always send `Sec-Fetch-Site` to loopback, and over plain http to no other address."""


def describe_proxy(scope: Scope, headers: Headers, origins: Container[str]) -> str:
    """Describe the signs of a proxy in a request; empty when there is none. `origins` are this server's own."""
    signs = [name for name in PROXY_HEADERS if name in headers]
    version = scope.get("http_version", "1.1")
    if version != "1.1":  # Browsers speak 1.1 to this server; nginx, for one, by default speaks 1.0 to an upstream.
        signs.append(f"HTTP/{version}")
    if sign := _find_rewritten_host(headers, origins):
        signs.append(sign)
    return ", ".join(signs)


def _find_rewritten_host(headers: Headers, origins: Container[str]) -> str:
    """Describe the sign that the browser asked for another Host than the one that arrived; empty without one.

    A request from another site's page is not such a sign: the browser itself marks it, by Sec-Fetch-Site or Origin.
    """
    site = headers.get("sec-fetch-site")
    if site in (None, "same-origin"):
        page = _parse_origin(headers.get("referer", ""))
        if page and page not in origins:
            return f"a page of {page}"
        origin = headers.get("origin", "")
        if site is not None and origin not in ("", "null") and origin not in origins:
            return f"a page of {origin[:100]}"
    if site is None and headers.get("host", "").rpartition(":")[0].lower() in LOOPBACK_NAMES:
        browser = _BROWSER.search(headers.get("user-agent", ""))
        if browser and int(browser[2]) >= _SENDS_FETCH_SITE[browser[1]]:
            return f"a {browser[1]} that did not open a page of this machine"
    return ""


def _parse_origin(url: str) -> str:
    """Return the origin of an absolute http or https URL, in lower case; empty for anything else."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}".lower()[:100] if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
