"""The story in nine chapters: regions, each with a leader; a store dies, others lead, and PD hears of it last."""

from dataclasses import dataclass

from demo.subjects.cluster.chapter_actions import Choosing, KillScenario
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.tikv.chapter_actions import TikvActions
from demo.subjects.tikv.faults import KILL
from demo.types import Chapter, Stage

LEADS_WITHIN_SEC = 5.0

STAGED = "*Stage profile: raft ticks of 200 ms, elections in 2-4 s. TiKV's own are 1 s and 10-20 s.*"
FOUND = "*Elections take as long as this cluster is set to: by TiKV's own ticks 10-20 s.*"


@dataclass(frozen=True)
class Wording:
    """What is killed, and with what; who told of it first; when else a card is red; which faults there are besides."""

    target_kind: str
    kill_command: str
    who_noticed_first: str
    other_reason_for_red: str
    other_faults: str


CONTAINERS = Wording(
    "containers",
    "docker kill",
    "The **engine** told us at once.",
    ", or its container does not run",
    "freeze the store, cut it off, kill PD's leader",
)
PROCESSES = Wording(
    "processes",
    "kill -9",
    "We **ask** every store four times a second: no answer.",
    "",
    "freeze the store, kill PD's leader",
)


def deck(
    stage: Stage,
    cluster: Cluster,
    kill: Choosing,
    rate: float,
    *,
    is_staged: bool,
    leads_within_sec: float,
    means: Wording = CONTAINERS,
) -> tuple[Chapter, ...]:
    """Return the chapters; `is_staged`: the cluster runs with the stage's raft ticks."""
    story = KillScenario(KILL.name, rate, leads_within_sec, office="the leading store", where=" in one region")
    acts = TikvActions(stage, cluster, kill, story)
    profile = STAGED if is_staged else FOUND
    fault = _fault(acts, leads_within_sec, means)
    return (*_opening(acts, rate, profile, means), *fault, *_after(acts, means, is_staged=is_staged))


def _opening(acts: TikvActions, rate: float, profile: str, means: Wording) -> tuple[Chapter, ...]:
    return (
        Chapter(
            "Every region has a leader",
            "**TiKV** cuts its keys into *regions*. Each region has copies on three stores; **one of them leads**.\n\n"
            "**PD** is the map: which store leads what. Today we kill a store, *live*.",
            notes=f"- Real {means.target_kind} on this machine, nothing recorded.\n"
            "- Each region is a Raft group of its own: elections happen region by region.\n"
            "- Nothing breaks before chapter 5.",
            budget_sec=45,
        ),
        Chapter(
            "What you see on the wall",
            "Above, the **stores**: each *leads* some regions, and **PD:** is PD's word on it. Then the **PDs**. "
            "**writes** is a small write into every region, ten times a second: *the truth*.\n\n" + profile,
            notes="- A store's number is what it serves. A fresh cluster has five regions; several may lead.\n"
            "- PD's word is on each card as PD's: remember it for chapter 6.\n"
            f"- A card is red when the store does not answer{means.other_reason_for_red}.",
            budget_sec=60,
        ),
        Chapter(
            "Give it work",
            f"About **{rate:g} operations a second** now, half of them reads.\n\n"
            "Every write that is confirmed goes into a book. At the end we read *all of it* again.",
            on_enter=acts.begin_load,
            auto_advance=True,
            limit_sec=60,
            notes="- The load starts by itself; the next page comes when it is steady.\n"
            "- A write whose outcome nobody knows closes its key, so that it cannot hide a loss.",
            budget_sec=30,
        ),
    )


def _fault(acts: TikvActions, within_sec: float, means: Wording) -> tuple[Chapter, ...]:
    return (
        Chapter(
            "What if that store dies?",
            "Two of three copies are still a majority. But *its* regions take no write until another copy leads.\n\n"
            "How long is that? And when will **PD** know?",
            hypothesis=f"The store dies: others lead its regions within {within_sec:g} s, "
            "and nothing that was confirmed is lost.",
            notes="- Let the room vote: seconds without writes, and seconds until PD says it.\n"
            "- The next page names the victim, counts to three, and kills.",
            budget_sec=45,
        ),
        Chapter(
            "Kill the leading store",
            f"`{means.kill_command}`: no goodbye, no clean-up. Watch:\n\n"
            "- its card: how soon is it red, and *what does PD say*?\n- **writes**: how long is nothing confirmed?",
            on_enter=acts.kill_leader,
            blocks_advance=True,
            auto_advance=True,
            limit_sec=60,
            notes="- The victim leads most of the regions that we write to. It is chosen before the countdown.\n"
            "- It stays dead until chapter 8.",
            budget_sec=20,
        ),
        Chapter(
            "Who noticed first?",
            f"{means.who_noticed_first} **PD** waits for heartbeats, one every 10 s, and says *Disconnected* "
            "after 20 s without: 10 to 20 s after the death.\n\nUntil then its card says **Up**.",
            on_enter=acts.detect,
            limit_sec=90,
            notes="- Go on when you like: PD's word is reported when it comes.\n"
            "- PD says Down only after half an hour without a heartbeat.",
            budget_sec=40,
        ),
        Chapter(
            "Others lead",
            "The copies on the living stores missed their leader, voted region by region, and **lead** now. "
            "Nobody asked PD: *Raft decides, PD is told*.\n\n"
            "Our client asked a copy, heard *not leader*, and followed to the new one.",
            on_enter=acts.watch_election,
            blocks_advance=True,
            limit_sec=60,
            notes="- A new leader is named as soon as it confirms a write of ours; several may take over the regions.\n"
            "- Compare: time to a leader in every region, time without a confirmed write.",
            budget_sec=45,
        ),
    )


def _after(acts: TikvActions, means: Wording, *, is_staged: bool) -> tuple[Chapter, ...]:
    slower = " In production the ticks are five times slower." if is_staged else ""
    return (
        Chapter(
            "Bring it back",
            "The dead store starts with what it had on disk, and catches up as a *follower*.\n\n"
            "Then we open the book: every key is read again.",
            on_enter=acts.recover,
            blocks_advance=True,
            limit_sec=150,
            notes="- It does not get its regions back at once: others lead them now.\n"
            "- The verdict appears under the story, PD's word with it.",
            budget_sec=45,
        ),
        Chapter(
            "What we saw",
            "What we guessed, and what was measured.\n\n"
            "A majority of its copies has what was *confirmed*: so one death costs a region time, **not data**."
            f"{slower}",
            shows_evidence=True,
            notes=f"- Press `C` for more: {means.other_faults}.\n"
            "- With PD's leader dead, reads and writes go on: routes are known. Only the map stands still.\n"
            "- Questions.",
            budget_sec=60,
        ),
    )
