"""The processes of a playground, for faults: found by the port they listen on, restarted by the supervisor."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo.errors import SubjectError
from demo.faults.process_signal import TargetProcess
from demo.probes.pd import PdProbe
from demo.probes.tikv import StatusProbe
from demo.processes.process_ref import ProcessRef
from demo.processes.unix_client import ask
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.members import Member
from demo.subjects.tikv.playground.deployment import ASK_SEC, Playground
from demo.subjects.tikv.playground.tiup import survives_last_of_kind
from demo.subjects.tikv.topology import Topology

GONE_SEC = 30.0
"""How long a playground whose supervisor does not answer may take to end; after that it hangs."""

CHECK_INTERVAL_SEC = 0.1
BY_HAND = "end this show: all processes of its playground end with it"


class PlaygroundProcesses:
    """A `ProcessOwner`. It touches only processes of this playground, identified by more than their pid."""

    def __init__(self, playground: Playground, cluster: Cluster, parts: Topology) -> None:
        self._playground, self._cluster, self._parts = playground, cluster, parts

    async def find(self, name: str, *, to_kill: bool) -> TargetProcess:
        member, supervisor = self._cluster.members.find(name), self._playground.supervisor
        if member is None or supervisor is None:
            raise SubjectError(f"{name} does not belong to a running playground, so nothing was changed")
        port = self._parts.port_of(member)
        running = [part for part in (await self._playground.ask("GET", "/parts"))["parts"] if part["alive"]]
        part = next((part for part in running if port in part["ports"]), None)
        if part is None:
            raise SubjectError(f"{name} is not running, so it cannot be broken: heal it first")
        if to_kill and part["own"] and self._is_last(member, running) and not survives_last_of_kind():
            raise SubjectError(
                f"{name} is the last process of its kind that tiup itself has started, and a playground "
                "before 1.16.5 may end "
                "with it, so it is not killed: restart this show, or run `tiup update playground`"
            )
        undo = {"socket": str(self._playground.socket), "port": port, "kind": member.kind, "address": member.address}
        undo |= {"argv": part["argv"], "owner": supervisor.pid, "owner_born": supervisor.born}
        return TargetProcess(name, ProcessRef(part["pid"], part["born"]), undo, BY_HAND)

    def _is_last(self, victim: Member, running: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether it is the last of its kind that tiup itself started.

        tiup does not know the restarted ones, and an old playground may end when none of its own is left.
        """
        own = {port for part in running if part["own"] for port in part["ports"]}
        peers = [member for member in self._cluster.members if member.kind == victim.kind]
        return sum(self._parts.port_of(member) in own for member in peers) <= 1

    async def restart(self, undo: Mapping[str, Any]) -> None:
        socket, port = Path(undo["socket"]), int(undo["port"])
        try:
            await ask(socket, "POST", f"/ports/{port}/start", ASK_SEC, "the supervisor of the playground")
        except SubjectError:
            if self._playground.supervisor is not None:
                raise
            # Another show's playground, which ends with that show.
            until = time.monotonic() + GONE_SEC
            while not ProcessRef(undo["owner"], undo["owner_born"]).has_terminated:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(CHECK_INTERVAL_SEC)

    async def is_up(self, undo: Mapping[str, Any]) -> bool:
        session, url = self._cluster.connections.session, f"http://{undo['address']}"
        probe = StatusProbe(session, url) if undo["kind"] == "tikv" else PdProbe(session, url, asks_word=_asks_nothing)
        return (await probe.read()).ok


def _asks_nothing(_: str) -> bool:
    """Return False: a PD that answers for itself is up, so it is not asked about the cluster."""
    return False
