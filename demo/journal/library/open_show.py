"""Chooses and opens the journal of a show: one to continue, a fresh one, or (nowhere to write) a temporary one."""

import contextlib
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from demo.errors import JournalError
from demo.journal.journal import Journal
from demo.journal.library.directory import JournalDirectory, remove
from demo.journal.library.inspect import JournalSummary, summarize
from demo.journal.library.undo_transfer import list_set_aside, move_aside, set_unreadable_aside, transfer_undos
from demo.journal.sqlite_file import is_in_memory, is_in_use, resolve_path
from demo.show import ShowState
from demo.show.deck import map_chapter_numbers, titles_of

IN_USE_TIMEOUT_SEC = 3.0
"""How long to wait for a journal in use: a server that is shutting down releases it within this time."""
IN_USE_PAUSE_SEC = 0.05


class JournalOpener:
    """Opens the journal of a show of `subject`, once.

    Without `file` it continues the newest journal in `directory` that is not in use and whose show is not
    over. `fresh`: begin a new show. After `open`, `continued` is a line that says what is continued, and `notices` are
    notices of what could not be.
    """

    def __init__(
        self,
        subject: str,
        file: Path | None = None,
        *,
        fresh: bool = False,
        directory: JournalDirectory | None = None,
        is_chapter_given: bool = False,
        keep: Path | None = None,
    ) -> None:
        """Choose how to open the journal; `is_chapter_given`: whether the command line names the chapter.

        Then the current chapter of a show need not exist in an edited deck. `keep`: a journal that is not deleted,
        however old it is.
        """
        self.continued = ""
        self.notices: list[str] = []
        self._titles: tuple[str, ...] = ()
        self._subject = subject
        self._file = file and resolve_path(file)
        self._fresh = fresh
        self._is_chapter_given = is_chapter_given
        self._keep = keep
        self._directory = directory or JournalDirectory()

    def open(self, show: ShowState) -> Journal:
        """Open the journal for a show, given as it is before its first event.

        Raises `JournalError` for a named file that cannot be used.
        """
        self._titles = titles_of(show.chapters)
        return self._open_named(self._file) if self._file is not None else self._open_from_directory(show)

    # A file named on the command line.

    def _open_named(self, file: Path) -> Journal:
        if self._fresh:
            move_aside(file)
        summary = summarize(file)
        journal = Journal(file)
        if not summary.trouble:
            self._announce_continued(summary)
        if is_in_memory(file):
            self.notices.append(
                f"{file} is on a memory disk, which a reboot empties: what is broken then stays broken, "
                "because its undo "
                f"is lost too; name a file on a real disk with --journal"
            )
        for aside in list_set_aside(file):
            self._take_over(summarize(aside), journal, set_aside=False)
        # Every start heals what earlier shows of this subject left; those shows can still be continued later.
        self._take_over_all(self._directory.of(self._subject), journal, set_aside=False)
        return journal

    # The directory.

    def _open_from_directory(self, show: ShowState) -> Journal:
        summaries = self._directory.of(self._subject)
        journal = None if self._fresh else self._continue_newest(summaries, show)
        if journal is None:
            journal = self._create()
        # A journal whose server was killed before its first entry counts as fresh too.
        is_fresh = not journal.durable_seq
        self._take_over_all(summaries, journal, set_aside=is_fresh)
        if is_fresh:
            self._prune()
        return journal

    def _continue_newest(self, summaries: Sequence[JournalSummary], show: ShowState) -> Journal | None:
        titles = self._titles
        deadline = time.monotonic() + IN_USE_TIMEOUT_SEC
        for listed in summaries:
            summary = self._wait_until_released(listed, deadline)
            # A show that was ended on its last chapter is not continued; a crash is no such end (docs/decisions/0009).
            if summary.over:
                continue
            if summary.in_use:
                self._report_in_use(summary, titles)
            elif summary.trouble:
                if _is_newest(summary, summaries):
                    self._report_left_alone(summary, summary.trouble)
            elif summary.chapter and not self._is_chapter_given and not summary.can_continue_with(titles):
                self._report_left_alone(
                    summary,
                    f"it belongs to another deck of {len(summary.titles)} chapters and is on "
                    f"{summary.chapter_title!r}, which this deck does not have; --from N continues at one of its "
                    f"chapters",
                )
            elif (journal := self._try_open(summary, show)) is not None:
                return journal
        return None

    def _wait_until_released(self, summary: JournalSummary, deadline: float) -> JournalSummary:
        """Return the summary of a journal in use once its server has released it, or unchanged at the deadline."""
        while summary.in_use and not summary.over and time.monotonic() < deadline:
            time.sleep(IN_USE_PAUSE_SEC)
            if not is_in_use(summary.path):
                return summarize(summary.path)
        return summary

    def _report_in_use(self, summary: JournalSummary, titles: tuple[str, ...]) -> None:
        if summary.titles in ((), titles):
            self.notices.append(
                f"{summary.name} is in use by another demo, so a new show was started here; "
                f"to continue that one, end both and start again"
            )

    def _try_open(self, summary: JournalSummary, show: ShowState) -> Journal | None:
        try:
            journal = Journal(summary.path)
        except JournalError as error:
            self._report_left_alone(summary, str(error))
            return None
        try:
            # Checked before the show begins: damage that is found later could no longer lead to a fresh show.
            journal.verify(show)
        except JournalError as error:
            journal.release()
            self._report_left_alone(summary, str(error))
            return None
        current = summarize(summary.path)
        if current.over or current.events < summary.events:
            # Between the summary and the lock another server ended this show, or somebody deleted it.
            journal.release(discard=not current.events)
            return None
        self._announce_continued(current)
        return journal

    def _create(self) -> Journal:
        try:
            self._directory.prepare()
            return self._open_new(self._directory.begin(self._subject))
        except OSError as error:
            return self._open_temporary(error.strerror or str(error))
        except JournalError as error:
            return self._open_temporary(str(error))

    def _open_new(self, path: Path) -> Journal:
        try:
            return Journal(path)
        except JournalError:
            with contextlib.suppress(JournalError):
                remove(summarize(path), force=False)
            raise

    def _open_temporary(self, why: str) -> Journal:
        self.notices.append(
            f"the show cannot be kept in {self._directory.directory} ({why}): a crash would lose it; "
            f"make that directory writable, or name a file with --journal"
        )
        return Journal()

    def _prune(self) -> None:
        try:
            self._directory.prune(self._subject, self._keep)
        except JournalError as error:
            self.notices.append(str(error))

    # Both ways.

    def _announce_continued(self, summary: JournalSummary) -> None:
        if summary.chapter:
            edited = " of an edited deck" if self._titles != summary.titles else ""
            number = map_chapter_numbers(summary.titles, self._titles).get(summary.chapter, 1)
            where = f"chapter {number} of {len(self._titles)}{edited}"
            self.continued = f"{where}, begun {format_age(time.time() - summary.begun_at)} (for a new show: --fresh)"

    def _take_over_all(self, summaries: Sequence[JournalSummary], journal: Journal, set_aside: bool) -> None:
        for summary in summaries:
            if summary.in_use or resolve_path(summary.path) == journal.path:
                continue
            if not summary.trouble or _is_newest(summary, summaries):
                self._take_over(summary, journal, set_aside)

    def _take_over(self, summary: JournalSummary, journal: Journal, set_aside: bool) -> None:
        self.notices += set_unreadable_aside(summary)
        try:
            count = transfer_undos(summary, journal, set_aside=set_aside)
        except JournalError as error:
            self.notices.append(str(error))
            return
        if count:
            self.notices.append(f"{summary.name} left something broken: it is healed before this show begins")

    def _report_left_alone(self, summary: JournalSummary, why: str) -> None:
        self.notices.append(f"{summary.name} is left as it is and not continued: {why}; `demo shows` lists it")


def _is_newest(summary: JournalSummary, summaries: Iterable[JournalSummary]) -> bool:
    """Return whether no other show was begun since this one was last written.

    Otherwise an earlier start has already passed it over, and reported that.
    """
    return not any(other.begun_at > summary.last_at for other in summaries if not other.trouble)


def format_age(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that fits."""
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return f"{max(0, int(seconds))} s ago"
