"""A crash test: a server killed at random points under random commands, again and again, on one journal.

After each restart: what was answered with 200 is in the journal, nothing is in it twice, its fold is what the server
shows, the epoch is the same; and who listens to `/events` has seen every entry once. `scripts/crashes N` runs it long.
"""

import argparse
import json
import random
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from demo.show import FaultState, ShowState, apply, create_initial_state
from demo.show import events as e
from demo.subjects.registry import load
from demo.views import snapshot
from tests.support import fetch
from tests.support.crash_programs import SLOW_DISK_SERVER
from tests.support.crash_rules import SentCommand, check_journal
from tests.support.marker import SUBJECT, marker
from tests.support.servers import Server, script, wait_for

CLIENTS = 4

RUN = "main()\n"


DATES_APART_SEC = 0.2

ANSWERED = (2, 30)
"""A life ends some time after so many commands were carried out, on a machine of any speed."""


@dataclass
class CrashTestConfig:
    """What is served, from where and how; `programs` are drawn from for each life."""

    place: Path
    rng: random.Random
    subject: str = "none"
    programs: Sequence[str] = ("", SLOW_DISK_SERVER)
    env: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def __post_init__(self) -> None:
        self.port = self.port or free_port()

    @property
    def journal(self) -> Path:
        return self.place / "show"

    def server(self) -> Server:
        """On the same port and the same journal each time."""
        args = ["serve", self.subject, "--no-open", "--port", str(self.port), "--journal", str(self.journal)]
        program = self.rng.choice(self.programs)
        command = [*script(self.place / "server.py", program + RUN), *args] if program else None
        return Server(*args[1:], program=command, env=self.env, port=self.port)

    def opening(self) -> ShowState:
        """The show before its first event, as the server has it."""
        subject: Any = load(self.subject)
        faults = [FaultState(driver.config, driver.target, driver.observable) for driver in subject.faults]
        return create_initial_state(subject.title, subject.name, subject.description, subject.chapters(None), faults)


class Client(threading.Thread):
    """Somebody who presses at random, until the server is gone."""

    def __init__(self, name: str, url: str, rng: random.Random, life: "ServerRun") -> None:
        super().__init__(name=name, daemon=True)
        self._url, self._rng, self._server_run = url, rng, life
        self.commands: list[SentCommand] = []

    def run(self) -> None:
        low, number = self._server_run.first, 1
        with fetch.client(base_url=self._url, timeout=20) as client:
            while not self._server_run.over.is_set():
                command = draw(self._rng, f"{self.name}-{len(self.commands)}", number, self._server_run.total)
                command.low = low
                self.commands.append(command)
                try:
                    response = client.post(command.path, content=command.text, headers={"Content-Type": "text/plain"})
                    body = response.json()
                except (httpx.HTTPError, json.JSONDecodeError):
                    return  # killed meanwhile: it may have happened or not
                command.status = response.status_code
                if command.status == 200:
                    command.high, command.durable = body["seq"], body["durable"]
                    low, number = body["seq"], body["chapter"]["number"]


def draw(rng: random.Random, ident: str, number: int, total: int) -> SentCommand:
    """One of all the things that can be pressed; a move may name the chapter it was pressed on."""
    kind = rng.choice(
        ["advance"] * 3 + ["back", "goto", "say", "say", "blackout", "freeze", "timer/reset", "halt", "resume", "rerun"]
    )
    command = SentCommand(kind)
    if kind in ("advance", "back", "goto", "rerun") and rng.random() < 0.5:
        command.pressed_on = number if rng.random() < 0.8 else rng.randint(1, total)
    if kind == "goto":
        command.goal = rng.randint(1, total)
    if kind == "say":
        command.text = f"line {ident} {rng.getrandbits(40):x}"
    if kind in ("blackout", "freeze"):
        command.on = rng.choice([True, False, None])
    return command


