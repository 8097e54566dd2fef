"""The ballot box: it takes votes, stores them in batches, and tells the show the tally at most four times a second.

It stands beside the command queue: a vote is no command, so any number of them delays no press of the presenter.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from demo.ballots.counting import MAX_NUMBER, count_numbers, count_options, rounded
from demo.ballots.vote_file import StoredVotes, VoteFile
from demo.ballots.voters import new_salt, salted
from demo.errors import InvalidValue, JournalError, Refused, ShowOver, log_unexpected
from demo.show import commands as c
from demo.show.ballot import BallotState
from demo.show.following import EditedShow
from demo.show.voting import open_ballot

logger = logging.getLogger(__name__)

WHO = "vote"
TALLY_EVERY_SEC = 0.25
"""The shortest time between two tallies in the show: each is a message to every screen."""

BATCH_SEC = 0.03
"""How long votes are gathered before they are written together."""

WRITE_TIMEOUT_SEC = 1.0
"""A vote is answered after this long even if the disk has not: as not durable."""

MAX_VOTERS = 100_000
"""Votes of one ballot. A hall has fewer; who makes up more devices than that is no hall."""


@dataclass(frozen=True, slots=True)
class VoteReceipt:
    """What became of a vote. `answer`: in words. `durable`: it is on disk, and outlives this server."""

    ballot: int
    answer: str
    durable: bool


class CastsVotes(Protocol):
    """Takes votes: the ballot box of the show, or that of a relay."""

    @property
    def epoch(self) -> str: ...

    @property
    def opened(self) -> BallotState | None:
        """The vote that is open now; None if none is."""

    async def cast(self, voter: str, ballot: BallotState, answer: float) -> bool:
        """Take a vote, in place of an earlier one of this voter; return whether it is durable. Raises `Refused`."""


def read_answer(ballot: BallotState, choice: int | None, number: float | None) -> float:
    """Return the answer as it is stored: the option's place from 0, or the number. Raises `InvalidValue`."""
    if ballot.options:
        most = len(ballot.options)
        if choice is None or not 1 <= choice <= most:
            given = "" if choice is None else f", not {choice}"
            raise InvalidValue(f"'choice' must be the number of an option, 1 to {most}{given}")
        return float(choice - 1)
    if number is None or not math.isfinite(number) or not 0 <= number <= MAX_NUMBER:
        raise InvalidValue(f"'number' must be a number from 0 to {MAX_NUMBER:.0f}: this vote is a guess")
    return rounded(number)


def answer_in_words(ballot: BallotState, answer: float) -> str:
    if ballot.options:
        return ballot.options[int(answer)]
    return f"{answer:.12g}{f' {ballot.unit}' if ballot.unit else ''}"


class VotedShow(EditedShow, Protocol):
    """The show that the box counts for."""

    @property
    def epoch(self) -> str: ...


