"""Makes what asks one address of a probe, by the probe's kind."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from demo.errors import InvalidValue
from demo.probes.http_answer import HttpAnswerProbe
from demo.probes.process import ProcessProbe, ProcessState
from demo.probes.result import Probe
from demo.probes.tcp import TcpProbe
from demo.showfile.schema.probes import ProbeSettings


@dataclass
class Sources:
    """What probes ask with; whoever runs them gives it. `session` is called for each request.

    `process`: returns what is known of a process of the show, None if nothing is. `fill`: puts secrets into a text.
    """

    session: Callable[[], aiohttp.ClientSession]
    process: Callable[[str], ProcessState | None] = lambda name: None
    fill: Callable[[str], str] = lambda text: text
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path | None = None


def make_probe(settings: ProbeSettings, address: str, sources: Sources) -> Probe:
    """Return what asks this address. Raises `InvalidValue` if it is no address of this kind."""
    match settings.kind:
        case "http":
            headers = {name: sources.fill(text) for name, text in settings.headers.items()}
            url = sources.fill(address)
            return HttpAnswerProbe(sources.session, url, settings.method, headers, settings.timeout)
        case "tcp":
            return TcpProbe(*host_and_port(address), settings.timeout)
        case "process":
            return ProcessProbe(lambda: sources.process(address))
    raise InvalidValue(f"a probe of the kind {settings.kind} cannot be asked yet")


def host_and_port(address: str) -> tuple[str, int]:
    """Return both parts of `host:port`; an IPv6 address stands in brackets. Raises `InvalidValue`."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidValue(f"{address!r} is no address: write it like 127.0.0.1:5432")
    return host.strip("[]"), int(port)
