"""The error tree. Exceptions of other libraries are converted to it where they enter.

DemoError
├── InvalidValue (also a ValueError)   a value that a constructor does not accept
├── Refused                            a command that the rules of the show refuse
├── TooManyQuestions                   a question from the room that may be asked later
├── ShowOver                           a command that comes after the end of the show
├── FaultError                         a fault that could not be injected or healed
├── SubjectError                       a system that could not be started or reached
├── EngineError                        a container engine that is not there, refuses, or does not know a container
├── BookError                          what was written cannot be read again now
├── FeedError                          a Redis for relays that cannot be reached, refuses, or has unreadable content
├── JournalError                       a journal that cannot be read, or does not fit the deck
├── ExperimentError                    a file that is not a Chaos Toolkit experiment, or cannot be taken over
└── UsageError                         a command line that cannot be carried out (exit code 2)
"""

import logging
from typing import Literal

RefusalCode = Literal[
    "not_found",
    "stale",
    "invalid",
    "halted",
    "blocked",
    "running",
    "required",
    "at_end",
    "at_start",
    "closed",
    "active",
    "healing",
    "no_ledger",
    "replay",
]


class DemoError(Exception):
    """Base of all errors that this package raises on purpose. The text is meant for people."""


class InvalidValue(DemoError, ValueError):
    """An invalid value; the message names it and says what is valid."""


class Refused(DemoError):
    """A command that the rules refuse; nothing has changed.

    `code` is one of the documented refusal codes; the text says why, in one sentence.
    """

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code


class TooManyQuestions(DemoError):
    """A question from the room that may be asked later. `wait_sec`: when to try again, in whole seconds."""

    def __init__(self, message: str, wait_sec: int) -> None:
        super().__init__(message)
        self.wait_sec = wait_sec


class ShowOver(DemoError):
    """The show has ended: it accepts no more commands."""


class FaultError(DemoError):
    """A fault driver could not inject, heal or verify a fault."""


class SubjectError(DemoError):
    """The system of the show could not be started or reached; the text says what to do."""


class EngineError(DemoError):
    """The container engine cannot be reached, refuses us, or has no such container; the text says what to do."""


class BookError(DemoError):
    """The writes of a load cannot be read again now; the text says why, in words that are fit for the audience."""


class FeedError(DemoError):
    """The Redis between conductor and relays cannot be reached or refuses, or its content cannot be read."""


class JournalError(DemoError):
    """The journal cannot be opened, read or written, or belongs to another deck."""


class ExperimentError(DemoError):
    """A file is not an experiment of the Chaos Toolkit, or holds something that no show file can say."""


class UsageError(DemoError):
    """The command line asks for something that is not possible."""


def log_unexpected(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log an exception: one of our own as a warning in one line, every other one as an error with its traceback."""
    if isinstance(error, DemoError) and error.__cause__ is None:
        logger.warning("%s: %s", what, error)
    else:
        logger.error("%s: %s", what, describe(error), exc_info=error)


def describe(error: BaseException) -> str:
    """Return an exception in one line, for people."""
    text = str(error).strip().split("\n")[0][:300]
    return text if isinstance(error, DemoError) and text else f"{type(error).__name__}{': ' + text if text else ''}"
