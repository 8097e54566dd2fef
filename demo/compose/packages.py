"""How to install a container engine and compose here: with the packages that this distribution really offers."""

import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence

ASK_SEC = 3.0

ENGINE = ("docker.io", "docker-ce", "podman")
COMPOSE = ("docker-compose-v2", "docker-compose-plugin", "docker-compose")
"""The names at Debian, Ubuntu and docker.com; which of them exist differs by distribution and release."""

OTHERS: Mapping[str, tuple[str, str, str]] = {
    "fedora": ("sudo dnf install", "moby-engine", "docker-compose"),
    "rhel": ("sudo dnf install", "podman", "docker-compose-plugin"),
    "arch": ("sudo pacman -S", "docker", "docker-compose"),
    "alpine": ("sudo apk add", "docker", "docker-cli-compose"),
    "suse": ("sudo zypper install", "docker", "docker-compose"),
    "opensuse": ("sudo zypper install", "docker", "docker-compose"),
}
"""By the ID or ID_LIKE of /etc/os-release: the install command, the engine's package, compose's package."""

ELSEWHERE = "see docs.docker.com/engine/install"


def installs_engine() -> str:
    """Return the command that installs an engine; for an unknown distribution, where to read on."""
    return _install_command(ENGINE, 1)


def installs_compose() -> str:
    """Return the same for compose. Runs `apt-cache` where there is one."""
    return _install_command(COMPOSE, 2)


def _install_command(names: Sequence[str], place: int, has: Callable[[str], bool] | None = None) -> str:
    if shutil.which("apt-get"):
        known = next(filter(has or _apt_has, names), "")
        return f"sudo apt-get install {known}" if known else ELSEWHERE
    known_as = next((word for word in _distribution() if word in OTHERS), "")
    if not known_as:
        return ELSEWHERE
    return f"{OTHERS[known_as][0]} {OTHERS[known_as][place]}"


def _apt_has(name: str) -> bool:
    """Return whether apt offers a package under that name."""
    try:
        command = ["apt-cache", "policy", name]
        output = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SEC, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "Candidate:" in output and "Candidate: (none)" not in output


def _distribution() -> list[str]:
    """Return the IDs of this distribution: its own first, then those that it resembles."""
    try:
        known = platform.freedesktop_os_release()
    except OSError:
        return []
    return [known.get("ID", ""), *known.get("ID_LIKE", "").split()]
