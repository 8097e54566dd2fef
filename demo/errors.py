"""The error tree. Foreign exceptions are translated into it where they enter.

DemoError
├── InvalidValue (also a ValueError)   a value that a constructor cannot take
├── Refused                            a command that the rules of the show refuse
├── ShowOver                           a command that comes after the end of the show
├── FaultError                         a fault that could not be injected or healed
├── SubjectError                       a system that could not be started or reached
├── EngineError                        a container engine that is not there, refuses, or does not know a container
├── FeedError                          a Redis for relays that cannot be reached, refuses, or holds what cannot be read
├── JournalError                       a journal that cannot be read, or does not fit the deck
└── UsageError                         a command line that cannot be carried out (exit code 2)
"""

import logging
from typing import Literal

RefusalCode = Literal[
    "not_found", "stale", "halted", "blocked", "running", "at_end", "at_start", "active", "healing", "no_ledger"
]


class DemoError(Exception):
    """Base of every error this package raises on purpose. Its text is meant for people."""


class InvalidValue(DemoError, ValueError):
    """A value that cannot be taken; the message names it and says what would do."""


class Refused(DemoError):
    """A command the rules refuse; nothing has changed.

    `code` is one of the documented refusal codes; the text says why, in one sentence.
    """

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code


class ShowOver(DemoError):
    """The show has ended: nothing can be asked of it any more."""


class FaultError(DemoError):
    """A fault driver could not do, undo or verify what it was asked to."""


class SubjectError(DemoError):
    """The system of the show could not be started or reached; the text says what to do."""


class EngineError(DemoError):
    """The container engine cannot be reached, refuses us, or has no such container; the text says what to do."""


class FeedError(DemoError):
    """The Redis between conductor and relays cannot be reached or refuses, or what lies there cannot be read."""


class JournalError(DemoError):
    """The journal cannot be opened, read or written, or belongs to another deck."""


class UsageError(DemoError):
    """The command line asks for something that cannot be done."""


def log_unexpected(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log an exception: one of our own as a warning in one line, every other one as an error with its traceback."""
    if isinstance(error, DemoError) and error.__cause__ is None:
        logger.warning("%s: %s", what, error)
    else:
        logger.error("%s: %s", what, describe(error), exc_info=error)


def describe(error: BaseException) -> str:
    """An exception in one line, for people."""
    text = str(error).strip().split("\n")[0][:300]
    return text if isinstance(error, DemoError) and text else f"{type(error).__name__}{': ' + text if text else ''}"
