"""Asks the subject whether the chapter that a command would enter may be entered now."""

import logging
from collections.abc import Callable
from dataclasses import replace

from demo.errors import log_unexpected
from demo.show import ShowState
from demo.show import commands as c
from demo.subjects.user_code import describe_error

logger = logging.getLogger(__name__)


class ChapterGate:
    """`unmet`: returns why a chapter may not be entered now, as a sentence; "" if it may."""

    def __init__(self, unmet: Callable[[int], str]) -> None:
        self._unmet = unmet

    def checked(self, command: c.CommandEnvelope, state: ShowState) -> c.CommandEnvelope:
        """Return the command with what the chapter that it may enter still lacks."""
        number = _find_entered(command.command, state)
        if number is None or not 1 <= number <= state.total:
            return command
        try:
            why = self._unmet(number)
        except Exception as error:  # noqa: BLE001 - code of the subject: what cannot be told is not met
            log_unexpected(logger, f"what chapter {number} requires", error)
            why = f"what it requires cannot be told: {describe_error(error)}"
        return replace(command, unmet={number: f"chapter {number} is not entered yet: {why}"}) if why else command


def _find_entered(command: c.Command, state: ShowState) -> int | None:
    match command:
        case c.Advance() | c.AutoAdvance() | c.ActionEnd():
            return state.number + 1
        case c.Goto(chapter=number):
            return number if number > state.number else None
        case _:
            return None
