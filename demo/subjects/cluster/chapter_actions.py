"""What the chapters do when they are entered: load, kill the leader, watch, heal, and look into the books."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from demo.clock import CLOCK
from demo.errors import FaultError, SubjectError
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.verdicts import Run, Verdict, elected_sec, of_election, of_kill
from demo.types import Stage

STEADY_SEC = 20.0
STEADY_SHARE = 0.7
READING_SEC = 6.0
DETECTION_SEC = 10.0
ELECTION_SEC = 40.0
RECOVERY_SEC = 90.0
VERIFY_SEC = 30.0


class Choosing(Protocol):
    """A fault that can pick its victim before it is injected."""

    async def choose(self) -> str:
        """Its name. Raises `FaultError`."""


@dataclass(frozen=True)
class KillScenario:
    """`fault`: the name of the kill, `leads_within_sec`: what the hypothesis says of the election."""

    fault: str
    rate: float
    leads_within_sec: float
    reading_sec: float = READING_SEC
    office: str = "the leader"
    where: str = ""
    """As in `Run`."""


class ClusterActions:
    """Of one show. What was measured of the newest kill is kept here, and is gone with this process."""

    def __init__(self, stage: Stage, cluster: Cluster, kill: Choosing, story: KillScenario) -> None:
        self._stage = stage
        self._cluster = cluster
        self._kill = kill
        self._story = story
        self._run: Run | None = None
        self._client_began: object = None
        self._first: tuple[str, float] | None = None
        self._led: Mapping[str, int] = {}
        self._watching: asyncio.Task[None] | None = None

    async def begin_load(self) -> None:
        """Returns when it is steady, and there was time to read."""
        rate = self._story.rate
        try:
            await self._cluster.set_load(rate)
        except SubjectError as error:
            raise FaultError(str(error)) from error
        if not await self._stage.wait_until(lambda health: _done(health) >= rate * STEADY_SHARE, STEADY_SEC):
            raise FaultError(f"the load does not reach {rate:g} operations a second")
        await asyncio.sleep(self._story.reading_sec)

    async def kill_leader(self) -> None:
        """The victim is named before the countdown, and is the one that dies."""
        if self._watching is not None:
            self._watching.cancel()  # of another kill, which may have been healed before anybody else led
        victim = await self._kill.choose()
        await self._stage.say(f"At zero: {victim}, {self._story.office}.")
        await self._stage.countdown(3)
        self._client_began = await self._client_life()
        await self._stage.inject(self._story.fault)
        self._run = Run(victim, self._stage.measured(self._story.fault), where=self._story.where)
        # From now on, for the leader may change again before the story gets to the election.
        self._first = None
        self._watching = asyncio.create_task(self._watch_for_first(self._run), name="watching for another leader")

    async def _watch_for_first(self, run: Run) -> None:
        def led(health: Mapping[str, Any]) -> bool:
            if self._first is None:
                self._first = elected_sec(health, run.victim, run.measured.injected_at)
                self._led = _led(health)
            return self._first is not None

        await self._stage.wait_until(led, ELECTION_SEC)

    async def detect(self) -> None:
        """Returns when the wall has seen it, or has not within DETECTION_SEC."""
        run = self._known()
        name = self._story.fault
        await self._stage.wait_until(
            lambda health: self._stage.measured(name).detected_after_sec is not None, DETECTION_SEC
        )
        seen = self._stage.measured(name).detected_after_sec
        self._run = replace(self._known(), measured=self._stage.measured(name))
        word = "has not been seen down yet" if seen is None else f"was red on this wall after {seen:.1f} s"
        await self._stage.say(f"{run.victim} {word}.")

    async def watch_election(self) -> None:
        """Says who leads instead, and for how long nothing was confirmed."""
        run = self._known()
        since = run.measured.injected_at

        def led(health: Mapping[str, Any]) -> bool:
            return elected_sec(health, run.victim, since) is not None and _takes_writes(health)

        await self._stage.wait_until(led, ELECTION_SEC)
        if self._first is None:
            self._first, self._led = elected_sec(self._stage.health(), run.victim, since), _led(self._stage.health())
        found = self._first
        outage_sec = await self._outage(since)
        run = replace(self._known(), outage_sec=outage_sec)
        self._run = replace(run, leader=found[0], elected_sec=found[1], led=self._led) if found is not None else run
        await self._stage.say(of_election(self._run))

    async def recover(self) -> None:
        """Heals, waits until all is up, reads everything again, and concludes."""
        name = self._story.fault
        await self._stage.say("")
        await self._stage.heal(name)
        await self._stage.wait_recovered(name, RECOVERY_SEC)
        if self._run is None:
            await self._stage.conclude(None, "Not measurable: the server was started anew since the kill.")
            return
        books, trouble = await self._books()
        run = replace(self._known(), measured=self._stage.measured(name), books=books, books_trouble=trouble)
        await self._stage.conclude(*self._verdict(run))

    def _verdict(self, run: Run) -> Verdict:
        return of_kill(run, self._story.leads_within_sec)

    def _known(self) -> Run:
        if self._run is None:
            raise FaultError("nothing was killed since this server began: go back, and rerun the kill")
        return self._run

    async def _client_life(self) -> object:
        """What changes when the client process is started anew; None when it does not answer."""
        return (await self._cluster.client.probe(deadline_sec=2.0).look()).data.get("started_at")

    async def _outage(self, since: float | None) -> float | None:
        if since is None:
            return None
        path = f"run?uptime={round(CLOCK.to_uptime(since) * 1_000_000)}"
        outage = (await self._cluster.client.probe(path, deadline_sec=2.0).look()).data.get("outage") or {}
        return outage.get("sec")

    async def _books(self) -> tuple[Mapping[str, int] | None, str]:
        """What was read again; None, and why, when that is not to be had."""
        life = await self._client_life()
        if life is None or self._client_began is None:
            return None, "the client process did not answer"
        if life != self._client_began:
            return None, "the client process was started anew"
        try:
            return (await self._cluster.client.tell("verify", {}, VERIFY_SEC)).data, ""
        except SubjectError as error:
            return None, str(error)


def _done(health: Mapping[str, Any]) -> float:
    """Operations a second, as the wall shows them."""
    value = next((m["value"] for m in health.get("metrics", ()) if m["name"] == "load"), None)
    return float(value or 0)


def _led(health: Mapping[str, Any] | None) -> Mapping[str, int]:
    """Where there is more than one to lead: who leads how many."""
    return ((health or {}).get("leader") or {}).get("led") or {}


def _takes_writes(health: Mapping[str, Any]) -> bool:
    return any(node["id"] == "writes" and node["health"] == "up" for node in health["nodes"])
