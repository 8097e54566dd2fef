"""The proxies that people put in front of a server, each with its Debian defaults, on loopback and a free port."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.support.nginx import CONFIG as NGINX_CONFIG
from tests.support.nginx import listens
from tests.support.node import CLIENTS, require_node
from tests.support.servers import wait_for

MAX_START_SEC = 60
MAX_END_SEC = 10


@dataclass(frozen=True)
class Kind:
    """`command` gets program, folder, port and the port behind it. `buffers`: it holds streams back for ever.

    `in_debian`: every Debian has it.
    """

    name: str
    program: str
    command: Callable[[str, Path, int, int], list[str]]
    buffers: bool = False
    in_debian: bool = True

    def found(self) -> str | None:
        """The program's path; Debian keeps servers where not every user looks."""
        return shutil.which(self.program) or shutil.which(self.program, path="/usr/sbin:/usr/local/sbin")


def _configured(place: Path, text: str) -> str:
    config = place / "config"
    config.write_text(text)
    return str(config)


def _nginx(program: str, place: Path, port: int, behind: int) -> list[str]:
    settings = f"proxy_pass http://127.0.0.1:{behind};"
    config = _configured(
        place, NGINX_CONFIG.format(place=place, port=port, settings=settings, upstream="", location="/")
    )
    return [program, "-p", str(place), "-c", config, "-e", str(place / "error.log")]


def _haproxy(program: str, place: Path, port: int, behind: int) -> list[str]:
    text = f"""
defaults
  mode http
  timeout connect 5000
  timeout client 50000
  timeout server 50000
listen show
  bind 127.0.0.1:{port}
  server show 127.0.0.1:{behind}
"""
    return [program, "-db", "-f", _configured(place, text)]


def _apache(program: str, place: Path, port: int, behind: int) -> list[str]:
    """`retry=0`, as docs/access.md says: by default it asks nobody for a minute after its server was away."""
    modules = "/usr/lib/apache2/modules"
    loaded = "".join(
        f"LoadModule {name}_module {modules}/mod_{name}.so\n"
        for name in ("mpm_event", "authz_core", "proxy", "proxy_http")
    )
    text = f"""
ServerRoot {place}
ServerName localhost
PidFile {place}/pid
ErrorLog {place}/error.log
DefaultRuntimeDir {place}
User nobody
Group nogroup
Listen 127.0.0.1:{port}
{loaded}
ProxyPass / http://127.0.0.1:{behind}/ retry=0
"""
    return [program, "-D", "FOREGROUND", "-f", _configured(place, text)]


def _varnish(program: str, place: Path, port: int, behind: int) -> list[str]:
    own = ["-n", str(place / "work"), "-j", "none", "-s", "malloc,16m"]
    return [program, "-F", "-a", f"127.0.0.1:{port}", "-b", f"127.0.0.1:{behind}", *own]


def _squid(program: str, place: Path, port: int, behind: int) -> list[str]:
    place.chmod(0o777)  # Started by root, it becomes somebody else.
    text = f"""
http_port 127.0.0.1:{port} accel defaultsite=127.0.0.1:{port}
cache_peer 127.0.0.1 parent {behind} 0 no-query originserver
http_access allow all
pid_filename none
access_log none
cache_log {place}/cache.log
coredump_dir {place}
shutdown_lifetime 0 seconds
visible_hostname localhost
"""
    return [program, "-N", "-f", _configured(place, text)]


def _lighttpd(program: str, place: Path, port: int, behind: int) -> list[str]:
    text = f"""
server.modules = ( "mod_proxy" )
server.document-root = "{place}"
server.upload-dirs = ( "{place}" )
server.bind = "127.0.0.1"
server.port = {port}
proxy.server = ( "" => ( ( "host" => "127.0.0.1", "port" => {behind} ) ) )
"""
    return [program, "-D", "-f", _configured(place, text)]


def _caddy(program: str, place: Path, port: int, behind: int) -> list[str]:
    text = f"""
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{behind}
}}
"""
    return [program, "run", "--adapter", "caddyfile", "--config", _configured(place, text)]


def _mitmproxy(program: str, place: Path, port: int, behind: int) -> list[str]:
    own = ["--set", f"confdir={place}", "--listen-host", "127.0.0.1", "--listen-port", str(port), "--quiet"]
    return [program, "--mode", f"reverse:http://127.0.0.1:{behind}", *own]


def _http_proxy(program: str, place: Path, port: int, behind: int) -> list[str]:
    return [require_node(), str(CLIENTS / "http_proxy.mjs"), str(port), str(behind)]


KINDS = (
    Kind("nginx", "nginx", _nginx),
    Kind("HAProxy", "haproxy", _haproxy),
    Kind("Apache", "apache2", _apache),
    Kind("Varnish", "varnishd", _varnish),
    Kind("Squid", "squid", _squid),
    Kind("lighttpd", "lighttpd", _lighttpd, buffers=True),
    Kind("Caddy", "caddy", _caddy),
    Kind("mitmproxy", "mitmdump", _mitmproxy, buffers=True, in_debian=False),
    Kind("http-proxy", "node", _http_proxy),
)


def installed() -> tuple[Kind, ...]:
    """Those that this machine has. One that is absent is named, and a failure in CI."""
    found = tuple(kind for kind in KINDS if kind.found() is not None)
    absent = [kind for kind in KINDS if kind not in found]
    names = ", ".join(kind.program for kind in absent)
    if os.environ.get("CI") and any(kind.in_debian for kind in absent):
        pytest.fail(f"not installed: {names}: the tests of proxies must run in CI")
    if absent:
        print(f"NOT INSTALLED, SO NOT TESTED: {names}")
    return found


@contextmanager
def proxies(kinds: dict[Kind, int], behind: int, place: Path) -> Iterator[None]:
    """Each on its port, in front of one server; ended by its process, and its children with it."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for kind, port in kinds.items():
            own = place / kind.name
            own.mkdir()
            command = kind.command(kind.found() or kind.program, own, port, behind)
            environ = os.environ | {"HOME": str(own), "XDG_DATA_HOME": str(own), "XDG_CONFIG_HOME": str(own)}
            with (own / "output").open("w") as output:
                running.append(
                    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ)
                )
        for process, (kind, port) in zip(running, kinds.items(), strict=True):
            said = place / kind.name / "output"
            wait_for(partial(_stands, process, port, said), MAX_START_SEC, said.read_text)
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(MAX_END_SEC)


def _stands(process: "subprocess.Popen[bytes]", port: int, said: Path) -> bool:
    assert process.poll() is None, said.read_text()
    return listens(port)


def free_ports(count: int) -> list[int]:
    """So many at once, or the same one could be found twice."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
