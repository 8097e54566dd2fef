"""Takes pictures of every page in every state of a show, to be looked at one by one; and those of the README.

`scripts/pictures [FOLDER]`: stage, presenter's page and phones in all sizes, dark and light, with an index.html.
`scripts/pictures --readme`: docs/stage.png and docs/kill.webp, of the rate limiter while one of its nodes is killed.
"""

import argparse
import html
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.chromium import PHONE, PROJECTOR, Window, chromium, windows
from tests.support.servers import Server, serving

ROOT = Path(__file__).parents[2]
SEEN_MS = 30_000
SETTLE_MS = 700
"""How long after what is waited for a picture is taken: motion explains, and takes at most 600 ms."""

RECORD_EVERY_SEC = 0.2
WAIT_MS = 180_000
"""Some thirty windows share the machine, four of them of eight million pixels."""

WALLS = (PROJECTOR, (1280, 720), (1024, 768), (3840, 2160))
DESKS = ((1440, 900), (1024, 768))
PHONES = (PHONE, (360, 640), (844, 390))


@dataclass(frozen=True, slots=True)
class State:
    """A state of a show: the commands that lead to it, and what the stage shows then, as a selector."""

    name: str
    commands: tuple[str, ...]
    seen: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A show and its states in their order."""

    subject: str
    states: tuple[State, ...]


SHOWS = (
    Shown(
        "tests.support.staged_kill:StagedKill",
        (
            State("cover", (), ".cover"),
            State("curtain", ("/blackout?on=true",), ".curtain"),
            State("story", ("/blackout?on=false", "/advance"), ".story"),
            State("prediction", ("/advance",), ".prediction"),
            State("countdown", ("/advance",), "#r-record :text('Killing node-2')"),
            State("killed", (), "#r-record :text('detected in')"),
            State("said", ("/say?text=Look%20at%20node-2",), ".said"),
            State("two-faults", ("/say?text=", "/chaos/kill-node-1"), "#r-record :text('node-1 killed')"),
            State("halted", ("/halt",), "#r-record :text('all running')"),
            State("refuted", ("/resume", "/goto/5"), ".ruling:text('Refuted')"),
            State("not-seen", ("/goto/6",), ".ruling:text('Not seen')"),
            State("evidence", ("/goto/7",), ".evidence tbody tr:nth-child(3)"),
            State("closing", ("/goto/8",), ".story"),
        ),
    ),
    Shown(
        str(ROOT / "tests" / "support" / "voting_show.md"),
        (
            State("vote", ("/goto/2",), ".ballot, .tally"),
            State("guess", ("/goto/3",), ".ballot, .tally"),
            State("voted", ("/vote/close",), ".tally"),
        ),
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/pictures", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "artifacts" / "pictures")
    parser.add_argument("--readme", action="store_true", help="take the README's pictures instead")
    asked = parser.parse_args()
    with chromium() as browser:
        if asked.readme:
            picture_readme(browser, ROOT / "docs", asked.folder)
        else:
            asked.folder.mkdir(parents=True, exist_ok=True)
            taken = [path for shown in SHOWS for path in picture_states(browser, shown, asked.folder)]
            write_index(asked.folder, taken)
            print(f"{len(taken)} pictures, {asked.folder / 'index.html'}")
    return 0


@contextmanager
def playing(subject: str) -> Iterator[Server]:
    with serving(subject, cwd=ROOT) as server:
        try:
            yield server
        finally:
            server.kill_with_watchdog()


def picture_states(browser: Browser, shown: Shown, folder: Path) -> list[Path]:
    """Play a show through its states and take pictures of every page in each; at the end, without a server."""
    taken = []
    with playing(shown.subject) as server, windows() as opened:
        views = [
            (page, size, scheme)
            for page, sizes in (("", (*WALLS, *PHONES)), ("presenter", DESKS), ("remote", PHONES))
            for size in sizes
            for scheme in ("dark", "light")
        ]
        opened.extend(Window(browser, f"{server.url}/{page}", size, scheme) for page, size, scheme in views)
        for window in opened:
            window.page.set_default_timeout(WAIT_MS)
        states = [*shown.states, State("no-contact", (), "html.lost body")]
        for state in states:
            for command in state.commands:
                assert server.client.post(command).status_code in (200, 202), command
            if state is states[-1]:
                server.kill_with_watchdog()
            expect(opened[0].page.locator(state.seen).first).to_be_visible(timeout=SEEN_MS)
            opened[0].page.wait_for_timeout(SETTLE_MS)
            for (page, (width, height), scheme), window in zip(views, opened, strict=True):
                path = folder / f"{page or 'stage'}-{width}x{height}-{scheme}-{state.name}.png"
                window.page.screenshot(path=path)
                taken.append(path)
    return taken


def write_index(folder: Path, taken: Sequence[Path]) -> None:
    """Write a page with all pictures, those of one state side by side."""
    names = [html.escape(path.name) for path in sorted(taken, key=lambda path: path.stem.rsplit("-", 1)[-1])]
    cells = "".join(
        f'<a href="{name}"><img src="{name}" loading="lazy" width="480" alt=""><br>{name}</a> ' for name in names
    )
    (folder / "index.html").write_text(f'<!doctype html><meta charset="utf-8"><title>Pictures</title>{cells}\n')


def picture_readme(browser: Browser, docs: Path, frames: Path) -> None:
    """Play the kill of the rate limiter: a picture of the moment, and frames, named by their milliseconds."""
    frames.mkdir(parents=True, exist_ok=True)
    with playing("ratelimiter") as server, windows() as opened:
        server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
        opened.append(Window(browser, f"{server.url}/", (1280, 720)))
        page = opened[0].page
        assert server.client.post("/goto/3").status_code == 200
        page.wait_for_timeout(32_000)  # The curves have filled their axis.
        began, has_picture = time.monotonic(), False
        assert server.client.post("/advance").status_code == 200
        for at in _moments(began):
            page.screenshot(path=frames / f"{at:06}.png")
            if not has_picture and page.locator("#r-record :text('detected in')").count():
                page.wait_for_timeout(1500)
                page.screenshot(path=docs / "stage.png")
                has_picture = True
            if has_picture and page.locator(".ruling").count():
                break
        for at in _moments(began, 6.0):
            page.screenshot(path=frames / f"{at:06}.png")


def _moments(began: float, seconds: float = 60.0) -> Iterator[int]:
    """Yield the milliseconds since `began`, some five times a second, for so long."""
    ends = time.monotonic() + seconds
    while (now := time.monotonic()) < ends:
        yield round((now - began) * 1000)
        time.sleep(max(0.0, now + RECORD_EVERY_SEC - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