class Listener(threading.Thread):
    """A program on `/events` that comes back with its last id each time the line is cut."""

    def __init__(self, url: str, epoch: str) -> None:
        super().__init__(name="listener", daemon=True)
        self._url, self._epoch = url, epoch
        self._promised = 0
        self.seen: dict[int, dict[str, Any]] = {}
        self.wrong: list[str] = []
        self.ended = threading.Event()

    @property
    def last(self) -> int:
        return self._promised

    def run(self) -> None:
        while not self.ended.is_set():
            headers = {"Last-Event-ID": f"{self._epoch}-{self._promised}"}
            try:
                with fetch.stream("GET", f"{self._url}/events", headers=headers, timeout=20) as response:
                    self._listen(response)
            except httpx.HTTPError:
                time.sleep(0.05)

    def _listen(self, response: httpx.Response) -> None:
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if self.ended.is_set():
                return
            name, _, value = line.partition(": ")
            if line and name:
                fields[name] = value
            elif "data" in fields:
                self._take(fields)
                fields = {}

    def _take(self, fields: dict[str, str]) -> None:
        data = json.loads(fields["data"])
        seq = int(data["seq"])
        if fields["event"] != "entry":
            self.wrong.append(f"a {fields['event']} at {seq}, to one who resumed behind {self._promised}")
        if seq <= self._promised:
            self.wrong.append(f"entry {seq} again, behind {self._promised}")
        if seq > 1 and seq - 1 not in self.seen:
            self.wrong.append(f"entry {seq} without the one before it")
        self.seen[seq] = data
        if "id" in fields:  # without an id nothing is promised: it comes again
            self._promised = seq


@dataclass
class ServerRun:
    """One server from its start to its kill. `first`: the last entry before it."""

    first: int
    total: int
    over: threading.Event = field(default_factory=threading.Event)


@dataclass
class Totals:
    """What a run was made of."""

    lives: int = 0
    answered: int = 0
    refused: int = 0
    cut: int = 0
    entries: int = 0

    def __str__(self) -> str:
        return (
            f"{self.lives} kills, {self.answered} commands answered, {self.refused} refused, "
            f"{self.cut} cut off, {self.entries} entries"
        )


class CrashTest:
    """Kills, restarts and checks. Raises `AssertionError` at the first thing that is not as promised."""

    def __init__(self, config: CrashTestConfig) -> None:
        self._config = config
        self._state = config.opening()
        self._epoch = ""
        self._listener: Listener | None = None
        self._entries: list[e.JournalEntry] = []
        self.count = Totals()

    def run(self, lives: int) -> Totals:
        try:
            commands: list[SentCommand] = []
            for _ in range(lives):
                commands = self._live(commands)
                self.count.lives += 1
            self._end(commands)
        finally:
            if self._listener is not None:
                self._listener.ended.set()
        return self.count

    def _live(self, earlier: list[SentCommand]) -> list[SentCommand]:
        """One life: check what the last one left, press at random, kill. Returns what was pressed."""
        server = self._config.server()
        try:
            first = self._meet(server, earlier)
            life = ServerRun(first, self._state.total)
            rng = self._config.rng
            names = [f"life{self.count.lives}-client{number}" for number in range(CLIENTS)]
            clients = [Client(name, server.url, random.Random(rng.random()), life) for name in names]
            for client in clients:
                client.start()
            due = rng.randint(*ANSWERED)
            wait_for(lambda: sum(command.status == 200 for client in clients for command in (*client.commands,)) >= due)
            time.sleep(rng.uniform(0.0, 0.1))
            server.kill()
            life.over.set()
            for client in clients:
                client.join()
        finally:
            _reap(server)
        return [command for client in clients for command in client.commands]

    def _meet(self, server: Server, earlier: list[SentCommand]) -> int:
        """A server that has just started; returns how far its journal goes."""
        begun_at = wait_for(lambda: _begun(self._config.journal, self.count.lives + 1))
        shown = server.until(lambda state: state["seq"] >= begun_at)
        self._epoch = self._epoch or shown["epoch"]
        assert shown["epoch"] == self._epoch, "the epoch belongs to the journal"
        if self._listener is None:
            self._listener = Listener(server.url, self._epoch)
            self._listener.start()
        begun, left = len(self._entries), self._state
        self._catch_up(shown)
        fresh = self._entries[begun:]
        cut = next((n for n, one in enumerate(fresh) if isinstance(one.event, e.ShowPickedUp)), len(fresh))
        check_journal(earlier, fresh[:cut], left)
        self.count.answered += sum(command.status == 200 for command in earlier)
        self.count.refused += sum(command.status not in (None, 200) for command in earlier)
        self.count.cut += sum(command.status is None for command in earlier)
        self.count.entries = len(self._entries)
        return int(shown["seq"])

    def _catch_up(self, shown: dict[str, Any]) -> None:
        """Fold what is new in the file, up to the state that was shown; it must be the same state."""
        entries = wait_for(lambda: _entries(self._config.journal, len(self._entries), shown["seq"]))
        for entry in entries:
            assert entry.seq == len(self._entries) + 1, f"entry {entry.seq} behind {len(self._entries)}"
            self._entries.append(entry)
            self._state = apply(self._state, entry)
        folded = json.loads(json.dumps(snapshot(self._state, self._epoch, {})))
        for state in (shown, folded):
            state["timer"].pop("elapsed_sec")  # of the moment it was asked for; when it started is in the fold
        _agree_on_dates(shown["log"], folded["log"])
        differ = [name for name in shown if name != "viewers" and shown[name] != folded[name]]
        assert not differ, {name: (shown[name], folded[name]) for name in differ}

    def _end(self, commands: list[SentCommand]) -> None:
        """The last life ends in order; whoever listened has seen it all."""
        server = self._config.server()
        try:
            self._meet(server, commands)
            listener = self._listener
            assert listener is not None
            wait_for(lambda: listener.last >= len(self._entries) or bool(listener.wrong))
            assert not listener.wrong, listener.wrong[:5]
            missed = [entry.seq for entry in self._entries if entry.seq not in listener.seen]
            assert not missed, f"never told to a listener: {missed[:5]}"
            for entry in self._entries:
                told = listener.seen[entry.seq]["event"]
                assert told == json.loads(json.dumps(e.to_json(entry.event))), f"entry {entry.seq} was told otherwise"
            listener.ended.set()
            assert server.stop() == 0
        finally:
            _reap(server)


