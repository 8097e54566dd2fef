"""The environment variables that a process we start inherits: ours, except those that would mislead it."""

import os
from collections.abc import Mapping

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "GRPC_PROXY")
"""In upper or lower case. Our processes reach each other on loopback, and clusters directly, without a proxy."""

NO_PROXY = ("no_proxy", "NO_PROXY")
LOOPBACK = ("127.0.0.1", "localhost", "::1")

COMPOSE = ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES", "COMPOSE_REMOVE_ORPHANS")
"""A user's shell may set these for a compose project of their own."""

SERVICE_MANAGER = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What systemd tells a service about itself: a server that we start would take it for its own."""


def without_proxies(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without proxy variables, for a process that needs none."""
    return {name: value for name, value in _as_dict(environ).items() if name.upper() not in PROXIES}


def past_proxies(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment with loopback exempt from proxies.

    For a program that may have to download something through a proxy, and then serves on loopback.
    """
    variables = _as_dict(environ)
    exempt_hosts = [word for name in NO_PROXY for word in variables.get(name, "").split(",") if word.strip()]
    return variables | dict.fromkeys(NO_PROXY, ",".join(dict.fromkeys([*map(str.strip, exempt_hosts), *LOOPBACK])))


def for_server(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a server program: no proxies, and the C locale.

    Some servers exit at once when the locale that is set is not installed.
    """
    variables = without_proxies(environ)
    return {name: value for name, value in variables.items() if not _is_locale(name)} | {"LC_ALL": "C"}


def for_own_process(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process that a show describes: no proxies, no locale, nothing of a service manager.

    Unlike `for_server` it sets no locale, so that the show's own `LANG` has an effect.
    """
    variables = without_proxies(environ)
    return {name: value for name, value in variables.items() if not _is_locale(name) and name not in SERVICE_MANAGER}


def for_compose(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of the docker client: proxies are its own affair, other compose projects are left out."""
    return {name: value for name, value in _as_dict(environ).items() if name not in COMPOSE}


def asks_proxy_for_loopback(environ: Mapping[str, str] | None = None) -> str:
    """Return the variable that makes programs like `curl` ask a proxy for this server's own address; "" if none."""
    variables = _as_dict(environ)
    exempt_hosts = {word.strip() for name in NO_PROXY for word in variables.get(name, "").split(",")}
    if exempt_hosts & {"*", "127.0.0.1", "127.0.0.0/8"}:
        return ""
    # curl reads HTTP_PROXY in small letters only.
    return next((name for name in ("http_proxy", "all_proxy", "ALL_PROXY") if variables.get(name)), "")


def _as_dict(environ: Mapping[str, str] | None) -> dict[str, str]:
    return dict(os.environ if environ is None else environ)


def _is_locale(name: str) -> bool:
    return name in ("LANG", "LANGUAGE") or name.startswith("LC_")
