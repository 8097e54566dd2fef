"""Which journal a show is kept in: the one to continue, a fresh one, or (nowhere to write) a temporary one."""

import contextlib
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from demo.errors import JournalError
from demo.journal.journal import Journal
from demo.journal.library.directory import JournalDirectory, remove
from demo.journal.library.inspect import JournalSummary, look
from demo.journal.library.undo_transfer import asides, hand_over, move_aside, set_unreadable_aside
from demo.journal.sqlite_file import is_in_memory, is_in_use, real
from demo.show import ShowState
from demo.show.deck import renumbered, titles_of

IN_USE_TIMEOUT_SEC = 3.0
"""A server that is closing lets go of its journal within this; one that plays does not."""
IN_USE_PAUSE_SEC = 0.05


class JournalOpener:
    """Opens the journal of a show of `subject`, once.

    Without `file` that is the newest on the shelf that nobody uses and whose show is not over. `fresh`: begin anew.
    Afterwards `continued` is the line that says what goes on, and `troubles` what had to be passed over.
    """

    def __init__(
        self,
        subject: str,
        file: Path | None = None,
        *,
        fresh: bool = False,
        shelf: JournalDirectory | None = None,
        anywhere: bool = False,
    ) -> None:
        """`anywhere`: somebody says at which chapter to go on, so a show of an edited deck need not stand on one."""
        self.continued = ""
        self.troubles: list[str] = []
        self._titles: tuple[str, ...] = ()
        self._subject = subject
        self._file = file and real(file)
        self._fresh = fresh
        self._anywhere = anywhere
        self._shelf = shelf or JournalDirectory()

    def open(self, show: ShowState) -> Journal:
        """The journal for a show, given as it is before its first event.

        Raises `JournalError` for a named file that cannot be used.
        """
        self._titles = titles_of(show.chapters)
        return self._named(self._file) if self._file is not None else self._from_the_shelf(show)

    # A file that was named.

    def _named(self, file: Path) -> Journal:
        if self._fresh:
            move_aside(file)
        found = look(file)
        journal = Journal(file)
        if not found.trouble:
            self._continue(found)
        if is_in_memory(file):
            self.troubles.append(
                f"{file} lies on a memory disk, which a reboot empties: what is broken then stays so, for its undo "
                f"goes too; with --journal name a file on a real disk"
            )
        for aside in asides(file):
            self._take_over(look(aside), journal, set_aside=False)
        # What shows of this subject left on the shelf is owed by every start; they themselves may still go on.
        self._take_over_all(self._shelf.of(self._subject), journal, set_aside=False)
        return journal

    # The shelf.

    def _from_the_shelf(self, show: ShowState) -> Journal:
        looks = self._shelf.of(self._subject)
        journal = None if self._fresh else self._continued(looks, show)
        if journal is None:
            journal = self._begun()
        # One whose server ended before its first entry is no show yet: it begins now.
        fresh = not journal.durable_seq
        self._take_over_all(looks, journal, set_aside=fresh)
        if fresh:
            self._prune()
        return journal

    def _continued(self, looks: Sequence[JournalSummary], show: ShowState) -> Journal | None:
        titles = self._titles
        ends = time.monotonic() + IN_USE_TIMEOUT_SEC
        for seen in looks:
            found = self._let_go(seen, ends)
            if found.over:
                continue
            if found.in_use:
                self._pass_over(found, titles)
            elif found.trouble:
                if _is_newest(found, looks):
                    self._leave(found, found.trouble)
            elif found.chapter and not self._anywhere and not found.goes_on_in(titles):
                self._leave(
                    found,
                    f"it met another deck of {len(found.titles)} chapters and stands on {found.standing_on!r}, "
                    f"which this one does not have; --from N goes on at one of its chapters",
                )
            elif (journal := self._opened(found, show)) is not None:
                return journal
        return None

    def _let_go(self, found: JournalSummary, ends: float) -> JournalSummary:
        """As it is once its server has ended, or (it goes on playing) when the patience has."""
        while found.in_use and not found.over and time.monotonic() < ends:
            time.sleep(IN_USE_PAUSE_SEC)
            if not is_in_use(found.path):
                return look(found.path)
        return found

    def _pass_over(self, found: JournalSummary, titles: tuple[str, ...]) -> None:
        if found.titles in ((), titles):
            self.troubles.append(
                f"{found.name} is in use by another demo and not continued here: this is a show of its own; "
                f"to go on with that one, end both and start again"
            )

    def _opened(self, found: JournalSummary, show: ShowState) -> Journal | None:
        try:
            journal = Journal(found.path)
        except JournalError as error:
            self._leave(found, str(error))
            return None
        try:
            journal.verify(show)
        except JournalError as error:
            journal.release()
            self._leave(found, str(error))
            return None
        now = look(found.path)
        if now.over or now.events < found.events:
            # Somebody was quicker: it was ended, or removed, between the look and the lock.
            journal.release(discard=not now.events)
            return None
        self._continue(now)
        return journal

    def _begun(self) -> Journal:
        try:
            self._shelf.prepare()
            return self._first(self._shelf.begin(self._subject))
        except OSError as error:
            return self._temporary(error.strerror or str(error))
        except JournalError as error:
            return self._temporary(str(error))

    def _first(self, path: Path) -> Journal:
        try:
            return Journal(path)
        except JournalError:
            with contextlib.suppress(JournalError):
                remove(look(path), force=False)
            raise

    def _temporary(self, why: str) -> Journal:
        self.troubles.append(
            f"the show cannot be kept in {self._shelf.directory} ({why}): a crash would lose it; "
            f"make that writable, or name a file with --journal"
        )
        return Journal()

    def _prune(self) -> None:
        try:
            self._shelf.prune(self._subject)
        except JournalError as error:
            self.troubles.append(str(error))

    # Both.

    def _continue(self, found: JournalSummary) -> None:
        if found.chapter:
            edited = " of an edited deck" if self._titles != found.titles else ""
            number = renumbered(found.titles, self._titles).get(found.chapter, 1)
            where = f"chapter {number} of {len(self._titles)}{edited}"
            self.continued = f"{where}, begun {ago(time.time() - found.begun_at)} (start anew: --fresh)"

    def _take_over_all(self, looks: Sequence[JournalSummary], journal: Journal, set_aside: bool) -> None:
        for found in looks:
            if found.in_use or real(found.path) == journal.path:
                continue
            if not found.trouble or _is_newest(found, looks):
                self._take_over(found, journal, set_aside)

    def _take_over(self, found: JournalSummary, journal: Journal, set_aside: bool) -> None:
        self.troubles += set_unreadable_aside(found)
        try:
            taken = hand_over(found, journal, set_aside=set_aside)
        except JournalError as error:
            self.troubles.append(str(error))
            return
        if taken:
            self.troubles.append(f"{found.name} left something broken: it is healed before this show begins")

    def _leave(self, found: JournalSummary, why: str) -> None:
        self.troubles.append(f"{found.name} is left as it is and not continued: {why}; `demo shows` lists it")


def _is_newest(found: JournalSummary, looks: Iterable[JournalSummary]) -> bool:
    """Was no other show begun since this one was written to? Otherwise it was passed over, and said, before."""
    return not any(other.begun_at > found.last_at for other in looks if not other.trouble)


def ago(seconds: float) -> str:
    """How long ago, in the largest unit that fits."""
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return f"{max(0, int(seconds))} s ago"
