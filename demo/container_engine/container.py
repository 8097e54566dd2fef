"""One container as the engine tells of it, in plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
TARGET_LABEL = "demo.target"

UP = ("running", "restarting", "paused")
"""The states in which there is a process."""

_SETTINGS = ("IPAMConfig", "Links", "DriverOpts")
"""What somebody may have asked of an endpoint, besides its aliases."""


@dataclass(frozen=True)
class Container:
    """`networks`: name → aliases; `settings`: name → the endpoint's other settings, as the engine wants them back.

    `ports`: container's TCP port → where it is published. `exit_code` and `finished_at` belong to its last end.
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
    """Network → its IPv4 address there as of now, whoever chose it."""

    @property
    def project(self) -> str:
        return self.labels.get(PROJECT_LABEL, "")

    @property
    def service(self) -> str:
        return self.labels.get(SERVICE_LABEL, "")

    @property
    def called(self) -> str:
        """What people call it: its service, or its own name where it has none."""
        return self.service or self.name

    @property
    def is_target(self) -> bool:
        return self.labels.get(TARGET_LABEL) == "true"

    @property
    def is_running(self) -> bool:
        """Running, and not paused."""
        return self.state == "running"


def read(data: Mapping[str, Any]) -> Container:
    """From what the engine says when it is asked for one container. Raises `KeyError`, `TypeError` on nonsense."""
    state, ident = data["State"], str(data["Id"])
    status = str(state["Status"])
    network = data.get("NetworkSettings") or {}
    endpoints = {str(name): endpoint or {} for name, endpoint in (network.get("Networks") or {}).items()}
    return Container(
        id=ident,
        name=str(data["Name"]).removeprefix("/"),
        labels={str(key): str(value) for key, value in (data["Config"].get("Labels") or {}).items()},
        state="exited" if status == "stopped" else status,  # podman's word
        networks={name: _aliases(endpoint, ident) for name, endpoint in endpoints.items()},
        exit_code=None if status in ("created", *UP) else state.get("ExitCode"),
        started_at=str(state.get("StartedAt") or ""),
        ports=_published(network.get("Ports") or {}),
        finished_at=str(state.get("FinishedAt") or ""),
        created_at=str(data.get("Created") or ""),
        settings={name: kept for name, endpoint in endpoints.items() if (kept := _asked(endpoint))},
        auto_remove=bool((data.get("HostConfig") or {}).get("AutoRemove")),
        addresses={name: str(at) for name, endpoint in endpoints.items() if (at := endpoint.get("IPAddress"))},
    )


def _aliases(endpoint: Mapping[str, Any], ident: str) -> tuple[str, ...]:
    """Without the short id: engines add that one by themselves."""
    return tuple(alias for alias in endpoint.get("Aliases") or () if alias != ident[:12])


def _asked(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: endpoint[key] for key in _SETTINGS if endpoint.get(key)}
    if not any((kept.get("IPAMConfig") or {}).values()):
        kept.pop("IPAMConfig", None)
    return kept


def _published(ports: Mapping[str, Any]) -> dict[int, tuple[str, int]]:
    """The first place of each; an IPv4 one where there is one."""
    found: dict[int, tuple[str, int]] = {}
    for key, places in ports.items():
        number, _, protocol = key.partition("/")
        known = sorted(places or (), key=lambda place: ":" in (place.get("HostIp") or ""))
        if protocol in ("", "tcp") and known and known[0].get("HostPort"):
            found[int(number)] = (known[0].get("HostIp") or "0.0.0.0", int(known[0]["HostPort"]))  # noqa: S104
    return found
