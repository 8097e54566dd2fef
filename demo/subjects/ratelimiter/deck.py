"""The story in ten chapters: steady state, then for each fault a guess, the fault, and what was measured."""

from demo.subjects.ratelimiter.accounting import Ask
from demo.subjects.ratelimiter.chapter_actions import LimiterActions
from demo.types import Chapter, Stage

WITHOUT_REDIS = {
    "local": "Our nodes will then **count alone**, each for itself. The shop stays open.",
    "open": "Our nodes will then **let everything in**. The shop stays open.",
    "closed": "Our nodes will then **refuse everything**. The shop closes.",
}
"""What a node does while Redis does not answer, by the system's `fallback`."""


def deck(stage: Stage, ask: Ask, fallback: str = "local") -> tuple[Chapter, ...]:
    acts = LimiterActions(stage, ask)
    return (*_opening(), *_kill(acts), *_burst(acts), *_pause(acts, WITHOUT_REDIS[fallback]), *_closing())


def _opening() -> tuple[Chapter, ...]:
    return (
        Chapter(
            "Who counts to a hundred?",
            "A shop takes **100 payments in ten seconds**. Not 101.\n\n"
            "Three servers share the counting. Today we break them, *live*, "
            "and look at what they really let through.",
            notes="- Nothing here is a recording: six real processes run on this machine.\n"
            "- Ask the room: who has a rate limit in production? Who has checked it?\n"
            "- Nothing breaks before chapter 4.",
            budget_sec=45,
        ),
        Chapter(
            "What you see on the wall",
            "**Traffic** asks three **nodes**. A node asks **Redis** whether there is room, "
            "and only then the **backend** gets the request.\n\n"
            "The backend notes every arrival. *That is the truth. The rest is opinion.*",
            notes="- All cards are up; requests flow at about 65 a second.\n"
            "- `search` and `login` run a few percent over their limit, so some requests are refused (429).\n"
            "- *Ghosts*: more got through than the limit allows. *Drift*: got through, but Redis does not know.\n"
            "- ε is the timing error we subtract: no ghost is a matter of clocks.",
            budget_sec=75,
        ),
    )


def _kill(acts: LimiterActions) -> tuple[Chapter, ...]:
    return (
        Chapter(
            "What if a node dies?",
            "Next we kill one of the three nodes. No goodbye, no clean-up.\n\n"
            "Whoever gets no answer asks another node, *once*. Will anybody outside notice?",
            hypothesis="One of three nodes dies: no request fails, and five seconds after the repair begins all is up.",
            notes="- Let the room vote before you go on.\n"
            "- The next page starts by itself: three seconds, then the kill.",
            budget_sec=45,
        ),
        Chapter(
            "Kill a node",
            "At zero we kill `node-2`, and leave it dead for five seconds. Watch:\n\n"
            "- its card: how soon does the wall know?\n"
            "- the error curve: does it move?\n"
            "- the two nodes that are left",
            on_enter=acts.kill,
            blocks_advance=True,
            limit_sec=60,
            notes="- It is `SIGKILL`, so the node cannot say goodbye.\n"
            "- After five seconds it is started again; *recovered* means every probe says up.\n"
            "- The page lets you go on when the verdict is there.",
            budget_sec=45,
        ),
    )


def _burst(acts: LimiterActions) -> tuple[Chapter, ...]:
    return (
        Chapter(
            "The same burst, two ways to count",
            "Both pay keys have the same limit, and will get the same burst.\n\n"
            "- `pay-naive`: *read* the count, **then** *write* it\n"
            "- `pay-exact`: read and write **in one step**, inside Redis",
            hypothesis="In the same burst, read-then-write lets more than 100 through. One step never does.",
            notes="- Sixty requests at the same moment on each key, three times a second.\n"
            "- Between reading and writing, the other nodes read the same old count.\n"
            "- One step means: a Lua script that Redis runs whole.",
            budget_sec=60,
        ),
        Chapter(
            "Burst",
            "At zero: twenty times the load, for eight seconds, on both keys.\n\n"
            "What rises above the dashed line are **ghosts**: requests that the limit should have stopped.",
            on_enter=acts.burst,
            blocks_advance=True,
            limit_sec=60,
            notes="- Compare the two curves; the dashed line is the limit.\n"
            "- The backend counts the ghosts by its own clock, less ε.\n"
            "- If no ghost shows, say so: `Rerun` tries again.",
            budget_sec=45,
        ),
    )


def _pause(acts: LimiterActions, without_redis: str) -> tuple[Chapter, ...]:
    return (
        Chapter(
            "What if Redis freezes?",
            "Next, Redis takes no writes for eight seconds, while a simple *ping* still looks fine.\n\n"
            + without_redis,
            hypothesis="Redis freezes: no request fails, but Redis loses count of what got through.",
            notes="- A health check by ping would stay green all the time. Ours writes.\n"
            "- Each node gives Redis half a second, then decides without it.\n"
            "- After the next page the evidence comes by itself.",
            budget_sec=45,
        ),
        Chapter(
            "Freeze Redis",
            "**Drift** is what gets through without Redis knowing.\n\n"
            "This is a *choice*: stay open and lose count, or keep count and close. "
            "Counting in one step does not take that choice away.",
            on_enter=acts.pause,
            blocks_advance=True,
            auto_advance=True,
            limit_sec=75,
            notes="- Drift is a policy: availability over accuracy. A Lua script cannot fix it.\n"
            "- Redis needs nobody's help to come back: the freeze ends by itself even if we crash.\n"
            "- `search` may show ghosts now: three nodes, each with a count of its own.\n"
            "- Drift stays on the wall for 30 seconds: that is how far back it looks.",
            budget_sec=60,
        ),
    )


def _closing() -> tuple[Chapter, ...]:
    return (
        Chapter(
            "What we saw",
            "What we guessed, and what was measured.",
            shows_evidence=True,
            notes="- Read each guess aloud, then its verdict.\n"
            "- A guess that did not hold is the better story: stay with it.",
            budget_sec=60,
        ),
        Chapter(
            "Count where it matters",
            "- Read and write **in one step**: what cannot be interleaved cannot race.\n"
            "- Decide *before* the outage: **open or exact**.\n"
            "- Measure **behind** the limiter, never in it.",
            notes="- Questions? Any fault can be fired again from your page: press `C`.\n"
            "- The limiter is about 200 lines: it is in this repository.",
            budget_sec=60,
        ),
    )
