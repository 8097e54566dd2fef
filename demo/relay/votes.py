"""Votes through relays: a relay's ballot box, which passes them on, and the show's receiver, which counts each once."""

import asyncio
import contextlib
from collections.abc import Callable

from demo.ballots.ballot_box import BATCH_SEC, BallotBox
from demo.errors import FeedError, InvalidValue, Refused
from demo.relay.feed import FeedMessage, RelayStore
from demo.relay.feed.redis_store import retry_delay_sec
from demo.relay.feed.votes import MAX_VOTES_IN_ENTRY, RelayedVote, pack_votes, unpack_votes
from demo.show.ballot import BallotState

LATE_SEC = 1.5
"""How long after its end the show waits for votes that a relay has still taken: the relay learns of it a bit later."""


class RelayBallotBox:
    """Passes votes on to the show, many in one entry. `message` returns the newest message of the show."""

    def __init__(self, store: RelayStore, message: Callable[[], FeedMessage | None]) -> None:
        self._store = store
        self._message = message
        self._waiting: list[RelayedVote] = []
        self._sending: asyncio.Task[None] | None = None

    @property
    def epoch(self) -> str:
        message = self._message()
        return message.epoch if message is not None else ""

    @property
    def opened(self) -> BallotState | None:
        """The vote that is open, as the show's state tells it."""
        message = self._message()
        is_live = message is not None and not message.state.get("replay")
        ballots = message.state.get("ballots", ()) if message is not None and is_live else ()
        for ballot in ballots if isinstance(ballots, list | tuple) else ():
            if isinstance(ballot, dict) and ballot.get("state") == "open":
                return _read_ballot(ballot)
        return None

    async def cast(self, voter: str, ballot: BallotState, answer: float) -> bool:
        """Pass a vote on; return False, for it is not on the show's disk yet. Raises `FeedError`."""
        self._waiting.append(RelayedVote(ballot.id, voter, answer))
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_soon())
        # Shielded: a browser that goes away takes nobody else's vote with it.
        await asyncio.shield(self._sending)
        return False

    async def _send_soon(self) -> None:
        await asyncio.sleep(BATCH_SEC)
        votes, self._waiting, self._sending = self._waiting, [], None
        for start in range(0, len(votes), MAX_VOTES_IN_ENTRY):
            await self._store.put_votes(self.epoch, pack_votes(votes[start : start + MAX_VOTES_IN_ENTRY]))


class VoteReceiver:
    """Takes the votes of relays into the show's ballot box, until cancelled."""

    def __init__(self, store: RelayStore, box: BallotBox, epoch: str) -> None:
        self._store = store
        self._box = box
        self._epoch = epoch
        box.late_sec = LATE_SEC

    async def run(self) -> None:
        attempts = 0
        while True:
            # From the beginning: what an earlier process has not counted and deleted is still there. A vote that
            # comes twice counts once.
            after = "0"
            with contextlib.suppress(FeedError):  # the publisher reports an outage
                while True:
                    entries = await self._store.wait_for_votes(after)
                    attempts = 0
                    counted = []
                    for ident, epoch, text in entries:
                        after = ident
                        if epoch == self._epoch:
                            await self._count(text)
                            counted.append(ident)
                    await self._store.delete_votes(counted)
            attempts += 1
            await asyncio.sleep(retry_delay_sec(attempts))

    async def _count(self, text: str) -> None:
        casts = [self._box.cast_late(vote.voter, vote.ballot, vote.answer) for vote in unpack_votes(text)]
        for outcome in await asyncio.gather(*casts, return_exceptions=True):
            # Of a vote that is over, or that no relay of ours can have sent.
            if isinstance(outcome, BaseException) and not isinstance(outcome, Refused | InvalidValue):
                raise outcome


def _read_ballot(data: dict[str, object]) -> BallotState | None:
    match data:
        case {"id": int(ident), "chapter": int(number), "question": str(question), "options": list(options)}:
            unit = data.get("unit")
            return BallotState(
                ident, number, question, tuple(map(str, options)), unit=unit if isinstance(unit, str) else ""
            )
        case _:
            return None