def _agree_on_dates(shown: list[dict[str, Any]], folded: list[dict[str, Any]]) -> None:
    """Take over the dates: each process has its own notion of how far the machine's date is ahead, by milliseconds."""
    for one, other in zip(shown, folded, strict=False):
        apart = datetime.fromisoformat(one["at"]) - datetime.fromisoformat(other["at"])
        assert abs(apart.total_seconds()) < DATES_APART_SEC, (one, other)
        other["at"] = one["at"]


def _reap(server: Server) -> None:
    server.client.close()
    if server.process.poll() is None:
        server.kill()
    if server.process.stdout is not None:
        server.process.stdout.close()
    server.remove_state()


def _begun(path: Path, times: int) -> int | None:
    """The entry with which the newest server took the journal up, once there is one for so many servers."""
    query = """SELECT COUNT(*), MAX(seq) FROM entries
        WHERE data LIKE '{"type": "ShowOpened"%' OR data LIKE '{"type": "ShowPickedUp"%'"""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        count, newest = db.execute(query).fetchone()
    return int(newest) if count == times else None


def _entries(path: Path, after: int, upto: int) -> list[e.JournalEntry] | None:
    """What the file holds behind `after` up to `upto`, once all of it is there."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        query = "SELECT seq, at, who, data FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq"
        rows = db.execute(query, (after, upto)).fetchall()
    if not rows or rows[-1][0] < upto:
        return None
    return [e.JournalEntry(seq, at, who, e.from_json(json.loads(data))) for seq, at, who, data in rows]


def free_port() -> int:
    """Outside of the range from which a client's own connections take theirs."""
    for port in random.sample(range(20_000, 30_000), 50):
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port between 20000 and 30000")


def run_crash_test(
    lives: int, seed: int, place: Path, deck: bool, programs: Sequence[str] = ("", SLOW_DISK_SERVER)
) -> Totals:
    """`lives` kills on one journal: of `none` or, with `deck`, of ten chapters with actions and a poller."""
    rng = random.Random(seed)
    if not deck:
        return CrashTest(CrashTestConfig(place, rng, programs=programs)).run(lives)
    env = marker(place)
    sys.path.insert(0, str(place))
    try:
        return CrashTest(CrashTestConfig(place, rng, SUBJECT, programs, env)).run(lives)
    finally:
        sys.path.remove(str(place))
        sys.modules.pop("marker", None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kills", nargs="?", type=int, default=200, help="how often the server is killed (200)")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run's commands and delays")
    options = parser.parse_args()
    seed = random.SystemRandom().getrandbits(32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    half = options.kills // 2
    for lives, deck in ((options.kills - half, False), (half, True)):
        if lives:
            with tempfile.TemporaryDirectory(prefix="chaos-stage-crashes-") as place:
                totals = run_crash_test(lives, seed, Path(place), deck)
                print(f"{'ten chapters and a poller' if deck else 'none'}: {totals}")


if __name__ == "__main__":
    main()
