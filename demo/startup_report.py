"""What the terminal shows of a start: the addresses, which nodes are still starting, and when all are up."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from demo.invitation import Invitation
from demo.show import ShowState

Say = Callable[[str], None]

SYSTEM = "system"
"""The issuer of log lines about the start of the system."""


@dataclass(frozen=True, slots=True)
class AccessInfo:
    """How people and programs connect. `own_link` pairs this machine's browser; empty when no pairing is needed."""

    stage: str
    here: str
    own_link: str = ""
    invitation: Invitation | None = None
    token: Path | None = None
    token_lost: str = ""
    plain: bool = False
    named: bool = False


def format_access_lines(entry: AccessInfo, with_symbol: bool = False) -> list[str]:
    """Return lines with the addresses; and, where other machines can connect, what is open to whom."""
    return [*_addresses(entry, with_symbol), *_advance(entry), *_notes(entry), "end        Ctrl-C"]


def _addresses(entry: AccessInfo, with_symbol: bool) -> list[str]:
    lines = [f"stage      {entry.stage}/"]
    if entry.invitation is None:
        return [*lines, f"presenter  {entry.here}/presenter", f"phone      {entry.here}/remote"]
    # This link names the loopback address on purpose: so the presenter's secret and session never cross the network.
    own = f"presenter  {entry.own_link} (for a browser on this machine)"
    return [*lines, own, *entry.invitation.lines(with_symbol)]


def _advance(entry: AccessInfo) -> list[str]:
    if entry.token is None:
        return [f"advance    curl -X POST {entry.here}/advance"]
    if entry.token_lost:
        return [
            f"token      none in this run: {entry.token} cannot be written ({entry.token_lost});",
            "           paired devices can control the show, programs cannot",
        ]
    header = f'"Authorization: Bearer $(cat {shlex.quote(str(entry.token))})"'
    return [f"token      {entry.token}", f"advance    curl -X POST -H {header} {entry.here}/advance"]


def _notes(entry: AccessInfo) -> list[str]:
    if entry.invitation is None:
        return [
            (
                "proxies    this server is for this machine only: before you put a proxy or tunnel "
                "in front, add --public-name NAME;"
            ),
            "           otherwise everybody could read the notes through it, and programs could control the show",
        ]
    lines = [
        (
            "open       everyone who can reach this address may watch; only paired devices and programs "
            "with the token control it"
        )
    ]
    if not entry.named:
        lines.append("proxies    requests through a proxy may only watch; --public-name NAME changes that")
    if entry.plain:
        lines += [
            "plain      not encrypted: whoever can read the traffic of this network sees the notes and can take over a",
            "           paired device's session; --tls-cert and --tls-key change that",
        ]
    return lines


class StartupReport:
    """Listens to the show and prints each message about its start once."""

    def __init__(self, say: Say, since: float = 0.0) -> None:
        """Set `since` (a moment): what earlier starts said or failed with, before it, is not printed."""
        self._say = say
        self._since = since
        self._said_at = since
        self._starting = False
        self._failed = ""
        self._done = False

    def changed(self, state: ShowState) -> None:
        """Print what is new in this state of the show."""
        # A part that nobody checks may fail after all that are checked are up.
        if self._done:
            self._report_failure(state)
            return
        for line in state.log:
            if line.who == SYSTEM and line.at > self._said_at:
                self._said_at = line.at
                self._say(f"system     {line.text}")
        self._report_nodes(state)

    def _report_nodes(self, state: ShowState) -> None:
        # Before the first sample nothing is known of the nodes: not "all up", and none is missing.
        failed = self._has_failed(state)
        if state.sample is None and not failed:
            return
        if failed:
            self._report_failure(state)
            return
        missing = [node.name for node in state.sample.nodes if node.health != "up"] if state.sample else []
        if missing and not self._starting:
            self._starting = True
            self._say(f"starting   {', '.join(missing)}")
        # Where nothing is checked, nothing is known either.
        if state.sample and state.sample.nodes and not missing and state.freshness == "live":
            self._done = True
            self._say("all up")

    def _has_failed(self, state: ShowState) -> bool:
        """Return whether the system has failed in this start, not in that of an earlier server."""
        return state.system_error is not None and state.system_failed_at > self._since

    def _report_failure(self, state: ShowState) -> None:
        error = state.system_error or ""
        if self._has_failed(state) and error != self._failed:
            self._say(f"failed     {error}")
        self._failed = error
