"""The pages' static files: read once, kept in memory, compressed once, with a hash of their content in the URL.

A URL with the hash may be cached for ever; one without it (favicon) is revalidated each time. The sheets of a page are
also served as one file, and its scripts as another: packed together they are a fifth smaller, and each file costs half
a kilobyte of headers.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from demo.web.rendering.gzip import compress

FOLDER = "static/"
"""URLs of files are relative, without a slash in front: a proxy may serve everything below a path of its own."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
SHEETS: dict[str, tuple[str, ...]] = {
    "stage-page.css": (
        "base.css",
        "stage.css",
        "picture.css",
        "panels.css",
        "layouts.css",
        "narrow.css",
        "content.css",
        "vote.css",
        "ask.css",
        "theme.css",
    ),
    "presenter-page.css": (
        "base.css",
        "stage.css",
        "picture.css",
        "panels.css",
        "content.css",
        "control.css",
        "desk.css",
        "pairing.css",
        "vote.css",
        "ask.css",
        "theme.css",
    ),
    "remote-page.css": ("base.css", "control.css", "phone.css", "theme.css"),
    "print-page.css": ("base.css", "content.css", "print.css"),
}
"""The sheets of each page, in the order in which they count."""

_EVERY_PAGE = ("clock.js", "look.js", "layout.js", "slots.js", "trial.js", "link.js")
_CONTROLS = ("press.js", "arm.js", "keys.js")
SCRIPTS: dict[str, tuple[str, ...]] = {
    "stage-page.js": (*_EVERY_PAGE, "images.js", "fit.js", "stage.js", "vote.js"),
    "presenter-page.js": (*_EVERY_PAGE, "images.js", "fit.js", *_CONTROLS, "desk.js", "pairing.js"),
    "remote-page.js": (*_EVERY_PAGE, *_CONTROLS, "phone.js"),
}
"""The scripts of each page, in the order in which they run; each of them is a function that is called at once."""

_URL = re.compile(rb'url\("([^":#]+)"\)')
_FOREVER = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"


@dataclass(frozen=True)
class Asset:
    """One static file with its headers. `url` is relative to a page."""

    url: str
    media_type: str
    body: bytes
    cache_control: str

    @cached_property
    def packed(self) -> bytes | None:
        """Its gzip form, computed when it is first needed; None where that would not be smaller."""
        return compress(self.body)

    def headers(self, gzip_accepted: bool) -> dict[str, str]:
        """Return the headers that go with `content(gzip_accepted)`."""
        headers = {"content-type": self.media_type, "cache-control": self.cache_control, "vary": "accept-encoding"}
        return headers | ({"content-encoding": "gzip"} if gzip_accepted and self.packed is not None else {})

    def content(self, gzip_accepted: bool) -> bytes:
        return self.packed if gzip_accepted and self.packed is not None else self.body


class Assets:
    """All files of a known type below `directory`. Paths are looked up in a table, so no request reaches the disk."""

    def __init__(self, directory: Path) -> None:
        self._by_name: dict[str, Asset] = {}
        self._by_path: dict[str, Asset] = {}
        for name, asset in sorted(_read(directory)):
            self._by_name[name] = asset
            self._by_path[asset.url.removeprefix(FOLDER)] = asset
            self._by_path[name] = replace(asset, cache_control=_REVALIDATE)
        urls = "\n".join(asset.url for asset in self._by_name.values())
        self.fingerprint = hashlib.sha256(urls.encode()).hexdigest()[:12]
        """A hash of all files together: a page that sees another one is of another version, and reloads."""

    def url(self, name: str) -> str:
        """Return the URL of `name` (as in "base.css"), relative to a page. Raises `KeyError` for an unknown name."""
        return self._by_name[name].url

    def find(self, path: str) -> Asset | None:
        """Return the asset of a path below /static/, with the hash or without; None for any other path."""
        return self._by_path.get(path.removeprefix("/").removeprefix(FOLDER))

    def all(self) -> Mapping[str, Asset]:
        """Return all files by their names without the hash."""
        return dict(self._by_name)


def _read(directory: Path) -> Iterator[tuple[str, Asset]]:
    bodies = {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.suffix in _TYPES and path.is_file()
    }
    urls = {name: _name_by_content(name, body) for name, body in bodies.items()}
    for name, body in bodies.items():
        if name.endswith(".css"):
            bodies[name] = _URL.sub(lambda found, at=name: _point_to_content(found, at, urls), body)  # type: ignore[misc]
            urls[name] = _name_by_content(name, bodies[name])
    for name, parts in (SHEETS | SCRIPTS).items():
        if all(part in bodies for part in parts):
            bodies[name] = b"\n".join(bodies[part] for part in parts)
            urls[name] = _name_by_content(name, bodies[name])
    for name, body in bodies.items():
        yield name, Asset(FOLDER + urls[name], _TYPES[Path(name).suffix], body, _FOREVER)


def _name_by_content(name: str, body: bytes) -> str:
    stem, suffix = posixpath.splitext(name)
    return f"{stem}.{hashlib.sha256(body).hexdigest()[:10]}{suffix}"


def _point_to_content(found: re.Match[bytes], sheet: str, urls: Mapping[str, str]) -> bytes:
    """Return a sheet's `url("…")` with the hash of the file that it names. Raises `KeyError` for a file that is not."""
    base = posixpath.dirname(sheet)
    target = urls[posixpath.normpath(posixpath.join(base, found[1].decode()))]
    return f'url("{posixpath.relpath(target, base or ".")}")'.encode()
