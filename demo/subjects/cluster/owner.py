"""Whose a compose project is: a label says which process brought it up, so that what a crash left is found again."""

import os
import platform
from collections.abc import Iterable
from typing import Literal

from demo.chaos.child import birth_of
from demo.engine.container import Container
from demo.errors import FaultError

LABEL = "demo.owner"
KEPT = "kept"

Claim = Literal["nobody's", "ours", "another's", "kept", "left"]


def mine(*, keep: bool) -> str:
    """What this process writes on the containers it brings up. Kept: no show removes them."""
    return KEPT if keep else f"{platform.node()}/{os.getpid()}/{_born(os.getpid()) or 0}"


def claim_on(containers: Iterable[Container]) -> Claim:
    """`left`: by a process of this machine that is gone. `another's`: it lives, or nobody can tell."""
    owners = {container.labels.get(LABEL, "") for container in containers}
    if not owners:
        return "nobody's"
    if KEPT in owners or "" in owners:
        return "kept"
    if owners == {mine(keep=False)}:
        return "ours"
    return "left" if all(_is_gone(owner) for owner in owners) else "another's"


def _is_gone(owner: str) -> bool:
    host, _, rest = owner.rpartition("/")[0].rpartition("/")
    pid, born = rest, owner.rpartition("/")[2]
    if host != platform.node() or not pid.isdecimal() or not born.isdecimal():
        return False
    return _born(int(pid)) != int(born)


def _born(pid: int) -> int | None:
    try:
        return birth_of(pid)
    except FaultError:
        return None
