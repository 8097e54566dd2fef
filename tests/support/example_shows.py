"""The shows in `examples/`, copied with free ports and played by HTTP, chapter by chapter, as a presenter does."""

import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.processes.ports import free_ports
from demo.showfile.show import open_show
from tests.support.played_shows import PlayedShow, playing
from tests.support.servers import wait_for

EXAMPLES = Path(__file__).parents[2] / "examples"
PORT = re.compile(r"\b18[1-9]\d\d\b")
"""The ports of the examples, which may be in use where tests run."""

LIMIT_SEC = 180.0


def copy_example(name: str, folder: Path) -> Path:
    """Copy a show and the folder of its programs; return the copy, whose ports are free ones."""
    text = (EXAMPLES / f"{name}.md").read_text()
    ports = sorted(set(PORT.findall(text)))
    free = dict(zip(ports, map(str, free_ports(len(ports)) if ports else ()), strict=True))
    deck = folder / f"{name}.md"
    deck.write_text(PORT.sub(lambda found: free[found[0]], text))
    if (EXAMPLES / name).is_dir():
        shutil.copytree(EXAMPLES / name, folder / name)
    return deck


class ExampleShow:
    """An example that is served. `judged`: the chapters whose prediction has an `expect`.

    `until_healed`: whether it goes on only when each fault has lasted for its whole time.
    """

    def __init__(self, show: PlayedShow, judged: Collection[int], until_healed: bool = False) -> None:
        self.show, self.judged, self.until_healed = show, judged, until_healed

    def advance(self) -> dict[str, Any]:
        """Go on once the next chapter's requirements hold; return the state once its prediction is judged."""
        server = self.show.server
        before = _predictions(server.state())
        wait_for(self._is_admitted, LIMIT_SEC, lambda: str(server.state())[:3000])
        state = self._settle()
        if state["chapter"]["number"] in self.judged and state["chapter"]["step"] == 1:
            state = server.until(lambda state: _predictions(state) != before, LIMIT_SEC)
        return state

    def play_to_the_end(self) -> Mapping[int, bool | None]:
        """Play every chapter; return by chapter whether its prediction held."""
        state = self._settle()
        while not (state["complete"] and state["chapter"]["step"] == state["chapter"]["steps"]):
            state = self.advance()
        return {number: verdict.held for number, verdict in self.show.verdicts().items()}

    def _settle(self) -> dict[str, Any]:
        """Wait until the chapter's steps are done; return the state."""
        if self.until_healed:
            return self.show.settle(LIMIT_SEC)
        state = self.show.server.until(lambda state: state["chapter"]["status"] != "running", LIMIT_SEC)
        assert state["chapter"]["status"] != "failed", state["chapter"]
        return state

    def _is_admitted(self) -> bool:
        answer = self.show.server.client.post("/advance")
        if answer.status_code == 409 and answer.json()["code"] == "required":
            return False
        assert answer.status_code == 200, answer.text
        return True


@contextmanager
def playing_example(deck: Path, state_home: Path, until_healed: bool = False) -> Iterator[ExampleShow]:
    """Serve a copy of an example, once all of it is up."""
    chapters = open_show(deck).chapters
    judged = {number for number, chapter in enumerate(chapters, 1) if chapter.settings.expect is not None}
    with playing(deck, state_home=state_home, limit=LIMIT_SEC) as show:
        yield ExampleShow(show, judged, until_healed)


def _predictions(state: Mapping[str, Any]) -> list[str]:
    return [line["at"] for line in state["log"] if line["who"] == "prediction"]
