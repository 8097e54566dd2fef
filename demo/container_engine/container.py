"""One container as the engine describes it, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
TARGET_LABEL = "demo.target"

UP = ("running", "restarting", "paused")
"""The states in which a container has a process, or is about to have one again."""

_SETTINGS = ("IPAMConfig", "Links", "DriverOpts")
"""What a user can set on the connection to a network, besides its aliases."""


@dataclass(frozen=True)
class Container:
    """`networks`: name → aliases; `settings`: name → the endpoint's other settings, as the engine accepts them.

    `ports`: the container's TCP port → host and port where it is published. `exit_code` and `finished_at` belong to its
    last end.
    """

    id: str
    name: str
    labels: Mapping[str, str]
    state: str
    networks: Mapping[str, tuple[str, ...]]
    exit_code: int | None
    started_at: str
    ports: Mapping[int, tuple[str, int]]
    finished_at: str = ""
    created_at: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    auto_remove: bool = False
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Network → its present IPv4 address there, whether a user or the engine chose it."""
    health: str = ""
    """What its own health check says: starting, healthy or unhealthy; "" without one."""
    image: str = ""
    """The image as it was asked for, `postgres:16`."""

    @property
    def project(self) -> str:
        return self.labels.get(PROJECT_LABEL, "")

    @property
    def service(self) -> str:
        return self.labels.get(SERVICE_LABEL, "")

    @property
    def called(self) -> str:
        """Return what people call it: its compose service, or its own name where it has none."""
        return self.service or self.name

    @property
    def is_target(self) -> bool:
        return self.labels.get(TARGET_LABEL) == "true"

    @property
    def is_running(self) -> bool:
        """Return whether it is running, and not paused."""
        return self.state == "running"


def parse_container(data: Mapping[str, Any]) -> Container:
    """Parse the engine's answer about one container. Raises `KeyError` or `TypeError` on nonsense."""
    state, ident = data["State"], str(data["Id"])
    status = str(state["Status"])
    network = data.get("NetworkSettings") or {}
    endpoints = {str(name): endpoint or {} for name, endpoint in (network.get("Networks") or {}).items()}
    return Container(
        id=ident,
        name=str(data["Name"]).removeprefix("/"),
        labels={str(key): str(value) for key, value in (data["Config"].get("Labels") or {}).items()},
        state="exited" if status == "stopped" else status,  # "stopped" is podman's term
        networks={name: _aliases(endpoint, ident) for name, endpoint in endpoints.items()},
        exit_code=None if status in ("created", *UP) else state.get("ExitCode"),
        started_at=str(state.get("StartedAt") or ""),
        ports=_published_ports(network.get("Ports") or {}),
        finished_at=str(state.get("FinishedAt") or ""),
        created_at=str(data.get("Created") or ""),
        settings={name: wanted for name, endpoint in endpoints.items() if (wanted := _user_settings(endpoint))},
        auto_remove=bool((data.get("HostConfig") or {}).get("AutoRemove")),
        addresses={name: str(at) for name, endpoint in endpoints.items() if (at := endpoint.get("IPAddress"))},
        health=_health_of(state),
        image=str(data["Config"].get("Image") or ""),
    )


def _health_of(state: Mapping[str, Any]) -> str:
    status = str((state.get("Health") or {}).get("Status") or "")
    return "" if status == "none" else status


def _aliases(endpoint: Mapping[str, Any], ident: str) -> tuple[str, ...]:
    """Return its aliases without the short id, which engines add by themselves."""
    return tuple(alias for alias in endpoint.get("Aliases") or () if alias != ident[:12])


def _user_settings(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    settings = {key: endpoint[key] for key in _SETTINGS if endpoint.get(key)}
    if not any((settings.get("IPAMConfig") or {}).values()):
        settings.pop("IPAMConfig", None)
    return settings


def _published_ports(ports: Mapping[str, Any]) -> dict[int, tuple[str, int]]:
    """Return the first place where each TCP port is published; an IPv4 one where there is one."""
    places_by_port: dict[int, tuple[str, int]] = {}
    for key, places in ports.items():
        number, _, protocol = key.partition("/")
        sorted_places = sorted(places or (), key=lambda place: ":" in (place.get("HostIp") or ""))
        if protocol in ("", "tcp") and sorted_places and sorted_places[0].get("HostPort"):
            host = sorted_places[0].get("HostIp") or "0.0.0.0"  # noqa: S104 - read, not bound
            places_by_port[int(number)] = (host, int(sorted_places[0]["HostPort"]))
    return places_by_port
