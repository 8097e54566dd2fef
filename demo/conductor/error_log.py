"""Where a show's unexpected errors go: into the log beside its journal, and a line for the presenter that says so."""

import asyncio
import contextlib
from pathlib import Path

from demo.conductor.context import ConductorContext
from demo.journal.show_log import start_log_file
from demo.show import commands as c


def keep_log(context: ConductorContext) -> None:
    """Keep the log beside the journal, and tell the presenter where it lies once there is a traceback in it."""
    loop = asyncio.get_running_loop()

    def on_error(path: Path) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have ended before the thread that logs
            loop.call_soon_threadsafe(context.enqueue, "show", c.Notice(f"the traceback is in {path}", "note"))

    if not context.journal.is_temporary:
        start_log_file(context.journal.path, on_error)
