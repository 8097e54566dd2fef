"""Who is told of a show: the addresses of the command line and the secrets of the environment, checked at the start."""

import base64
import binascii
import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from demo.errors import UsageError

SECRET = "DEMO_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
TOKEN = "DEMO_GRAFANA_TOKEN"  # noqa: S105 - the name of the variable

URLS = ("DEMO_ANNOTATE", "DEMO_WEBHOOK")
"""The options as variables, which the command line has read already: their URLs may have credentials."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - Standard Webhooks: what such a secret begins with
MIN_SECRET, MAX_SECRET = 24, 64
"""Bytes of a secret, as Standard Webhooks 1.0.0 allows them."""

APP_PLATFORM = "/apis/annotation.grafana.app/"
_COLLECTION = re.compile(r"(.*/apis/annotation\.grafana\.app/v\w+)(/namespaces/[\w.-]+)?(/annotations)?")

MAKE_ONE = f'export {SECRET}="{SECRET_PREFIX}$(openssl rand -base64 32)"'


@dataclass(frozen=True, slots=True)
class ReceiverAddress:
    """Where a receiver listens. `url` has no credentials, but its path may be secret: show people `str(address)`."""

    url: str = field(repr=False)
    authorization: str = field(default="", repr=False)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{'/…' if parts.path.strip('/') or parts.query else ''}"


@dataclass(frozen=True, slots=True)
class GrafanaApi:
    """Grafana's annotations: `api` is /api/annotations, or the one of the app platform below /apis."""

    address: ReceiverAddress
    api: Literal["legacy", "app-platform"]


@dataclass(frozen=True, slots=True)
class Receivers:
    """All receivers of a show. `key` signs what webhooks get."""

    grafana: GrafanaApi | None = None
    webhooks: tuple[ReceiverAddress, ...] = ()
    key: bytes = field(default=b"", repr=False)

    @property
    def is_empty(self) -> bool:
        """Return whether nobody is told."""
        return self.grafana is None and not self.webhooks


def read_receivers(annotate: str | None, webhooks: Sequence[str], environ: MutableMapping[str, str]) -> Receivers:
    """Check the options `--annotate` and `--webhook`, and take their secrets out of the environment.

    Taken out, so that no process that the show starts inherits them. Raises `UsageError`, which quotes no URL.
    """
    secret, token = environ.pop(SECRET, ""), environ.pop(TOKEN, "")
    for name in URLS:
        environ.pop(name, None)
    addresses = tuple(read_address("--webhook", url) for url in webhooks)
    grafana = read_grafana(annotate, token) if annotate else None
    return Receivers(grafana, addresses, read_secret(secret) if addresses else b"")


def read_address(option: str, text: str) -> ReceiverAddress:
    """Return the address of a URL, its credentials apart. Raises `UsageError`."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{option} is not a URL: write http://HOST:PORT/PATH or https://HOST/PATH") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{option} must be a URL that begins with http:// or https:// and names a host")
    if re.search(r"[\s\x00-\x20\x7f]", text.strip()):
        raise UsageError(f"{option} has a space or a control character in it: write them as %20 and so on")
    name = f"[{host}]" if ":" in host else host
    netloc = name if port is None else f"{name}:{port}"
    credentials = ""
    if parts.username is not None or parts.password is not None:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        credentials = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return ReceiverAddress(urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, "")), credentials)


def read_grafana(text: str, token: str) -> GrafanaApi:
    """Return where annotations are created: the URL of a Grafana means /api/annotations. Raises `UsageError`."""
    address = read_address("--annotate", text)
    parts = urlsplit(address.url)
    if parts.query:
        raise UsageError("--annotate takes the URL of a Grafana, without a query")
    path = parts.path.rstrip("/")
    is_new = APP_PLATFORM in f"{path}/"
    if is_new:
        found = _COLLECTION.fullmatch(path)
        if found is None:
            raise UsageError(
                "--annotate names no annotations of Grafana's app platform: write "
                f"https://HOST{APP_PLATFORM}v0alpha1/namespaces/default/annotations"
            )
        path = f"{found[1]}{found[2] or '/namespaces/default'}/annotations"
    elif not path.endswith("/api/annotations"):
        path = f"{path}/api/annotations"
    if not re.fullmatch(r"[\x21-\x7e]*", token.strip()):
        raise UsageError(f"{TOKEN} has characters that no token of Grafana has")
    authorization = f"Bearer {token.strip()}" if token.strip() else address.authorization
    url = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return GrafanaApi(ReceiverAddress(url, authorization), "app-platform" if is_new else "legacy")


def read_secret(text: str) -> bytes:
    """Return the key of a secret as Standard Webhooks writes it: whsec_ and base64. Raises `UsageError`."""
    if not text.strip():
        raise UsageError(f"--webhook needs a secret to sign with, in the environment: {MAKE_ONE}")
    try:
        key = base64.b64decode(text.strip().removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError(f"{SECRET} is not {SECRET_PREFIX} and base64; make one: {MAKE_ONE}") from None
    if not MIN_SECRET <= len(key) <= MAX_SECRET:
        raise UsageError(f"{SECRET} must have {MIN_SECRET} to {MAX_SECRET} bytes, this one has {len(key)}: {MAKE_ONE}")
    return key
