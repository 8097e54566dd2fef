"""What a terminal is told of a start: the addresses, what is still starting, and when all is up."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from demo.invitation import Invitation
from demo.show import ShowState

Say = Callable[[str], None]

SYSTEM = "system"
"""Who speaks in the log when the system tells of its start."""


@dataclass(frozen=True, slots=True)
class AccessInfo:
    """How people and programs get in. `own_link` pairs this machine's browser; without it nobody has to."""

    stage: str
    here: str
    own_link: str = ""
    invitation: Invitation | None = None
    token: Path | None = None
    token_lost: str = ""
    plain: bool = False
    named: bool = False


def welcome(entry: AccessInfo, with_symbol: bool = False) -> list[str]:
    """Where to go, for people, in lines; and, where others can reach the server, what is open to whom."""
    return [*_addresses(entry, with_symbol), *_advance(entry), *_notes(entry), "end        Ctrl-C"]


def _addresses(entry: AccessInfo, with_symbol: bool) -> list[str]:
    lines = [f"stage      {entry.stage}/"]
    if entry.invitation is None:
        return [*lines, f"presenter  {entry.here}/presenter", f"phone      {entry.here}/remote"]
    return [*lines, f"presenter  {entry.own_link}", *entry.invitation.lines(with_symbol)]


def _advance(entry: AccessInfo) -> list[str]:
    if entry.token is None:
        return [f"advance    curl -X POST {entry.here}/advance"]
    if entry.token_lost:
        return [
            f"token      none in this run: {entry.token} cannot be written ({entry.token_lost});",
            "           paired devices steer, programs cannot",
        ]
    word = f'"Authorization: Bearer $(cat {shlex.quote(str(entry.token))})"'
    return [f"token      {entry.token}", f"advance    curl -X POST -H {word} {entry.here}/advance"]


def _notes(entry: AccessInfo) -> list[str]:
    if entry.invitation is None:
        return [
            "proxies    this is for this machine: before a proxy or tunnel stands in front, --public-name NAME;",
            "           through one that hides itself everybody reads the notes, and programs steer",
        ]
    lines = ["open       everyone who gets here may watch; only paired devices and the token may steer"]
    if not entry.named:
        lines.append("proxies    whoever comes through one may only watch; --public-name NAME changes that")
    if entry.plain:
        lines += [
            "plain      not encrypted: who can read along on this network sees the notes and can take over a",
            "           paired device's session; --tls-cert and --tls-key change that",
        ]
    return lines


class StartupReport:
    """Listens to the show and says each thing of its start once."""

    def __init__(self, say: Say, since: float = 0.0) -> None:
        """`since` (a moment): what the log says of earlier starts is not said again."""
        self._say = say
        self._said_at = since
        self._starting = False
        self._failed = ""
        self._done = False

    def changed(self, state: ShowState) -> None:
        """A new state of the show."""
        if self._done:
            return
        for line in state.log:
            if line.who == SYSTEM and line.at > self._said_at:
                self._said_at = line.at
                self._say(f"system     {line.text}")
        self._look(state)

    def _look(self, state: ShowState) -> None:
        if state.sample is None and state.parts_error is None:
            return
        if state.parts_error is not None:
            if state.parts_error != self._failed:
                self._failed = state.parts_error
                self._say(f"failed     {state.parts_error}")
            return
        missing = [node.name for node in state.sample.nodes if node.health != "up"] if state.sample else []
        if missing and not self._starting:
            self._starting = True
            self._say(f"starting   {', '.join(missing)}")
        if not missing and state.freshness == "live":
            self._done = True
            self._say("all up")
