"""Who is told of each new state, also when somebody who is told has a bug."""

from demo.conductor.state_listeners import StateListeners
from demo.show import ShowState
from tests.support.show_player import PLAIN, player

STATE = player(*PLAIN).state


def test_a_listener_that_always_fails_is_reported_once_and_stops_nobody() -> None:
    reported: list[str] = []
    seen: list[ShowState] = []

    def report(text: str) -> None:
        reported.append(text)
        listeners.notify(STATE)  # what is reported is a new state of the show

    listeners = StateListeners(report)

    def fails(_state: ShowState) -> None:
        raise ValueError("no")

    listeners.subscribe(fails)
    end = listeners.subscribe(seen.append)
    listeners.notify(STATE)
    assert len(reported) == 1
    assert reported[0].startswith("a screen raised an error: ")
    assert seen == [STATE, STATE]
    end()
    end()
    listeners.notify(STATE)
    assert seen == [STATE, STATE]
