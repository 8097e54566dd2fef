"""The log beside a journal: every unexpected exception with its traceback, for whoever has to find its cause.

Python's `logging`, under the logger `demo`. Until the journal is known, records wait in memory. What looks like a
secret is masked on its way into the file.
"""

import io
import logging
import logging.handlers
import os
import re
from collections.abc import Callable
from pathlib import Path

LOG_SUFFIX = ".log"
MAX_LOG_BYTES = 1_000_000
OLD_LOGS = 1
MAX_WAITING_RECORDS = 200
MASK = "(masked)"

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_SECRET = re.compile(
    r"(?i:(?P<head>\b(?:authorization|cookie|set-cookie)\b['\"]?\s*[:=]\s*)[^\r\n]+)"
    r"|(?P<url>\b[a-z][a-z0-9+.-]*://)[^\s/@]+@"
    # What `secrets.token_urlsafe` makes: long, and of capitals, small letters and digits together.
    r"|(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{20,}(?![\w-])"
)


class _MaskingFormatter(logging.Formatter):
    """Formats a record, traceback included, and masks what looks like a secret in all of it."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A file that only its owner may read, made with the first record. `on_error` is told of the first traceback."""

    def __init__(self, path: Path, on_error: Callable[[Path], None] | None) -> None:
        super().__init__(path, maxBytes=MAX_LOG_BYTES, backupCount=OLD_LOGS, delay=True)
        self._on_error = on_error

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        if record.exc_info and self._on_error is not None:
            tell, self._on_error = self._on_error, None
            tell(Path(self.baseFilename))

    def _open(self) -> io.TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


class Once(logging.Filter):
    """Lets each exception through once, however many layers report it. `who` asks: the file or the terminal."""

    def __init__(self, who: str) -> None:
        super().__init__()
        self._who = who

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return True
        # The first record of an exception may come by twice: on its way into memory, and from there into the file.
        return error.__dict__.setdefault(f"_logged_by_{self._who}", record) is record


def without_secrets(text: str) -> str:
    """Mask credentials in headers and URLs, and long random words."""
    return _SECRET.sub(lambda found: f"{found['head'] or found['url'] or ''}{MASK}{'@' if found['url'] else ''}", text)


def log_path(journal: Path) -> Path:
    """Return where the log of the show in this journal lies."""
    return Path(f"{journal}{LOG_SUFFIX}")


def buffer_log_records() -> None:
    """Collect what is logged in memory, until `start_log_file` says where it goes."""
    logger = logging.getLogger("demo")
    logger.setLevel(logging.INFO)
    # The terminal belongs to the presenter: nothing is printed unless --log-level or --debug asks for it.
    logger.propagate = False
    memory = logging.handlers.MemoryHandler(MAX_WAITING_RECORDS, flushLevel=logging.CRITICAL + 1, flushOnClose=False)
    _replace_file_handler(memory)


def start_log_file(journal: Path, on_error: Callable[[Path], None] | None = None) -> Path:
    """Write the log beside this journal from now on, records that waited included; return its path.

    `on_error` is called with that path when the first traceback is in it, from whatever thread that is.
    Nothing is raised where it cannot be written: a log must not keep a show from running.
    """
    path = log_path(journal)
    file = _PrivateFile(path, on_error)
    file.setFormatter(_MaskingFormatter(_FORMAT))
    waiting = _replace_file_handler(file)
    if isinstance(waiting, logging.handlers.MemoryHandler):
        waiting.setTarget(file)
        waiting.flush()
        waiting.close()
    return path


def current_log() -> Path | None:
    """Return the file that is logged to, None where there is none, or nothing in it yet."""
    for handler in logging.getLogger("demo").handlers:
        if isinstance(handler, _PrivateFile) and Path(handler.baseFilename).exists():
            return Path(handler.baseFilename)
    return None


def _replace_file_handler(new: logging.Handler) -> logging.Handler | None:
    """Put `new` in the place of the handler that an earlier call has set, and return that one."""
    logger = logging.getLogger("demo")
    old = next((handler for handler in logger.handlers if handler.name == "show"), None)
    if old is not None:
        logger.removeHandler(old)
    new.name = "show"
    new.addFilter(Once("file"))
    logger.addHandler(new)
    return old
