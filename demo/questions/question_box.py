"""The question box: it takes questions from the room and keeps them until the presenter is done with them.

It stands beside the command queue, as votes do. A question enters the show only when the presenter puts it on screen.
"""

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from demo.ballots.voters import salted, voter_of
from demo.errors import JournalError, Refused, TooManyQuestions, log_unexpected
from demo.questions.question_file import Question, QuestionFile, StoredQuestions
from demo.show import ShowState
from demo.show import commands as c

logger = logging.getLogger(__name__)

WHO = "questions"
MAX_QUESTION_TEXT = c.MAX_SAY
"""Characters of one question: the stage shows it where it shows what the presenter says."""

MAX_OPEN = 200
"""Open questions of one show. A new one is refused then: those that wait were asked first."""

MAX_OPEN_OF_DEVICE = 3
EVERY_SEC = 10.0
"""The shortest time between two questions of one device."""

MAX_DEVICES = 10_000
"""Devices whose last question is remembered; beyond that the one that asked longest ago is forgotten."""

WRITE_TIMEOUT_SEC = 1.0
"""A question is answered after this long even if the disk has not: as not durable."""


class AskedShow(Protocol):
    """The show to which the questions belong."""

    @property
    def epoch(self) -> str: ...

    @property
    def state(self) -> ShowState: ...

    def enqueue(self, issuer: str, command: c.Command) -> None: ...


@dataclass(frozen=True, slots=True)
class QuestionReceipt:
    """What was taken. `durable`: it is on disk, and outlives this server."""

    text: str
    durable: bool


class QuestionBox:
    """The open questions of one show, oldest first. For the event loop's thread; `run` must be running."""

    def __init__(self, show: AskedShow, file: QuestionFile, clock: Callable[[], float] = time.monotonic) -> None:
        self._show = show
        self._file = file
        self._clock = clock
        self._stored = StoredQuestions()
        self._asked_at: OrderedDict[str, float] = OrderedDict()
        self._loaded = asyncio.Event()
        self._has_news = asyncio.Event()
        self._written: asyncio.Future[bool] | None = None
        self._reported = ""
        self.version = 0
        """Raised with every change of the questions."""
        self.on_change: Callable[[], None] = lambda: None

    @property
    def questions(self) -> tuple[Question, ...]:
        return self._stored.questions

    def find(self, ident: int) -> Question | None:
        return next((question for question in self.questions if question.id == ident), None)

    async def ask(self, device: str, text: str) -> QuestionReceipt:
        """Take a question of a device. Raises `TooManyQuestions`, `Refused` while a recording is shown.

        The same question of the same device, sent again, is still one.
        """
        await self._loaded.wait()
        if self._show.state.replay is not None:
            raise Refused("replay", "no question can be asked while a recording is shown")
        digest = salted(voter_of(device, self._show.epoch, 0), bytes.fromhex(self._stored.salt)).hex()
        if not any(one.device == digest and one.text == text for one in self.questions):
            self._refuse_too_many(digest)
            question = Question(self._stored.next_id, text, digest)
            self._change(StoredQuestions((*self.questions, question), question.id + 1, self._stored.salt))
        return QuestionReceipt(text, await self._wait_until_written())

    def remove(self, ident: int) -> bool:
        """Remove a question that was shown or dismissed; return whether there was one."""
        left = tuple(question for question in self.questions if question.id != ident)
        if len(left) == len(self.questions):
            return False
        self._change(StoredQuestions(left, self._stored.next_id, self._stored.salt))
        return True

    async def run(self) -> None:
        """Load what an earlier process has stored, then store each change, until cancelled."""
        try:
            try:
                self._stored = await self._file.load()
            except JournalError as error:
                self._report(error)
            self._loaded.set()
            self._notify()
            while True:
                await self._has_news.wait()
                await self._write()
        finally:
            self._file.close()

    def _refuse_too_many(self, device: str) -> None:
        now = self._clock()
        if len(self.questions) >= MAX_OPEN:
            text = f"{MAX_OPEN} questions are waiting for the presenter, which is the limit: try again in a minute"
            raise TooManyQuestions(text, 60)
        if sum(one.device == device for one in self.questions) >= MAX_OPEN_OF_DEVICE:
            text = f"{MAX_OPEN_OF_DEVICE} questions of yours are waiting for the presenter: ask again when one is done"
            raise TooManyQuestions(text, 60)
        wait = self._asked_at.get(device, -math.inf) + EVERY_SEC - now
        if wait > 0:
            seconds = math.ceil(wait)
            raise TooManyQuestions(f"one question every {EVERY_SEC:g} s: try again in {seconds} s", seconds)
        self._asked_at.pop(device, None)
        self._asked_at[device] = now
        if len(self._asked_at) > MAX_DEVICES:
            self._asked_at.popitem(last=False)

    def _change(self, stored: StoredQuestions) -> None:
        self._stored = stored
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        self._has_news.set()
        self._notify()

    def _notify(self) -> None:
        self.version += 1
        self.on_change()

    async def _wait_until_written(self) -> bool:
        is_durable = True
        if self._written is not None:
            done, _ = await asyncio.wait({self._written}, timeout=WRITE_TIMEOUT_SEC)
            is_durable = bool(done) and done.pop().result()
        return is_durable and not self._reported and self._show.state.journal == "file"

    async def _write(self) -> None:
        """Store all questions as they are now, and answer those who wait for it."""
        written, self._written = self._written, None
        self._has_news.clear()
        is_durable = True
        try:
            await self._file.write(self._stored)
            self._reported = ""
        except JournalError as error:
            is_durable = False
            self._report(error)
        if written is not None and not written.done():
            written.set_result(is_durable)

    def _report(self, error: JournalError) -> None:
        if str(error) != self._reported:
            self._reported = str(error)
            log_unexpected(logger, "storing questions", error)
            self._show.enqueue(WHO, c.Notice(f"{error}; questions are taken, but a crash would lose them"))
