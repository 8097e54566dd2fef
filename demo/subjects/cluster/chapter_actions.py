"""The actions of the chapters: start the load, kill the leader, watch, heal, and verify the confirmed writes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from demo.clock import CLOCK
from demo.errors import FaultError, SubjectError
from demo.show.durations import in_tenths
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.verdicts import Judged, Run, elected_sec, of_election, of_kill
from demo.types import Stage

STEADY_SEC = 20.0
STEADY_SHARE = 0.7
READING_SEC = 6.0
DETECTION_SEC = 10.0
ELECTION_SEC = 40.0
RECOVERY_SEC = 90.0
VERIFY_SEC = 30.0


class Choosing(Protocol):
    """A fault whose target can be chosen before it is injected."""

    async def choose(self) -> str:
        """Choose the target and return its name. Raises `FaultError`."""


class HasActions(Protocol):
    """A subject, as the steps of its deck need it."""

    def actions(self, stage: Stage) -> "ClusterActions":
        """Return the actions of its one show: a chapter goes on with what an earlier one has measured."""


async def begin_load(stage: Stage, subject: HasActions) -> None:
    """Run `ClusterActions.begin_load`: a step of a deck."""
    await subject.actions(stage).begin_load()


async def kill_leader(stage: Stage, subject: HasActions) -> None:
    """Run `ClusterActions.kill_leader`: a step of a deck."""
    await subject.actions(stage).kill_leader()


async def detect(stage: Stage, subject: HasActions) -> None:
    """Run `ClusterActions.detect`: a step of a deck."""
    await subject.actions(stage).detect()


async def watch_election(stage: Stage, subject: HasActions) -> None:
    """Run `ClusterActions.watch_election`: a step of a deck."""
    await subject.actions(stage).watch_election()


async def recover(stage: Stage, subject: HasActions) -> None:
    """Run `ClusterActions.recover`: a step of a deck."""
    await subject.actions(stage).recover()


@dataclass(frozen=True)
class KillScenario:
    """`fault`: the name of the kill; `rate`: the load, in operations per second.

    `leads_within_sec`: how soon another leader takes over by the hypothesis. `role`: what the victim is called.
    """

    fault: str
    rate: float
    leads_within_sec: float
    reading_sec: float = READING_SEC
    role: str = "the leader"
    where: str = ""
    """As in `Run`."""


class ClusterActions:
    """The actions of one show. The measurements of the newest kill are kept in memory, and end with this process."""

    def __init__(self, stage: Stage, cluster: Cluster, kill: Choosing, story: KillScenario) -> None:
        self._stage = stage
        self._cluster = cluster
        self._kill = kill
        self._story = story
        self._run: Run | None = None
        self._client_start_at_kill: object = None
        self._first_leader: tuple[str, float] | None = None
        self._regions_led: Mapping[str, int] = {}
        self._watching: asyncio.Task[None] | None = None

    async def begin_load(self) -> None:
        """Start the load; return when it is steady and the audience has had time to read. Raises `FaultError`."""
        rate = self._story.rate
        try:
            await self._cluster.set_load(rate)
        except SubjectError as error:
            raise FaultError(str(error)) from error
        if not await self._stage.wait_until(lambda health: _load_per_sec(health) >= rate * STEADY_SHARE, STEADY_SEC):
            raise FaultError(
                f"the load stays below {rate:g} operations a second: see the cards, then rerun this chapter"
            )
        await asyncio.sleep(self._story.reading_sec)

    async def kill_leader(self) -> None:
        """Choose the leader, announce it, count down, and kill that one."""
        if self._watching is not None:
            self._watching.cancel()  # it belongs to an earlier kill, healed before another leader was seen
        victim = await self._kill.choose()
        await self._stage.say(f"At zero: {victim}, {self._story.role}.")
        await self._stage.countdown(3)
        self._client_start_at_kill = await self._client_start_time()
        await self._stage.inject(self._story.fault)
        self._run = Run(victim, self._stage.measured(self._story.fault), where=self._story.where)
        # Watched from now on: the leader may change again before the chapter on the election is entered.
        self._first_leader = None
        self._watching = asyncio.create_task(self._watch_for_first(self._run), name="watching for another leader")

    async def _watch_for_first(self, run: Run) -> None:
        def has_leader(health: Mapping[str, Any]) -> bool:
            if self._first_leader is None:
                self._first_leader = elected_sec(health, run.victim, run.measured.injected_at)
                self._regions_led = _regions_led_in(health)
            return self._first_leader is not None

        await self._stage.wait_until(has_leader, ELECTION_SEC)

    async def detect(self) -> None:
        """Wait until the kill is seen on the stage, at most DETECTION_SEC, and announce the result."""
        run = self._require_run()
        name = self._story.fault
        await self._stage.wait_until(
            lambda health: self._stage.measured(name).detected_after_sec is not None, DETECTION_SEC
        )
        seconds = self._stage.measured(name).detected_after_sec
        self._run = replace(self._require_run(), measured=self._stage.measured(name))
        finding = "has not been seen down yet" if seconds is None else f"was shown as down after {in_tenths(seconds)}"
        await self._stage.say(f"{run.victim} {finding}.")

    async def watch_election(self) -> None:
        """Wait for another leader, and announce it with the time in which no write was confirmed."""
        run = self._require_run()
        since = run.measured.injected_at

        def has_leader(health: Mapping[str, Any]) -> bool:
            return elected_sec(health, run.victim, since) is not None and _takes_writes(health)

        await self._stage.wait_until(has_leader, ELECTION_SEC)
        if self._first_leader is None:
            health = self._stage.health()
            self._first_leader = elected_sec(health, run.victim, since)
            self._regions_led = _regions_led_in(health)
        first_leader = self._first_leader
        outage_sec = await self._fetch_outage(since)
        run = replace(self._require_run(), outage_sec=outage_sec)
        if first_leader is not None:
            run = replace(run, leader=first_leader[0], elected_sec=first_leader[1], led=self._regions_led)
        self._run = run
        await self._stage.say(of_election(run))

    async def recover(self) -> None:
        """Heal, wait until everything is up, read all confirmed writes again, and conclude with the verdict."""
        name = self._story.fault
        await self._stage.say("")
        await self._stage.heal(name)
        await self._stage.wait_recovered(name, RECOVERY_SEC)
        if self._run is None:
            await self._stage.conclude(None, "Not measurable: the server was restarted since the kill.")
            return
        books, trouble = await self._verify_books()
        run = replace(self._require_run(), measured=self._stage.measured(name), books=books, books_trouble=trouble)
        await self._stage.conclude(*self._verdict(run))

    def _verdict(self, run: Run) -> Judged:
        return of_kill(run, self._story.leads_within_sec)

    def _require_run(self) -> Run:
        if self._run is None:
            raise FaultError("nothing was killed since this server was started: go back, and rerun the kill")
        return self._run

    async def _client_start_time(self) -> object:
        """Return when the client process was started; None when it does not answer."""
        return (await self._cluster.client.probe(timeout_sec=2.0).read()).data.get("started_at")

    async def _fetch_outage(self, since: float | None) -> float | None:
        if since is None:
            return None
        path = f"run?uptime={round(CLOCK.to_uptime(since) * 1_000_000)}"
        outage = (await self._cluster.client.probe(path, timeout_sec=2.0).read()).data.get("outage") or {}
        return outage.get("sec")

    async def _verify_books(self) -> tuple[Mapping[str, int] | None, str]:
        """Verify all confirmed writes and return the counts; None and the reason if that is not possible."""
        client_start = await self._client_start_time()
        if client_start is None or self._client_start_at_kill is None:
            return None, "the client process did not answer"
        if client_start != self._client_start_at_kill:
            return None, "the client process was restarted"
        try:
            return (await self._cluster.client.send("verify", {}, VERIFY_SEC)).data, ""
        except SubjectError as error:
            return None, str(error)


def _load_per_sec(health: Mapping[str, Any]) -> float:
    """Return the operations per second that the sample shows."""
    value = next((m["value"] for m in health.get("metrics", ()) if m["name"] == "load"), None)
    return float(value or 0)


def _regions_led_in(health: Mapping[str, Any] | None) -> Mapping[str, int]:
    """Return how many regions each leader leads; empty where there is only one leader."""
    return ((health or {}).get("leader") or {}).get("led") or {}


def _takes_writes(health: Mapping[str, Any]) -> bool:
    return any(node["id"] == "writes" and node["health"] == "up" for node in health["nodes"])
