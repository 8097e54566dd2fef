"""What of the log reaches the terminal: nothing, unless somebody asks for it."""

import logging
import sys
from typing import Literal

from demo.errors import UsageError
from demo.journal.show_log import Once, buffer_log_records, without_secrets

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")


def set_up_logging(level: str | None, debug: bool) -> None:
    """Log to memory until a show's file is known; to stderr too from `level` on, or errors with `debug`.

    Tracebacks go to stderr with `debug` only. Raises `UsageError` for a level that there is not.
    """
    buffer_log_records()
    if level is not None and level.lower() not in LEVELS:
        raise UsageError(f"--log-level must be one of {', '.join(LEVELS)}, not {level!r}")
    chosen = level or ("error" if debug else None)
    if chosen is None:
        return
    logger = logging.getLogger("demo")
    logger.setLevel(min(logging.INFO, logging.getLevelName(chosen.upper())))
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(chosen.upper())
    handler.setFormatter(_TerminalFormatter(debug))
    handler.addFilter(Once("terminal"))
    logger.addHandler(handler)


class _TerminalFormatter(logging.Formatter):
    """One line for a record, and its traceback where that was asked for."""

    def __init__(self, with_tracebacks: bool) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._with_tracebacks = with_tracebacks

    def format(self, record: logging.LogRecord) -> str:
        if not self._with_tracebacks:
            record = logging.makeLogRecord(record.__dict__ | {"exc_info": None, "exc_text": None})
        return without_secrets(super().format(record))
