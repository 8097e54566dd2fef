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
"""Descriptors of names, which end with this process."""


def free_ports(count: int) -> list[int]:
    """Below the range from which the kernel takes ports for outgoing connections.

    Inside it, a client calling a killed server could be given that server's own port, and keep it. Two shows of one
    machine never choose the same, however long they take to listen there.
    """
    highest = _outgoing_from() - 1
    found: list[int] = []
    for _ in range(TRIES):
        port = random.randint(LOWEST, highest)  # noqa: S311 - spread, not secrecy
        if port not in found and is_free(port) and claim(port):
            found.append(port)
            if len(found) == count:
                return found
    raise OSError("no free ports on 127.0.0.1")


def claim(port: int) -> bool:
    """Keep it from the other shows of this machine, while this process lives. False: one of them has claimed it.

    A claim is a name that the kernel forgets with its process; the oldest of more than `MAX_CLAIMS` is let go of. It
    binds nobody else, and where the system has no such names every port can be had.
    """
    if not sys.platform.startswith("linux"):
        return True
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0chaos-stage-port-{port}")
    except OSError as error:
        name.close()
        return error.errno != errno.EADDRINUSE
    _claims.append(name.detach())
    if len(_claims) > MAX_CLAIMS:
        os.close(_claims.popleft())
    return True


def _outgoing_from() -> int:
    try:
        lowest = int(RANGE_FILE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        lowest = 32_768
    return lowest if lowest > LOWEST + 1000 else 32_768


def is_free(port: int) -> bool:
    """Could a server listen there, on 127.0.0.1?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
