"""A fake tiup: `tiup playground` of three PDs and three stores, each a process that listens on its own ports.

`install(place)` makes the command; run as a module it is the component that tiup runs. What the nodes answer comes
from the fake cluster in its process, which sees by their heartbeats who lives, as PD does, only sooner.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from demo.processes.ports import free_ports
from tests.support.fake_pd import Cluster
from tests.support.fake_tiup_parts import BEAT_SEC, CONTROL, DOORS, HOST

PARTS = Path(__file__).with_name("fake_tiup_parts.py")
ROOT = Path(__file__).parents[2]
SILENT_SEC = 0.6
ELECTION_SEC = 1.0
VOTE = "FAKE_PD_VOTE"
"""Names a file: the PDs that are left vote for a new leader once it is there, and not before."""


def install(place: Path) -> dict[str, str]:
    """A `tiup` in `place`, and the environment in which it is found, and keeps its data there."""
    place.mkdir()
    script = place / "tiup"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{PARTS}" tiup "$@"\n')
    script.chmod(0o755)
    return {
        "PATH": f"{place}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TIUP_HOME": str(place / "home"),
        "FAKE_TIUP_CALLS": str(place / "calls"),
    }


class Playground:
    """The component: the fake cluster, and a process in front of each of its nodes."""

    def __init__(self, words: list[str]) -> None:
        self._data = Path(os.environ["TIUP_HOME"]) / "data" / words[words.index("--tag") + 1]
        self._cluster = Cluster(advertises_names=False, pace=0.15)
        self._heard: dict[str, float] = {}
        self._gone: dict[str, float] = {}
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        self._headless: dict[str, float] = {}
        self._vote = Path(os.environ[VOTE]) if VOTE in os.environ else None
        self._ending = threading.Event()

    def run(self) -> int:
        signal.signal(signal.SIGTERM, lambda *_: self._ending.set())
        with self._cluster:
            control, reached = self._listen()
            for name, ports in reached.items():
                self._start(name, ports, control)
            print("PD Endpoints: none of your business", flush=True)
            while not self._ending.is_set() and not self._has_lost_a_kind():
                time.sleep(BEAT_SEC)
                self._judge()
            for name in ("tikv2", "tikv1", "tikv0", "pd2", "pd1", "pd0"):
                self._nodes[name].terminate()
                self._nodes[name].wait()
        return 0

    def _listen(self) -> tuple[int, dict[str, dict[str, int]]]:
        ports = iter(free_ports(12 + 1))
        control = next(ports)
        reached: dict[str, dict[str, int]] = {}
        for address in self._cluster.addresses:
            name, _, inside = address.partition(":")
            reached.setdefault(name, {})[inside] = next(ports)
        self._doors = dict(self._cluster.addresses)
        self._cluster.state.reached = {
            f"{name}:{inside}": f"{HOST}:{port}" for name, ports in reached.items() for inside, port in ports.items()
        }
        threading.Thread(target=asyncio.run, args=(self._hear(control),), daemon=True).start()
        return control, reached

    def _start(self, name: str, ports: dict[str, int], control: int) -> None:
        place = self._data / f"{name[:-1]}-{name[-1]}"
        place.mkdir(parents=True, exist_ok=True)
        if name.startswith("pd"):
            url = f"http://{HOST}:{ports['2379']}"
            words = ["pd-server", f"--name={name}", f"--client-urls={url}", f"--advertise-client-urls={url}"]
        else:
            words = ["tikv-server", f"--addr={HOST}:{ports['20160']}", f"--status-addr={HOST}:{ports['20180']}"]
        pairs = [f"{port}={self._doors[f'{name}:{inside}'].rpartition(':')[2]}" for inside, port in ports.items()]
        with (place / "node.log").open("ab") as log:
            self._nodes[name] = subprocess.Popen(
                [sys.executable, str(PARTS), *words],
                cwd=place,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {DOORS: " ".join(pairs), CONTROL: f"{control} {name}"},
                process_group=0,
            )

    def _has_lost_a_kind(self) -> bool:
        """An old one gives up then, and knows nothing of what others have started."""
        if "FAKE_TIUP_IS_OLD" not in os.environ:
            return False
        kinds = {name[:-1] for name in self._nodes}
        return any(all(self._nodes[f"{kind}{n}"].poll() is not None for n in range(3)) for kind in kinds)

    async def _hear(self, control: int) -> None:
        async def enter(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            name = (await reader.readline()).decode().strip()
            while await reader.read(64):
                self._heard[name] = time.monotonic()
            self._heard[name] = 0.0

        server = await asyncio.start_server(enter, HOST, control)
        await server.serve_forever()

    def _judge(self) -> None:
        """Who has come, who has gone; and who is voted for a while after."""
        now = time.monotonic()
        for name, heard in tuple(self._heard.items()):
            lives = now - heard < SILENT_SEC
            if not lives and name not in self._gone:
                self._gone[name] = now
                (self._cluster.pause if heard else self._cluster.kill)(name)
            elif lives and self._gone.pop(name, None) is not None:
                self._cluster.revive(name)
        state = self._cluster.state
        if self._is_due("regions", any(group.leader is None for group in state.groups.values()), ELECTION_SEC, now):
            self._cluster.elect()
        has_leader = state.pd_leader is not None and state.pds[state.pd_leader].is_running
        may_vote = state.has_pd_majority and (self._vote is None or self._vote.exists())
        if self._is_due("pd", not has_leader and may_vote, ELECTION_SEC, now):
            self._cluster.elect_pd(next(name for name, pd in state.pds.items() if pd.is_running))

    def _is_due(self, what: str, is_headless: bool, after_sec: float, now: float) -> bool:
        """It has been without a leader for so long that there is another one now."""
        since = self._headless.setdefault(what, now) if is_headless else self._headless.pop(what, now)
        if now - since < after_sec or not is_headless:
            return False
        del self._headless[what]
        return True


if __name__ == "__main__":
    sys.exit(Playground(sys.argv[1:]).run())
