"""Where the container engine is: looked up as the docker client does, then at rootless and podman sockets."""

import contextlib
import hashlib
import json
import os
import re
import ssl
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import EngineError

PLAIN_PORT, TLS_PORT = 2375, 2376


@dataclass(frozen=True)
class EngineEndpoint:
    """An engine's address; `said` is how people read it. `tls` is set if the address or the settings ask for it."""

    url: str
    said: str
    tls: ssl.SSLContext | None = None


def endpoint_at(url: str, environ: Mapping[str, str] = os.environ) -> EngineEndpoint:
    """Return the endpoint at this address, with the certificates that the environment names. Raises `EngineError`.

    DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH count as they do for the docker client.
    """
    verify, plain_tls = bool(environ.get("DOCKER_TLS_VERIFY")), bool(environ.get("DOCKER_TLS"))
    if not (verify or plain_tls) or not url.startswith("tcp://"):
        return _parse_address(url, url)
    folder = Path(environ.get("DOCKER_CERT_PATH") or _config_folder(environ))
    return _parse_address(url, f"{url} (TLS)", _tls_context(folder, verify, "DOCKER_CERT_PATH"))


def find(environ: Mapping[str, str] = os.environ) -> EngineEndpoint:
    """Return the engine of DOCKER_HOST, DOCKER_CONTEXT, the current context, or a socket. Raises `EngineError`."""
    if environ.get("DOCKER_HOST"):
        return endpoint_at(environ["DOCKER_HOST"], environ)
    context = environ.get("DOCKER_CONTEXT") or _current_context(environ)
    if context and context != "default":
        return _read_context(context, environ)
    return first_usable(sockets(environ))


def _config_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def _current_context(environ: Mapping[str, str]) -> str:
    path = _config_folder(environ) / "config.json"
    try:
        return str(json.loads(path.read_bytes()).get("currentContext") or "")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise EngineError(f"docker's settings {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, AttributeError) as error:
        raise EngineError(f"docker's settings {path} are not valid JSON: {error}") from error


def _read_context(name: str, environ: Mapping[str, str]) -> EngineEndpoint:
    contexts, ident = _config_folder(environ) / "contexts", hashlib.sha256(name.encode()).hexdigest()
    choose = "choose another by DOCKER_CONTEXT or `docker context use`"
    try:
        endpoint: Any = json.loads((contexts / "meta" / ident / "meta.json").read_bytes())["Endpoints"]["docker"]
        url, skip = str(endpoint["Host"]), bool(endpoint.get("SkipTLSVerify"))
    except FileNotFoundError as error:
        raise EngineError(f"there is no docker context {name!r}: {choose} (`docker context ls` lists them)") from error
    except OSError as error:
        raise EngineError(f"the docker context {name!r} cannot be read: {error.strerror or error}; {choose}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"the docker context {name!r} names no engine address: {choose}") from error
    tls = contexts / "tls" / ident / "docker"
    said = f"{url} (context {name})"
    return _parse_address(url, said, _tls_context(tls, not skip, f"the context {name!r}") if tls.is_dir() else None)


def _parse_address(url: str, said: str, tls: ssl.SSLContext | None = None) -> EngineEndpoint:
    """Return the endpoint at this address. Raises `EngineError` for what is not an address of an engine."""
    scheme, separator, rest = url.partition("://")
    if scheme == "ssh" and separator:
        raise EngineError(
            f"an engine by ssh ({url}) is not supported: forward its socket "
            f"(ssh -L /tmp/engine.sock:/var/run/docker.sock {rest}) and set DOCKER_HOST=unix:///tmp/engine.sock"
        )
    if scheme == "unix" and rest.startswith("/"):
        return EngineEndpoint(url, said)
    host = re.fullmatch(r"((?:\[[0-9a-fA-F:.]+\]|[\w.-]+))(?::(\d{1,5}))?/?", rest)
    if scheme not in ("tcp", "http", "https") or host is None or not 0 < int(host[2] or 1) < 65536:
        raise EngineError(f"{url!r} is not the address of a container engine; write unix:///path or tcp://host:2375")
    if scheme == "https" and tls is None:
        tls = ssl.create_default_context()
    port = host[2] or (TLS_PORT if tls else PLAIN_PORT)
    return EngineEndpoint(f"{'https' if tls else 'http'}://{host[1]}:{port}", said, tls)


def _tls_context(folder: Path, verify: bool, source: str) -> ssl.SSLContext:
    """Return a TLS context from those of ca.pem, cert.pem and key.pem that are in the folder. Raises `EngineError`."""
    ca, cert, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca.exists() else None)
        if cert.exists() or key.exists():
            context.load_cert_chain(cert, key)
    except OSError as error:
        why = error.strerror or error.args[-1]
        raise EngineError(f"the certificates of {source} in {folder} cannot be used: {why}") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def first_usable(candidates: Sequence[Path]) -> EngineEndpoint:
    """Return the first socket that we may use; else the first that exists, so that the refusal names it.

    Raises `EngineError` when none exists.
    """
    existing = [path for path in candidates if _is_socket(path)]
    usable = [path for path in existing if os.access(path, os.R_OK | os.W_OK)]
    if not existing:
        known = ", ".join(map(str, candidates))
        raise EngineError(f"no container engine was found: start Docker or podman, or set DOCKER_HOST (tried {known})")
    return EngineEndpoint(url := f"unix://{(usable or existing)[0]}", url)


def sockets(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where engines listen by default: Docker's sockets before podman's, the system's before the user's."""
    own = [Path(environ["XDG_RUNTIME_DIR"])] if environ.get("XDG_RUNTIME_DIR") else []
    return (
        Path("/var/run/docker.sock"),
        *(folder / "docker.sock" for folder in own),
        *(Path.home() / ".docker" / folder / "docker.sock" for folder in ("run", "desktop")),
        *(folder / "podman" / "podman.sock" for folder in own),
        Path("/run/podman/podman.sock"),
    )


def _is_socket(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISSOCK(path.stat().st_mode)
    return False
