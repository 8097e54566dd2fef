"""The deck of a running show is edited: which chapters the numbers in commands mean that were sent before."""

from dataclasses import replace

from demo.errors import Refused
from demo.show import ShowState
from demo.show import commands as c
from demo.show.deck import with_own_deck


class DeckEdits:
    """All edits since this process began. A command is marked when it is sent, and renumbered when it is decided on."""

    def __init__(self) -> None:
        self._places: list[tuple[int, ...]] = []

    def mark(self, command: c.CommandEnvelope) -> c.CommandEnvelope:
        """Return the command with the deck that its numbers are of."""
        return replace(command, edits=len(self._places)) if self._places else command

    def renumber(self, command: c.CommandEnvelope) -> c.CommandEnvelope:
        """Return the command with the numbers that its chapters have now. Raises `Refused` if one of them is gone."""
        for places in self._places[command.edits :]:
            command = _renumber(command, places)
        return replace(command, edits=len(self._places)) if self._places else command

    def prepare(self, state: ShowState, command: c.Command) -> ShowState:
        """Return the state that the events of a command are applied to."""
        return with_own_deck(state, command) if isinstance(command, c.ReplaceDeck) else state

    def note(self, command: c.ReplaceDeck) -> None:
        """Note an edit: the numbers of commands sent before are those of the deck before."""
        self._places.append(command.places)


def _renumber(command: c.CommandEnvelope, places: tuple[int, ...]) -> c.CommandEnvelope:
    expected, what = command.expected_chapter, command.command
    if expected is not None:
        command = replace(command, expected_chapter=_find_place(expected, places))
    match what:
        case c.ActionEnd(number=number) | c.StartCountdown(number=number) | c.Conclude(number=number):
            return replace(command, command=replace(what, number=_find_place(number, places)))
        case c.Goto(chapter=number):
            return replace(command, command=replace(what, chapter=_find_place(number, places)))
        case _:
            return command


def _find_place(number: int, places: tuple[int, ...]) -> int:
    if not 1 <= number <= len(places):
        return number
    if not places[number - 1]:
        raise Refused("stale", f"chapter {number} was removed from the deck meanwhile")
    return places[number - 1]
