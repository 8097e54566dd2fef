"""What earlier shows left broken, for a start that cannot heal it."""

from pathlib import Path

from demo.journal.library.directory import JournalDirectory
from demo.journal.library.inspect import pending_undos, summarize


def describe_pending(subject: str, file: Path | None = None, directory: JournalDirectory | None = None) -> str:
    """Return which faults are still pending in the journals of a subject, and how to undo each by hand; "" if none.

    `file`: a journal besides those in the directory. A journal in use is left out: its server heals.
    """
    named = [summarize(file)] if file is not None else []
    summaries = [*named, *(directory or JournalDirectory()).of(subject)]
    rows = [row for summary in summaries if not summary.in_use for row in pending_undos(summary.path)]
    by_fault = {row[1]: row[6] for row in rows}
    return "; ".join(f"{fault} (by hand: {manual})" if manual else fault for fault, manual in by_fault.items())
