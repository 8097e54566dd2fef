"""The line at the foot of the presenter's pages: what is true now."""

from dataclasses import replace

from demo.show import commands as c
from demo.show.health_sample import read_sample
from demo.types import Chapter
from demo.views.stage import stage_view
from demo.views.status_line import status_line
from tests.support.show_player import chapter, player


def test_a_countdown_that_a_fault_has_followed_gives_the_line_to_the_fault() -> None:
    show = player(chapter("one", action=True))
    show.play(c.StartCountdown(1, 3.0))
    assert (status_line(show.state).title, status_line(show.state).tail) == ("one", "in")
    show.at += 3.0
    show.inject()
    assert show.state.countdown_ends_at is not None
    assert "kill" in status_line(show.state).title


def test_a_show_without_anything_to_watch_says_so_and_waits_for_no_sample() -> None:
    show = player(Chapter("one", "text"))
    state = replace(show.state, faults=())
    sampled = replace(state, sample=read_sample({"nodes": []}, show.at), freshness="live")
    for one in (state, sampled):
        assert status_line(one).text == "no system in this show"
        assert not stage_view(one).has_system


def test_a_system_of_one_part_is_called_by_the_parts_name_as_it_is_written() -> None:
    show = player(Chapter("one", "text"), faults=[])
    for health in ("up", "down"):
        node = {"id": "n", "name": "db", "health": health}
        show.play(c.RecordSample(read_sample({"nodes": [node]}, show.at + 1), {}, {}))
        assert status_line(show.state).title == f"db is {health}"
    nodes = [{"id": ident, "name": "db", "health": "up"} for ident in ("n", "m")]
    show.play(c.RecordSample(read_sample({"nodes": nodes}, show.at + 1), {}, {}))
    assert status_line(show.state).title == "All 2 parts up"
