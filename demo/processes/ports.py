"""Free ports on loopback, for processes that must find the same port free again after a kill."""

import errno
import os
import random
import socket
import sys
from collections import deque
from pathlib import Path

LOWEST = 20_000
RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 2000
MAX_CLAIMS = 200
_claims: deque[int] = deque()
"""Descriptors of the sockets that hold our claims; the kernel closes them with this process."""


def free_ports(count: int) -> list[int]:
    """Return `count` free ports, below the range from which the kernel takes ports for outgoing connections.

    Inside that range a client of a killed server could be given that server's own port, and keep it. Two shows on one
    machine never get the same port, however long they take to listen on it. Raises `OSError` when none is left.
    """
    highest = _first_outgoing_port() - 1
    found: list[int] = []
    for _ in range(TRIES):
        port = random.randint(LOWEST, highest)  # noqa: S311 - spread, not secrecy
        if port not in found and is_free(port) and claim(port):
            found.append(port)
            if len(found) == count:
                return found
    raise OSError("no free ports on 127.0.0.1")


def claim(port: int) -> bool:
    """Reserve a port against other shows on this machine while this process lives; False: another one has it.

    A claim is an abstract Unix socket, which the kernel frees with its process; of more than `MAX_CLAIMS` the oldest is
    released. It does not bind other programs, and where the system has no abstract sockets every port is granted.
    """
    if not sys.platform.startswith("linux"):
        return True
    claim_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim_socket.bind(f"\0chaos-stage-port-{port}")
    except OSError as error:
        claim_socket.close()
        return error.errno != errno.EADDRINUSE
    _claims.append(claim_socket.detach())
    if len(_claims) > MAX_CLAIMS:
        os.close(_claims.popleft())
    return True


def _first_outgoing_port() -> int:
    try:
        lowest = int(RANGE_FILE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        lowest = 32_768
    return lowest if lowest > LOWEST + 1000 else 32_768


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
