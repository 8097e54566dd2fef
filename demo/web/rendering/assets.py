"""The pages' static files: read once, kept in memory, packed once, named by their content.

A fingerprinted path may be cached for ever; the plain one (favicon) is asked for again each time.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from demo.web.rendering.gzip import packed

FOLDER = "static/"
"""Pages name their files without the first slash: a proxy may have put all of it below a path of its own."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    url: str
    media_type: str
    body: bytes
    cache_control: str

    @cached_property
    def packed(self) -> bytes | None:
        """Its gzip form, made when it is first asked for; None where that would not be smaller."""
        return packed(self.body)

    def headers(self, gzip_accepted: bool) -> dict[str, str]:
        """What goes with `content(gzip_accepted)`."""
        found = {"content-type": self.media_type, "cache-control": self.cache_control, "vary": "accept-encoding"}
        return found | ({"content-encoding": "gzip"} if gzip_accepted and self.packed is not None else {})

    def content(self, gzip_accepted: bool) -> bytes:
        return self.packed if gzip_accepted and self.packed is not None else self.body


class Assets:
    """Every file below `directory` of a known type. Only these exact paths are ever answered."""

    def __init__(self, directory: Path) -> None:
        self._by_name: dict[str, Asset] = {}
        self._by_path: dict[str, Asset] = {}
        for name, asset in sorted(_read(directory)):
            self._by_name[name] = asset
            self._by_path[asset.url.removeprefix(FOLDER)] = asset
            self._by_path[name] = replace(asset, cache_control=_ASK_AGAIN)
        urls = "\n".join(asset.url for asset in self._by_name.values())
        self.fingerprint = hashlib.sha256(urls.encode()).hexdigest()[:12]
        """Of all files together: a page that sees another one is of another version."""

    def url(self, name: str) -> str:
        """Where `name` (as in "base.css") is served, as seen from a page. Raises `KeyError` where there is none."""
        return self._by_name[name].url

    def find(self, path: str) -> Asset | None:
        """The asset of a path below /static/, fingerprinted or plain; None for everything else."""
        return self._by_path.get(path.removeprefix("/").removeprefix(FOLDER))

    def all(self) -> Mapping[str, Asset]:
        """Each file by its plain name."""
        return dict(self._by_name)


def _read(directory: Path) -> Iterator[tuple[str, Asset]]:
    for path in directory.rglob("*"):
        media_type = _TYPES.get(path.suffix)
        if media_type is None or not path.is_file():
            continue
        name, body = path.relative_to(directory).as_posix(), path.read_bytes()
        stem = name.removesuffix(path.suffix)
        url = f"{FOLDER}{stem}.{hashlib.sha256(body).hexdigest()[:10]}{path.suffix}"
        yield name, Asset(url, media_type, body, _FOREVER)