class BallotBox:
    """The votes of one show. For the event loop's thread; `run` must be running.

    `is_shown` says whether the audience sees that show: else nobody can vote.
    """

    def __init__(self, show: VotedShow, file: VoteFile, is_shown: Callable[[], bool] = lambda: True) -> None:
        self._show = show
        self._is_shown = is_shown
        self._file = file
        self._votes: dict[int, StoredVotes] = {}
        self._pending: dict[int, dict[bytes, float]] = {}
        self._batch: asyncio.Future[bool] | None = None
        self._has_pending = asyncio.Event()
        self._has_news = asyncio.Event()
        self._loaded = asyncio.Event()
        self._reported = ""
        self.late_sec = 0.0
        """How long a closed vote waits for votes that were taken elsewhere before it was known to be closed."""

    @property
    def epoch(self) -> str:
        return self._show.epoch

    @property
    def opened(self) -> BallotState | None:
        # The votes of a replay were cast when it was recorded.
        is_live = self._is_shown() and self._show.state.replay is None
        return open_ballot(self._show.state) if is_live else None

    async def cast(self, voter: str, ballot: BallotState, answer: float) -> bool:
        """Take a vote, in place of an earlier one of this voter; return whether it is durable. Raises `Refused`."""
        await self._loaded.wait()
        current = self.opened
        if current is None or current.id != ballot.id:
            raise Refused("closed", "this vote is closed")
        return await self._take(voter, ballot, answer)

    async def cast_late(self, voter: str, ballot: int, answer: float) -> bool:
        """Take a vote that a relay has accepted, also of a vote that was closed meanwhile but is not counted yet.

        Returns as `cast` does. Raises `Refused`, and `InvalidValue` for an answer that this vote does not have.
        """
        await self._loaded.wait()
        current = next((one for one in self._show.state.ballots if one.id == ballot and not one.is_final), None)
        if current is None:
            raise Refused("closed", "this vote is closed")
        whole = int(answer) + 1 if math.isfinite(answer) and answer == int(answer) else None
        return await self._take(voter, current, read_answer(current, whole, answer))

    async def _take(self, voter: str, ballot: BallotState, answer: float) -> bool:
        votes = self._votes.setdefault(ballot.id, StoredVotes(new_salt()))
        digest = salted(voter, votes.salt)
        if len(votes.answers) >= MAX_VOTERS and digest not in votes.answers:
            raise Refused("closed", f"this vote has {MAX_VOTERS} voters already, which is the limit")
        if votes.answers.get(digest) != answer:
            self._has_news.set()
        votes.answers[digest] = answer
        self._pending.setdefault(ballot.id, {})[digest] = answer
        if self._batch is None:
            self._batch = _open_batch()
            self._has_pending.set()
        # Shielded: who hangs up must not take the answer from the others.
        return await asyncio.shield(self._batch) and self._show.state.journal == "file"

    async def run(self) -> None:
        """Store and count votes until cancelled, or until the show is over."""
        unsubscribe = self._show.subscribe(lambda state: self._note_closed())
        try:
            await self._load()
            self._loaded.set()
            self._has_news.set()
            await _run_until_first_ends(self._write_batches(), self._tell_tallies())
        except ShowOver:
            return
        finally:
            unsubscribe()
            self._file.close()

    def _note_closed(self) -> None:
        if any(not ballot.is_open and not ballot.is_final for ballot in self._show.state.ballots):
            self._has_news.set()

    async def _load(self) -> None:
        """Take up the votes that an earlier process has stored; those of counted ballots are deleted."""
        wanted = {ballot.id for ballot in self._show.state.ballots if not ballot.is_final}
        try:
            stored = await self._file.load()
            self._votes = {ident: votes for ident, votes in stored.items() if ident in wanted}
            if stored.keys() - wanted:
                await self._file.keep_only(self._votes)
        except JournalError as error:
            self._report(error)

    # Storing.

    async def _write_batches(self) -> None:
        while True:
            await self._has_pending.wait()
            await asyncio.sleep(BATCH_SEC)
            await self._write_batch()

    async def _write_batch(self) -> None:
        """Write what is pending, and answer those who wait for it."""
        batch, pending = self._batch, self._pending
        self._batch, self._pending = None, {}
        self._has_pending.clear()
        if batch is None:
            return
        is_durable = True
        for ident, answers in pending.items():
            votes = self._votes.get(ident)
            if votes is None:
                continue  # Counted for good meanwhile: the journal has them.
            try:
                await self._file.write(ident, votes.salt, answers)
            except JournalError as error:
                is_durable = False
                self._report(error)
        _settle(batch, is_durable)

    def _report(self, error: JournalError) -> None:
        if str(error) != self._reported:
            self._reported = str(error)
            log_unexpected(logger, "storing votes", error)
            self._show.enqueue(WHO, c.Notice(f"{error}; votes are counted, but a crash would lose them"))

    # Counting.

    async def _tell_tallies(self) -> None:
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            for ballot in self._show.state.ballots:
                if ballot.is_open:
                    await self._tell(ballot, is_final=False)
                elif not ballot.is_final:
                    await asyncio.sleep(self.late_sec)
                    await self._tell(ballot, is_final=True)
            await self._forget_counted()
            await asyncio.sleep(TALLY_EVERY_SEC)

    async def _tell(self, ballot: BallotState, *, is_final: bool) -> None:
        answers = self._votes[ballot.id].answers.values() if ballot.id in self._votes else ()
        if ballot.options:
            count = c.CountVotes(ballot.id, count_options(answers, len(ballot.options)), (), is_final)
        else:
            values, counts = count_numbers(answers)
            count = c.CountVotes(ballot.id, counts, values, is_final)
        # Waited for, so that a busy show is never sent a tally that a newer one has overtaken.
        await self._show.enqueue_and_wait(c.CommandEnvelope(WHO, count))

    async def _forget_counted(self) -> None:
        """Delete the votes of ballots whose last tally is in the journal, and of those that began again."""
        state = self._show.state
        if not state.durable and state.journal == "file":
            return
        counted = self._votes.keys() - {ballot.id for ballot in state.ballots if not ballot.is_final}
        if not counted:
            return
        for ident in counted:
            del self._votes[ident]
        try:
            await self._file.keep_only(self._votes)
        except JournalError as error:
            self._report(error)


def _open_batch() -> asyncio.Future[bool]:
    """Return what all votes of one batch wait for: whether they are durable. After a time without the disk, no."""
    batch: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    # One timer for all of them: one a vote would be a tenth of its cost.
    timer = asyncio.get_running_loop().call_later(WRITE_TIMEOUT_SEC, _settle, batch, False)
    batch.add_done_callback(lambda _: timer.cancel())
    return batch


def _settle(batch: asyncio.Future[bool], is_durable: bool) -> None:
    if not batch.done():
        batch.set_result(is_durable)


async def _run_until_first_ends(*work: Coroutine[Any, Any, None]) -> None:
    """Run these until one ends or raises, and cancel the others."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
