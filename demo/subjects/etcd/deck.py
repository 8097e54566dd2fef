"""The story in nine chapters: three copies, one leader; it dies, another is elected, and the books are read."""

from demo.subjects.cluster.chapter_actions import Choosing, ClusterActions, KillScenario
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.etcd.faults import KILL
from demo.types import Chapter, Stage

LEADS_WITHIN_SEC = 5.0
"""One election takes one to two; both followers may stand at once, and then it takes another."""


def deck(stage: Stage, cluster: Cluster, kill: Choosing, rate: float) -> tuple[Chapter, ...]:
    acts = ClusterActions(stage, cluster, kill, KillScenario(KILL.name, rate, LEADS_WITHIN_SEC))
    return (*_opening(acts, rate), *_fault(acts), *_after(acts))


def _opening(acts: ClusterActions, rate: float) -> tuple[Chapter, ...]:
    return (
        Chapter(
            "Three copies, one leader",
            "Kubernetes keeps its whole memory in **etcd**: three machines that must agree on every write.\n\n"
            "One of them leads. Today we kill that one, *live*.",
            notes="- Three real containers on this machine, nothing recorded.\n"
            "- Ask: who runs Kubernetes? Who has seen its etcd lose a leader?\n"
            "- Nothing breaks before chapter 5.",
            budget_sec=45,
        ),
        Chapter(
            "What you see on the wall",
            "Three **members**. One *leads*, two *follow*: a write counts once two of three have it.\n\n"
            "**writes** is a small write ten times a second. Whether it is confirmed is the truth; "
            "the other cards are opinions.",
            notes="- The card's first number is how fast a member's log grows.\n"
            "- *term* counts elections: remember the number.\n"
            "- Election timeout 1 s, heartbeat 0.1 s: etcd's own defaults.",
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


def _fault(acts: ClusterActions) -> tuple[Chapter, ...]:
    return (
        Chapter(
            "What if the leader dies?",
            "Two of three are still a majority. But nobody may write until they agree on a new leader.\n\n"
            "How long is that? And is anything lost that somebody was told is *safe*?",
            hypothesis=f"The leader dies: another leads within {LEADS_WITHIN_SEC:g} s, "
            "and nothing that was confirmed is lost.",
            notes="- Let the room vote on the seconds.\n- The next page names the victim, counts to three, and kills.",
            budget_sec=45,
        ),
        Chapter(
            "Kill the leader",
            "`docker kill`: no goodbye, no clean-up. Watch:\n\n"
            "- its card: how soon does the wall know?\n- **writes**: how long is nothing confirmed?",
            on_enter=acts.kill_leader,
            blocks_advance=True,
            auto_advance=True,
            limit_sec=60,
            notes="- The victim is chosen before the countdown: whoever leads then.\n- It stays dead until chapter 8.",
            budget_sec=20,
        ),
        Chapter(
            "Who noticed first?",
            "The **engine** told us that the container ended. The two **followers** knew nothing yet: "
            "they wait for a heartbeat that does not come, *for one to two seconds*.",
            on_enter=acts.detect,
            blocks_advance=True,
            limit_sec=30,
            notes="- Read the measured line aloud.\n- Between death and election nobody is wrong: they just wait.",
            budget_sec=40,
        ),
        Chapter(
            "A new leader",
            "A follower lost patience, asked for votes, and got the majority. The term went up by one or more.\n\n"
            "From there on writes are confirmed again, *with one member dead*.",
            on_enter=acts.watch_election,
            blocks_advance=True,
            limit_sec=60,
            notes="- Compare: time to a new leader, time without a confirmed write.\n"
            "- A second death now would stop all writes: two of three is the least.",
            budget_sec=45,
        ),
    )


def _after(acts: ClusterActions) -> tuple[Chapter, ...]:
    return (
        Chapter(
            "Bring it back",
            "The dead member starts with the log it had, asks what it missed, and *follows*.\n\n"
            "Then we open the book: every key is read again.",
            on_enter=acts.recover,
            blocks_advance=True,
            limit_sec=150,
            notes="- The old leader does not get its office back.\n- The verdict appears under the story.",
            budget_sec=45,
        ),
        Chapter(
            "What we saw",
            "What we guessed, and what was measured.\n\n"
            "*Confirmed* means: a majority has it on disk. That is why one death costs time, **not data**.",
            shows_evidence=True,
            notes="- Press `C` for more: freeze the leader, cut it off, stop any member.\n- Questions.",
            budget_sec=60,
        ),
    )
