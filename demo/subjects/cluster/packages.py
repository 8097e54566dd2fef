"""What installs a container engine and compose here: the packages that this distribution really has."""

import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence

ASK_SEC = 3.0

ENGINE = ("docker.io", "docker-ce", "podman")
COMPOSE = ("docker-compose-v2", "docker-compose-plugin", "docker-compose")
"""As Debian, Ubuntu and docker.com call them; which of them there are differs by distribution and release."""

OTHERS: Mapping[str, tuple[str, str, str]] = {
    "fedora": ("sudo dnf install", "moby-engine", "docker-compose"),
    "rhel": ("sudo dnf install", "podman", "docker-compose-plugin"),
    "arch": ("sudo pacman -S", "docker", "docker-compose"),
    "alpine": ("sudo apk add", "docker", "docker-cli-compose"),
    "suse": ("sudo zypper install", "docker", "docker-compose"),
    "opensuse": ("sudo zypper install", "docker", "docker-compose"),
}
"""By the ID or ID_LIKE of /etc/os-release: the command, the engine, compose."""

ELSEWHERE = "see docs.docker.com/engine/install"


def installs_engine() -> str:
    """One command; without a known distribution, where to read on."""
    return _command(ENGINE, 1)


def installs_compose() -> str:
    """The same for compose. Asks apt's own list where there is one."""
    return _command(COMPOSE, 2)


def _command(names: Sequence[str], place: int, has: Callable[[str], bool] | None = None) -> str:
    if shutil.which("apt-get"):
        known = next(filter(has or _apt_has, names), "")
        return f"sudo apt-get install {known}" if known else ELSEWHERE
    known_as = next((word for word in _distribution() if word in OTHERS), "")
    if not known_as:
        return ELSEWHERE
    return f"{OTHERS[known_as][0]} {OTHERS[known_as][place]}"


def _apt_has(name: str) -> bool:
    """Is there something to install under that name?"""
    try:
        asked = ["apt-cache", "policy", name]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=ASK_SEC, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "Candidate:" in said and "Candidate: (none)" not in said


def _distribution() -> list[str]:
    """Its own name first, then those that it resembles."""
    try:
        known = platform.freedesktop_os_release()
    except OSError:
        return []
    return [known.get("ID", ""), *known.get("ID_LIKE", "").split()]
