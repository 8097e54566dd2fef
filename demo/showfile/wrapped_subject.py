"""The subject that a show file adds to: a built-in system, an installed one, or a class of the user's own."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from demo.conditions import Facts
from demo.errors import SubjectError, UsageError
from demo.findings import Examined, Finding, ok
from demo.show.following import AnnouncesStart, FollowedShow, FollowsShow, HasHealSec, HasStopSec
from demo.showfile.merged_poller import MergedPoller
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.subject_facts import FactsWithSubject, SubjectSample
from demo.showfile.subject_options import chosen_options, written_options
from demo.subjects.described_options import option_facts
from demo.subjects.options import describe_unknown
from demo.subjects.registry import check, load, options, takes
from demo.threads.worker_thread import run_in_thread
from demo.types import (
    HEAL_SEC,
    STOP_SEC,
    DescribesSystem,
    FaultDriver,
    HealthPollerProtocol,
    Subject,
)

OWN_OPTIONS = ("allow_run", "allow_unlabelled", "no_reload")
"""The options of a show file itself."""


class WrappedSubject:
    """The subject that a file names, without its chapters; in a file that names none, it does nothing.

    `typed`: options of the command line, which go before those of the file. Raises `UsageError` for an option that is
    not taken, and `SubjectError` where code of the user's fails.
    """

    def __init__(
        self, file: Path, settings: FrontMatter, typed: Mapping[str, Sequence[str]], *, allow_unlabelled: bool
    ) -> None:
        self.name = settings.subject or ""
        self.made: Subject | None = None
        self._poller: MergedPoller | None = None
        self._written = {name: value for name, value in written_options(settings.options) if name not in typed}
        if not self.name:
            if typed:
                raise UsageError(describe_unknown(str(file), typed, OWN_OPTIONS))
            return
        chosen = options(self.name, chosen_options(settings.options, typed))
        if allow_unlabelled and "allow_unlabelled" in takes(self.name):
            chosen["allow_unlabelled"] = True
        self.made = load(self.name, **chosen)
        self.refuse_clash(settings.faults)

    def refuse_clash(self, faults: Iterable[str]) -> None:
        """Raise `SubjectError` if a fault of the file has the name of one of the subject's."""
        if taken := {driver.config.name for driver in self.drivers} & set(faults):
            raise SubjectError(f"the subject {self.name} has a fault {min(taken)} already: choose another name")

    @property
    def description(self) -> str:
        return "" if self.made is None else self.made.description

    @property
    def drivers(self) -> Sequence[FaultDriver]:
        return () if self.made is None else tuple(self.made.faults)

    def add_poller(self, own: HealthPollerProtocol, changed: Callable[[], None]) -> HealthPollerProtocol:
        """Return one poller of the subject's and the file's own; `changed` is called with each sample of the former."""
        if self.made is None or self.made.poller is None:
            return own
        self._poller = MergedPoller(self.made.poller, own, changed)
        return self._poller

    def add_facts(self, own: Facts) -> Facts:
        """Return the facts of the file and of the subject."""
        if self.made is None or self.made.poller is None:
            return own
        return FactsWithSubject(own, lambda: SubjectSample(None) if self._poller is None else self._poller.newest)

    @property
    def heal_sec(self) -> float:
        """Return for how many seconds its `heal` may run; 0 without a subject."""
        if self.made is None:
            return 0.0
        return float(self.made.heal_sec) if isinstance(self.made, HasHealSec) else HEAL_SEC

    @property
    def stop_sec(self) -> float:
        """Return for how many seconds its `stop` may run; 0 without a subject."""
        if self.made is None:
            return 0.0
        return float(self.made.stop_sec) if isinstance(self.made, HasStopSec) else STOP_SEC

    def check(self) -> None:
        """Ask it whether everything that it needs is on this machine. Raises `SubjectError`."""
        if self.made is not None:
            check(self.name, self.made)

    async def examine(self) -> Sequence[Finding]:
        """Run its checks for `demo doctor`."""
        if self.made is not None and isinstance(self.made, Examined):
            return await self.made.examine()
        # In a thread, because a check may run a loop of its own.
        await asyncio.wrap_future(run_in_thread(self.check, f"checking {self.name}"))
        return (ok("needs", "nothing is missing"),)

    def listen(self, tell: Callable[[str], None]) -> None:
        if self.made is not None and isinstance(self.made, AnnouncesStart):
            self.made.listen(tell)

    def follow(self, show: FollowedShow) -> None:
        if self.made is not None and isinstance(self.made, FollowsShow):
            self.made.follow(show)

    async def describe_system(self) -> Sequence[tuple[str, str]]:
        """Return what it runs on: its options in the file, and what it says itself."""
        told = await self.made.describe_system() if isinstance(self.made, DescribesSystem) else ()
        return (*option_facts(self._written), *told)

    async def start(self) -> None:
        if self.made is not None:
            await self.made.start()

    async def heal(self) -> None:
        if self.made is not None:
            await self.made.heal()

    async def stop(self) -> None:
        if self.made is not None:
            await self.made.stop()
