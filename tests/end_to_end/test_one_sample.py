"""Whatever one frame shows comes from one health sample: a card never says another number than the curve beside it."""

import re
from pathlib import Path

import pytest

from demo.show import commands as c
from demo.show.health_sample import read_sample
from demo.views import stage_view
from demo.views.cards import trend
from tests.support import fetch
from tests.support.servers import serving
from tests.support.show_player import player

FRAMES = 24

METER = '''
import asyncio
from datetime import UTC, datetime
from demo.subjects.none import NoSystem

class Poller:
    """Another number each time, the same on a card and in each metric."""

    def __init__(self):
        self.newest, self.round, self.ended = None, 100, asyncio.Event()

    async def run(self):
        while not self.ended.is_set():
            self.round += 1
            metrics = [
                {"name": name, "label": name, "value": self.round, "unit": "/s", "role": "load"}
                for name in ("load", "also", "beside")
            ]
            self.newest = {
                "nodes": [{"id": "n", "health": "up", "metrics": {"per sec": self.round}}],
                "metrics": metrics, "interval_sec": 0.3, "last_updated": datetime.now(UTC),
            }
            await asyncio.sleep(0.3)

    def get_health(self):
        return self.newest

    def stop(self):
        self.ended.set()

class Meter(NoSystem):
    poller = None

    def __init__(self):
        self.poller = Poller()
'''


def numbers(regions: dict[str, str]) -> set[str]:
    """Every place of the stage that tells the number."""
    shown = [
        *re.findall(r'<span class="num[^"]*">(\d+)</span>', regions["figure"]),
        *re.findall(r"<p><b[^>]*>(\d+)</b> <bdi>per sec", regions["cards"]),
        *re.findall(r'<text class="value[^>]*>(\d+)', regions["curves"]),
        *re.findall(r"<span><b[^>]*>(\d+)/s</b> <bdi>beside", regions["rest"]),
    ]
    assert len(shown) == 5, "the main number, a card, two curves and the strip"
    return set(shown)


def test_every_frame_of_a_real_stream_tells_one_number_everywhere(tmp_path: Path) -> None:
    (tmp_path / "meter.py").write_text(METER)
    regions: dict[str, str] = {}
    seen: list[set[str]] = []
    with serving("meter:Meter", cwd=tmp_path) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        # The first chapter is a cover, which shows no number.
        assert server.client.post("/goto/2").status_code == 200
        with fetch.stream("GET", f"{server.url}/stream/stage", timeout=10) as answer:
            for line in answer.iter_lines():
                parts = re.findall(r'<hx-partial hx-target="#r-(\w+)"[^>]*>(.*?)</hx-partial>', line)
                regions |= dict(parts)
                if {"figure", "cards", "curves", "rest"} & {name for name, _ in parts}:
                    seen.append(numbers(regions))
                if len(seen) >= FRAMES:
                    break
    assert [one for one in seen if len(one) > 1] == []
    assert len(set.union(*seen)) > FRAMES / 2, "the number did change"


@pytest.mark.parametrize("pause", [0.05, 0.3, 0.97, 2.0])
def test_a_curve_ends_with_the_newest_sample_however_fast_they_come(pause: float) -> None:
    show = player()
    for number in range(100, 150):
        health = {
            "nodes": [{"id": "n", "health": "up", "metrics": {"x": number}}],
            "metrics": [{"name": "load", "value": number}],
            "interval_sec": pause,
        }
        show.play(c.RecordSample(read_sample(health, show.at), {}), later=pause)
        view = stage_view(show.state)
        (plot,) = view.timeline.plots
        assert view.figure is not None
        assert view.cards[0].main == plot.series[0].now == view.figure.value == str(number)
        assert trend(show.state, "node:n")[-1] == trend(show.state, "load")[-1] == number
        seconds = [int(point.at) for point in show.state.history]
        assert len(set(seconds)) == len(seconds), "one point a second"
