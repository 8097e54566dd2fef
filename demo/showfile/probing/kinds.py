"""Makes what asks one address of a probe, by the probe's kind."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from demo.container_engine import Container, Engine
from demo.errors import InvalidValue
from demo.probes.command import CommandProbe
from demo.probes.container import ContainerCommandProbe, ContainerFinder, ContainerProbe
from demo.probes.http_answer import HttpAnswerProbe
from demo.probes.log import LinesSince, LogRateProbe
from demo.probes.patterns import Pattern
from demo.probes.postgres import PostgresProbe
from demo.probes.process import ProcessProbe, ReportedState
from demo.probes.prometheus import PrometheusQueryProbe
from demo.probes.redis_ping import RedisPingProbe
from demo.probes.result import Probe
from demo.probes.tcp import TcpProbe
from demo.processes.environment import past_proxies
from demo.showfile.schema.probes import LogProbe, ProbeSettings

SCHEMES = ("http://", "https://")


async def _unknown(asked: object) -> None:
    """Answer for what nobody here knows."""


@dataclass
class Sources:
    """What probes ask with; whoever runs them gives it.

    `session` is called for each request. `engine`: the container engine, None if there is none; `project`: the compose
    project whose services are meant; `ended_lately` as in `ContainerFinder`. `process`: returns what is known of a
    process of the show, None if nothing is. `log`: returns what returns the lines of a process or service. `fill`: puts
    the values of secrets into a text. `environ` is the whole environment of commands, `folder` where they run.
    """

    session: Callable[[], aiohttp.ClientSession]
    engine: Engine | None = None
    project: str = ""
    ended_lately: Callable[[str], Container | None] = lambda ident: None
    process: Callable[[str], Awaitable[ReportedState | None]] = _unknown
    log: Callable[[LogProbe], LinesSince] = lambda settings: _unknown
    fill: Callable[[str], str] = lambda text: text
    environ: Mapping[str, str] = field(default_factory=past_proxies)
    folder: Path | None = None


def make_probe(settings: ProbeSettings, address: str, sources: Sources) -> Probe:
    """Return what asks this address. Raises `InvalidValue` if it is not an address of this kind."""
    if settings.kind in ("http", "tcp", "redis", "postgres", "prometheus"):
        return _make_client(settings, address, sources)
    match settings.kind:
        case "process":
            return ProcessProbe(lambda: sources.process(address))
        case "docker":
            return ContainerProbe(_finder(sources, address, address), settings.timeout)
        case "exec" if settings.exec is not None:
            command = settings.exec
            finder = _finder(sources, command.service or "", command.container or "")
            return ContainerCommandProbe(finder, command.command, settings.timeout)
        case "run" if settings.run is not None:
            return CommandProbe(settings.run, sources.environ, sources.folder, settings.timeout)
        case "log" if settings.log is not None:
            return LogRateProbe(sources.log(settings.log), Pattern(settings.log.match))
    raise InvalidValue(f"there is no probe of the kind {settings.kind}")


def open_session() -> aiohttp.ClientSession:
    """Return a session for probes: no limit of connections, no cookies, no proxy, and no timeout but the probes'."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout()
    )


def _finder(sources: Sources, service: str, name: str) -> ContainerFinder:
    if sources.engine is None:
        raise InvalidValue("there is no container engine to ask")
    return ContainerFinder(sources.engine, service, name, sources.project, sources.ended_lately)


def _make_client(settings: ProbeSettings, address: str, sources: Sources) -> Probe:
    url = sources.fill(address)
    match settings.kind:
        case "http":
            headers = {name: sources.fill(text) for name, text in settings.headers.items()}
            return HttpAnswerProbe(sources.session, _checked(url, SCHEMES), settings.method, headers, settings.timeout)
        case "tcp":
            return TcpProbe(*host_and_port(url), settings.timeout)
        case "redis":
            return RedisPingProbe(url if "://" in url else f"redis://{url}", settings.timeout)
        case "postgres":
            return PostgresProbe(url, settings.timeout, settings.query, writes=settings.write)
    if settings.query is None:
        raise InvalidValue("a probe of Prometheus needs a query")
    return PrometheusQueryProbe(sources.session, _checked(url, SCHEMES), settings.query, settings.timeout)


def _checked(url: str, schemes: tuple[str, ...]) -> str:
    if not url.startswith(schemes):
        raise InvalidValue(f"its URL must begin with {' or '.join(schemes)}")
    return url


def host_and_port(address: str) -> tuple[str, int]:
    """Return both parts of `host:port`; an IPv6 address stands in brackets. Raises `InvalidValue`."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidValue("its address must be a host and a port, like 127.0.0.1:5432")
    return host.strip("[]"), int(port)
