"""A compose file as compose understands it: its services, and the labels that a show adds to all it brings up. Pure."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from demo.errors import SubjectError

JOB_CONDITION = "service_completed_successfully"
_UNSET = re.compile(r'[Tt]he \\?"?(\w+)\\?"? variable is not set')
_PUBLISHED = re.compile(r"(?:(?P<host>.*):)?(?P<port>\d+):\d+(?:/tcp)?")


@dataclass(frozen=True)
class ComposeService:
    """`is_job`: it is meant to end, as others wait for that. `ports`: where it is published: address ("": all), port.

    `image` is empty for one that compose builds and names itself.
    """

    name: str
    image: str
    is_built: bool
    is_job: bool
    ports: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ComposeConfig:
    """`digest`: of all that it says. `unset`: variables that the file uses, but nobody has set."""

    services: tuple[ComposeService, ...]
    digest: str
    unset: tuple[str, ...]
    data: Mapping[str, Any]


def read_config(text: bytes, warnings: Sequence[str]) -> ComposeConfig:
    """Return what compose's `config` printed. Raises `SubjectError` if that is not what compose prints."""
    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SubjectError(f"compose printed its file in a form that cannot be read: {error}") from error
    services: Any = data.get("services") if isinstance(data, Mapping) else None
    if not isinstance(services, Mapping) or not services:
        raise SubjectError("the compose file has no services")
    jobs = {
        name
        for service in services.values()
        for name, terms in _items(service, "depends_on")
        if isinstance(terms, Mapping) and terms.get("condition") == JOB_CONDITION
    }
    found = tuple(_service(str(name), service, name in jobs) for name, service in services.items())
    digest = hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()[:16]
    unset = dict.fromkeys(name for line in warnings for name in _UNSET.findall(line))
    return ComposeConfig(found, digest, tuple(unset), data)


def label_override(config: ComposeConfig, version: str, labels: Mapping[str, str], more: Mapping[str, str]) -> str:
    """Return a second compose file that adds labels: `more` to containers alone, `labels` to all that is created.

    `version`: that of the first file, as docker-compose refuses files of different versions.
    """
    created = {"labels": dict(labels)}
    override: dict[str, Any] = {"version": version} if version else {}
    override["services"] = {service.name: {"labels": {**labels, **more}} for service in config.services}
    for kind in ("networks", "volumes"):
        # The whole entry: docker-compose replaces it by this one.
        override[kind] = {
            name: {**(entry or {}), "labels": {**_labels(entry), **labels}}
            for name, entry in (config.data.get(kind) or {}).items()
            if not (entry or {}).get("external")
        }
    if "default" not in (config.data.get("networks") or {}) and any(map(_is_in_default, _services(config))):
        override["networks"]["default"] = created
    return json.dumps({key: value for key, value in override.items() if value})


def _service(name: str, data: Any, is_job: bool) -> ComposeService:
    entry = data if isinstance(data, Mapping) else {}
    ports = tuple(_published(entry.get("ports") or ()))
    return ComposeService(name, str(entry.get("image") or ""), bool(entry.get("build")), is_job, ports)


def _published(ports: Sequence[Any]) -> Iterator[tuple[str, int]]:
    """Yield where TCP ports are published, as far as that is one fixed port each."""
    for port in ports:
        if isinstance(port, Mapping):
            published = str(port.get("published") or "")
            if published.isdecimal() and port.get("protocol", "tcp") == "tcp":
                yield str(port.get("host_ip") or ""), int(published)
        elif (match := _PUBLISHED.fullmatch(str(port))) is not None:
            yield (match["host"] or "").strip("[]"), int(match["port"])


def _services(config: ComposeConfig) -> Iterator[Mapping[str, Any]]:
    return (service or {} for service in config.data["services"].values())


def _is_in_default(service: Mapping[str, Any]) -> bool:
    return not service.get("networks") and not service.get("network_mode")


def _items(service: Any, key: str) -> Iterator[tuple[str, Any]]:
    found = service.get(key) if isinstance(service, Mapping) else None
    return iter(found.items()) if isinstance(found, Mapping) else iter(())


def _labels(entry: Any) -> dict[str, Any]:
    found = (entry or {}).get("labels") or {}
    return dict(found) if isinstance(found, Mapping) else dict(str(label).partition("=")[::2] for label in found)
