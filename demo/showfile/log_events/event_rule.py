"""What of a line becomes an event: a pattern, and a text that captured names are filled into."""

import re
from collections.abc import Mapping

from demo.clean import clean
from demo.probes.patterns import Pattern
from demo.showfile.schema.system import EventSettings

MAX_TEXT = 80
"""Characters of an event's text: a line of the log, and more than a mark shows."""

_FILLED = re.compile(r"(?<!\$)\$\{([^{}]*)\}")


class EventRule:
    """Raises `InvalidValue` for a pattern that is none; a checked file has no such."""

    def __init__(self, name: str, settings: EventSettings) -> None:
        self._name, self._text = name, settings.text
        self._pattern = Pattern(settings.match)

    def text_of(self, line: str) -> str | None:
        """Return the text of the event that a line is; None for a line that is none. Raises `TooSlow`."""
        captured = self._pattern.search(line)
        if captured is None:
            return None
        text = line if self._text is None else _fill(self._text, captured)
        text = " ".join(clean(text).split()) or self._name
        return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1].rstrip()}…"


def _fill(text: str, captured: Mapping[str, str | None]) -> str:
    return _FILLED.sub(lambda found: captured.get(found[1]) or "", text).replace("$${", "${")
