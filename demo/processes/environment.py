"""What a process that we start inherits of our environment: all but what would lead it astray."""

import os
from collections.abc import Mapping

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "GRPC_PROXY")
"""In capitals or not. Our processes talk to each other, and to a cluster that is asked directly everywhere else."""

NO_PROXY = ("no_proxy", "NO_PROXY")
LOOPBACK = ("127.0.0.1", "localhost", "::1")

COMPOSE = ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES", "COMPOSE_REMOVE_ORPHANS")
"""What a shell is set up for is another project than ours."""


def without_proxies(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """For a process that has nobody to reach through a proxy."""
    return {name: value for name, value in _known(environ).items() if name.upper() not in PROXIES}


def past_proxies(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """For a program that may have to load something through a proxy, and then serves on loopback."""
    known = _known(environ)
    listed = [word for name in NO_PROXY for word in known.get(name, "").split(",") if word.strip()]
    return known | dict.fromkeys(NO_PROXY, ",".join(dict.fromkeys([*map(str.strip, listed), *LOOPBACK])))


def for_server(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """For a server program: some end at once where the locale that is asked for is not installed."""
    known = without_proxies(environ)
    return {name: value for name, value in known.items() if not _is_locale(name)} | {"LC_ALL": "C"}


def for_compose(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """For the docker client: the proxies are its own affair, other projects are not ours."""
    return {name: value for name, value in _known(environ).items() if name not in COMPOSE}


def asks_proxy_for_loopback(environ: Mapping[str, str] | None = None) -> str:
    """The variable that sends other programs, as `curl`, to a proxy with this server's own address; else empty."""
    known = _known(environ)
    spared = {word.strip() for name in NO_PROXY for word in known.get(name, "").split(",")}
    if spared & {"*", "127.0.0.1", "127.0.0.0/8"}:
        return ""
    # curl reads HTTP_PROXY in small letters only.
    return next((name for name in ("http_proxy", "all_proxy", "ALL_PROXY") if known.get(name)), "")


def _known(environ: Mapping[str, str] | None) -> dict[str, str]:
    return dict(os.environ if environ is None else environ)


def _is_locale(name: str) -> bool:
    return name in ("LANG", "LANGUAGE") or name.startswith("LC_")
