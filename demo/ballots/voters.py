"""Who votes: a random id that a browser keeps. It is courtesy, no proof: whoever deletes it can vote again."""

import hashlib
import re
import secrets

_DEVICE = re.compile(r"[0-9a-f]{32}")


def new_device() -> str:
    return secrets.token_hex(16)


def is_device(text: str) -> bool:
    """Return whether this may be a device's id. Nobody needs to have been given it: any id is as good as another."""
    return _DEVICE.fullmatch(text) is not None


def voter_of(device: str, epoch: str, ballot: int) -> str:
    """Return what stands for a device in one vote of one show; the same at the show's server and at every relay."""
    return hashlib.sha256(f"{epoch} {ballot} {device}".encode()).hexdigest()[:32]


def salted(voter: str, salt: bytes) -> bytes:
    """Return what is stored of a voter. The salt is as short-lived as the vote: after it, nobody can tell who voted."""
    return hashlib.blake2b(voter.encode(), key=salt, digest_size=16).digest()


def new_salt() -> bytes:
    return secrets.token_bytes(16)
