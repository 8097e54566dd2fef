"""What a terminal is told of a start: the addresses, what is still starting, and when all is up."""

from collections.abc import Callable

from demo.show import ShowState

Say = Callable[[str], None]


def welcome(address: str) -> str:
    """Where to go, for people."""
    return (
        f"stage      {address}/\n"
        f"presenter  {address}/presenter\n"
        f"phone      {address}/remote\n"
        f"advance    curl -X POST {address}/advance\n"
        f"end        Ctrl-C"
    )


class Herald:
    """Listens to the show and says each thing of its start once."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._starting = False
        self._done = False

    def changed(self, state: ShowState) -> None:
        """A new state of the show."""
        if self._done or (state.sample is None and state.parts_error is None):
            return
        if state.parts_error is not None:
            self._done = True
            self._say(f"failed     {state.parts_error}")
            return
        missing = [node.name for node in state.sample.nodes if node.health != "up"] if state.sample else []
        if missing and not self._starting:
            self._starting = True
            self._say(f"starting   {', '.join(missing)}")
        if not missing and state.freshness == "live":
            self._done = True
            self._say("all up")
