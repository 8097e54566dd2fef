"""Plays a show file to its end as a presenter does, by HTTP, and says how its predictions turned out."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers import Server, Stream, serving

CHAPTER_TIMEOUT_SEC = 300.0
"""For one chapter with all its faults, on a machine that is busy with other tests."""


@dataclass(frozen=True)
class Verdict:
    """`held`: None if it was not seen."""

    held: bool | None
    text: str


class PlayedShow:
    """A show that is served. A chapter whose action has failed fails the test with its reason."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def settle(self, limit: float = CHAPTER_TIMEOUT_SEC) -> dict[str, Any]:
        """Wait until the chapter's steps are done, and everything that they broke is healed; return the state."""
        state = self.server.until(_is_settled, limit)
        assert state["chapter"]["status"] != "failed", state["chapter"]
        return state

    def advance(self) -> dict[str, Any]:
        """Go on by one step of a chapter, or to the next chapter; return the state once it is settled."""
        answer = self.server.client.post("/advance")
        assert answer.status_code == 200, answer.text
        return self.settle()

    def play_to_the_end(self) -> None:
        """Go on until the last step of the last chapter."""
        state = self.settle()
        while not (state["complete"] and state["chapter"]["step"] == state["chapter"]["steps"]):
            state = self.advance()

    def inject(self, fault: str) -> None:
        answer = self.server.client.post(f"/chaos/{fault}")
        assert answer.status_code == 202, answer.text

    def verdicts(self) -> Mapping[int, Verdict]:
        """Return the newest verdict on each prediction, by the number of its chapter."""
        found = {}
        for event in self.events():
            if event["type"] == "Concluded":
                found[event["number"]] = Verdict(event["held"], event["text"])
        return found

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield all events of the show until now, as its journal has them."""
        state = self.server.state()
        with Stream(self.server, "/events", {"Last-Event-ID": f"{state['epoch']}-0"}) as stream:
            while True:
                entry = json.loads(stream.next()["data"])
                yield entry["event"]
                if entry["seq"] >= state["seq"]:
                    return

    def until_judged(self, number: int, limit: float = 60.0) -> Verdict:
        """Return the verdict on the prediction of a chapter, once there is one."""
        self.server.until(lambda _: number in self.verdicts(), limit)
        return self.verdicts()[number]


def _is_settled(state: Mapping[str, Any]) -> bool:
    is_whole = all(fault["state"] == "idle" for fault in state["chaos"])
    return state["chapter"]["status"] == "failed" or (state["chapter"]["status"] != "running" and is_whole)


@contextmanager
def playing(deck: Path, *options: str, state_home: Path | None = None, limit: float = 180.0) -> Iterator[PlayedShow]:
    """Serve a show file, with `-x`, until all that it says is up at its start has been seen up."""
    with serving(str(deck), "-x", *options, state_home=state_home) as server:
        server.until(lambda state: (state["health"] or {}).get("has_issues") is False, limit)
        yield PlayedShow(server)
