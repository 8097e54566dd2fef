"""`none`: a short deck without a system, for plain talks, for tests of the show alone, and for measurements."""

from collections.abc import Sequence

from demo.types import Chapter, FaultDriver, HealthPollerProtocol, Stage


class NoSystem:
    name = "none"
    title = "One show, many screens"
    description = "a talk without a system"

    @property
    def poller(self) -> HealthPollerProtocol | None:
        return None

    @property
    def faults(self) -> Sequence[FaultDriver]:
        return ()

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        async def greet() -> None:
            await stage.say("This line was sent by the chapter itself.")

        return (
            Chapter(
                "Good to see you",
                "This talk runs on a projector, a phone, a terminal and `curl`, all at once.\n\n"
                "Whatever one of them does, **all of them show**.",
                notes="- Open the projector page full screen: `F`.\n- Next is Space, Enter or a clicker.",
                budget_sec=30,
            ),
            Chapter(
                "One truth",
                "There is one show, and every screen draws it.\n\n"
                "Close this page and open it again: **the same chapter is still here**.",
                notes="- Reload the projector page now.\n- Then open it on a second device.",
                budget_sec=45,
            ),
            Chapter(
                "Many hands",
                "A key, a tap on the phone and a line of `curl` are the same command.\n\n"
                "Press twice by accident, and nothing is skipped.",
                notes="- In another terminal: the `curl` line that the start printed.\n"
                "- Going back never runs anything again.",
                budget_sec=45,
            ),
            Chapter(
                "A chapter can act",
                "Entering this one sent a line to every screen.\n\n"
                "With a real system behind it, a chapter breaks things here, *and measures what happens*.",
                on_enter=greet,
                notes="- The line went out once. Back and forward again does not repeat it.\n- Rerun does.",
                budget_sec=30,
            ),
            Chapter(
                "Your turn",
                "Start the show with a rate limiter behind it, and break that:\n\n`demo serve ratelimiter`",
                notes="- Take questions.\n- `B` makes every screen dark.",
                budget_sec=30,
            ),
        )

    # There is no system, so there is nothing to check, start, heal or stop.

    def check(self) -> None: ...

    async def start(self) -> None: ...

    async def heal(self) -> None: ...

    async def stop(self) -> None: ...
