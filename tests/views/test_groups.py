"""Many nodes as few cards: nobody who is down goes unnamed, nothing is counted wrong, and the wall holds them all."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, expect

from bench.fleet import Fleet
from demo.show import commands as c
from demo.show.health_sample import read_sample
from demo.terminal.transcript import Transcript
from demo.views import CardView, groups, listed, stage_view
from demo.views.groups import MAX_ALONE, MAX_LISTED, SEVERITY
from demo.views.redaction import MASK
from demo.web.rendering.state_grid import lay_out_grid
from demo.web.rendering.system_layout import MAX_COUNTED, draw_many_nodes
from demo.web.rendering.system_layout import Fleet as DrawnFleet
from tests.scripts.test_docs import ROOT
from tests.support import fetch
from tests.support.chromium import PHONE, PROJECTOR, Window, chromium
from tests.support.servers import Server, wait_for
from tests.support.show_player import player


def node(name: str, state: str = "up", group: str = "g") -> CardView:
    return CardView(name, name, state, state, "1", "req/s", "", 5.0, group=group)


def key(name: str, state: str = "up") -> CardView:
    return CardView(f"key-{name}", name, state, "5 of 10", "0", "ghosts", "drift 0", 5.0, of_key=True)


def fleet(count: int, down: tuple[int, ...] = (), names: int = 6) -> list[CardView]:
    return [node(f"n{n}", "down" if n in down else "up", f"g{n % names}") for n in range(count)]


# The model.


def test_nodes_are_grouped_in_the_order_they_came_with_the_worst_first_among_the_named() -> None:
    made = groups([node("a", "up", "x"), node("b", "degraded", "y"), node("c", "down", "y"), node("d", "up", "x")])
    assert [(group.name, group.state, group.main, group.unit) for group in made] == [
        ("x", "up", "2", "of 2 up"),
        ("y", "down", "0", "of 2 up"),
    ]
    assert [card.name for card in made[1].bad] == ["c", "b"]
    assert made[1].word == "1 down, 1 degraded"
    assert made[1].is_gone
    assert not made[0].is_gone


def test_stale_nodes_are_not_counted_as_up_and_not_as_down() -> None:
    (group,) = groups([node(f"n{n}", "stale") for n in range(40)])
    assert (group.main, group.word, group.is_gone) == ("–", "40 stale", False)


def test_a_limited_key_is_in_no_group() -> None:
    assert [group.total for group in groups([*fleet(12), key("login")])] == [2] * 6


def test_nodes_that_are_all_of_their_own_kind_are_one_group() -> None:
    assert [group.total for group in groups(fleet(200, names=200))] == [200]


STATES = [*SEVERITY, "odd"]


@given(st.binary(min_size=MAX_ALONE + 1, max_size=200), st.integers(1, 41), st.booleans())
def test_every_node_is_counted_once_and_every_one_that_is_not_up_is_known(
    drawn: bytes, kinds: int, has_curves: bool
) -> None:
    # One byte tells a node's state and its group: a list of pairs would take a hundred times as many choices.
    cards = [node(f"n{n}", STATES[byte % 8], f"g{(byte // 8 + n) % kinds}") for n, byte in enumerate(drawn)]
    made = groups(cards)
    assert sum(group.total for group in made) == len(cards)
    assert {card.name for group in made for card in group.bad} == {card.name for card in cards if card.state != "up"}
    drawn_fleet = draw_many_nodes(cards, has_curves)
    assert 0 < len(drawn_fleet.frames) <= MAX_COUNTED
    by_name = {group.name: group for group in made}
    for frame in drawn_fleet.frames:
        bad = [card for card in by_name[frame.name].bad if card.state != "stale"]
        assert len(frame.tiles) + frame.unnamed == len(bad)
        assert bool(frame.tiles) == bool(bad)


def test_a_list_names_who_is_down_and_then_the_groups_and_the_keys() -> None:
    found = listed([*fleet(600, (7, 20)), key("login", "degraded")])
    assert [card.name for card in found] == ["n7", "n20", "g0", "g1", "g2", "g3", "g4", "g5", "login"]
    assert [card.state for card in found[2:5]] == ["up", "degraded", "degraded"]
    assert len(listed(fleet(600, tuple(range(600))))) == MAX_LISTED + 6
    few = fleet(MAX_ALONE, (3,))
    assert listed(few) == tuple(few)


def test_a_nodes_group_counts_more_than_its_type_and_an_address_in_it_is_masked_for_the_room() -> None:
    nodes = [
        {"id": f"n{n}", "type": "shard", "group": "rack 10.0.0.1:80" if n < 3 else "", "health": "up"}
        for n in range(40)
    ]
    play = player()
    play.play(c.RecordSample(read_sample({"nodes": nodes, "interval_sec": 1.0}, play.at + 1)))
    assert [group.name for group in groups(stage_view(play.state).cards)] == [f"rack {MASK}", "shard"]
    assert next(group.name for group in groups(stage_view(play.state, private=True).cards)) == "rack 10.0.0.1:80"


# The wall.


def test_up_to_thirty_nodes_have_a_tile_each_in_frames_of_six_and_more_are_counted() -> None:
    drawn = draw_many_nodes([*fleet(MAX_ALONE, (7,), names=5), key("login")][:-1])
    assert [len(frame.tiles) for frame in drawn.frames] == [6] * 5
    assert [(frame.state, frame.word) for frame in drawn.frames][1:3] == [
        ("up", "6 of 6 running"),
        ("degraded", "5 of 6 running"),
    ]
    assert not drawn.is_counted
    drawn = draw_many_nodes(fleet(MAX_ALONE, (7,), names=6))
    assert [len(frame.tiles) for frame in drawn.frames] == [5] * 6
    assert (drawn.columns, drawn.side) == (2, 2), "three rows of two tiles"
    assert draw_many_nodes(fleet(MAX_ALONE, (7,), names=6), has_curves=True).side == 3, "less height: two rows of three"
    drawn = draw_many_nodes(fleet(MAX_ALONE + 1, (7,), names=5))
    assert drawn.is_counted
    assert [card.name for frame in drawn.frames for card in frame.tiles] == ["n7"]


def test_a_group_of_more_than_six_is_cut_into_numbered_frames() -> None:
    assert [frame.name for frame in draw_many_nodes(fleet(13, names=1)).frames] == ["g0 1", "g0 2", "g0 3"]
    assert draw_many_nodes(fleet(14, (3,), names=14)).is_counted, "too many groups for frames with tiles"


def test_a_frame_is_down_only_when_none_of_its_nodes_is_up() -> None:
    drawn = draw_many_nodes(fleet(15, (0, 5, 10, 1), names=5))
    assert [frame.state for frame in drawn.frames] == ["down", "degraded", "up", "up", "up"]


def test_of_too_many_groups_the_worst_are_shown_in_their_place_and_the_rest_is_said() -> None:
    drawn = draw_many_nodes(fleet(200, (17, 18), names=20))
    assert (len(drawn.frames), drawn.columns) == (MAX_COUNTED, 2)
    assert [frame.name for frame in drawn.frames][-2:] == ["g17", "g18"]
    assert drawn.rest == "and 10 more groups: all up"
    drawn = draw_many_nodes(fleet(200, (17, 18), names=20), has_curves=True)
    assert [frame.name for frame in drawn.frames] == ["g0", "g1", "g2", "g3", "g17", "g18"]
    assert drawn.rest == "and 14 more groups: all up"
    drawn = draw_many_nodes(fleet(200, tuple(range(14)), names=20))
    assert drawn.rest == "and 10 more groups: g10 1 down, g11 1 down; 2 more with nodes that are not up"


def test_of_a_group_that_is_down_as_many_are_named_as_fit_and_the_rest_is_counted() -> None:
    def named(names: int, has_curves: bool = False) -> tuple[int, int]:
        members = [node(f"gateway-{n}", "down", f"g{n % names}") for n in range(120)]
        frame = draw_many_nodes(members, has_curves).frames[0]
        return len(frame.tiles), frame.unnamed

    assert named(1) == (3, 117)
    assert named(6) == (1, 19)
    assert named(10) == (1, 11)


def test_what_sends_requests_stands_on_the_left_and_leads_to_the_frames_of_its_nodes() -> None:
    load = CardView("load", "load", "up", "up", "60", "/s", "", 5.0, links=("n0", "n1"), kind="load", group="load")
    drawn = draw_many_nodes([load, *fleet(18, names=3)])
    assert [card.name for card in drawn.sources] == ["load"]
    assert len(drawn.frames) == 3
    assert len(drawn.links) == 2


def test_cells_keep_their_place_and_each_state_has_its_own() -> None:
    drawn = lay_out_grid(["up"] * 3 + ["down"] + ["up"] * 6)
    assert (drawn.columns, drawn.rows) == (7, 2)
    assert drawn.paths == (("up", "M0 0h3M4 0h3M0 1h3"), ("down", "M3 0h1"))


@given(st.lists(st.sampled_from(SEVERITY), min_size=1, max_size=700))
def test_there_are_as_many_cells_as_nodes(states: list[str]) -> None:
    drawn = lay_out_grid(states)
    lengths = {state: sum(int(run) for run in re.findall(r"h(\d+)", path)) for state, path in drawn.paths}
    assert lengths == {state: states.count(state) for state in states}
    assert drawn.columns * drawn.rows >= len(states)


def test_the_wall_of_six_hundred_is_laid_out_as_one_of_sixty() -> None:
    def shape(drawn: DrawnFleet) -> tuple[int, int]:
        return drawn.columns, len(drawn.frames)

    assert shape(draw_many_nodes(fleet(600))) == shape(draw_many_nodes(fleet(60))) == (2, 6)


# On real pages.


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def broken(nodes: int, names: int) -> Server:
    """Three nodes are down, and a whole group."""
    options = ("-o", f"nodes={nodes}", "-o", f"groups={names}", "-o", "interval=0.2")
    server = Server("bench.fleet:Fleet", *options, cwd=ROOT)
    server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
    for fault in ("three", "group"):
        assert server.client.post(f"/chaos/{fault}").status_code == 202
    server.until(lambda state: all(fault["detected_after_sec"] is not None for fault in state["chaos"]))
    return server


OVERLAPS = """() => {
  const box = (name) => document.querySelector(name).getBoundingClientRect();
  const cut = (name) => [...document.querySelectorAll(name)]
    .filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1).map(e => e.textContent);
  const least = innerWidth > innerHeight ? Math.min(innerHeight, innerWidth * .75) * .0279 : 12;
  return {
    cut: [...cut('.tiles'), ...cut('.tile'), ...cut('.frame header b'), ...cut('.frame')],
    below: [...document.querySelectorAll('.frame, .plot')]
      .filter(e => e.getBoundingClientRect().bottom > box('.record-place').top).map(e => e.textContent),
    small: [...document.querySelectorAll('.frame :is(b, .word, .tile)')]
      .filter(e => parseFloat(getComputedStyle(e).fontSize) < least).map(e => e.textContent),
  };
}"""


def seen(page: Page) -> dict[str, list[str]]:
    page.wait_for_selector(".frame.down")
    found: dict[str, list[str]] = page.evaluate(OVERLAPS)
    return found


@pytest.mark.browser
@pytest.mark.parametrize(("nodes", "names"), [(600, 6), (600, 1), (300, 4), (60, 12), (600, 20), (31, 2)])
def test_the_stage_holds_them_all_at_every_size_and_names_who_is_down(browser: Browser, nodes: int, names: int) -> None:
    server = broken(nodes, names)
    try:
        for size in (PROJECTOR, (1280, 720), (1024, 768)):
            window = Window(browser, server.url, size)
            assert seen(window.page) == {"cut": [], "below": [], "small": []}, size
            # On a busy machine a sample may be late: then nothing is known for a moment, and nobody is named.
            expect(window.page.locator(".tiles").filter(has_text="gateway-1").first).to_be_visible()
            if names > 1:
                expect(window.page.locator(".tiles").filter(has_text="orders-1").first).to_be_visible()
            window.save_screenshot(f"groups-{nodes}-{names}-{size[0]}")
            assert window.console_errors == []
            window.close()
        window = Window(browser, server.url, PHONE)
        found = seen(window.page)
        assert found["cut"] == found["small"] == []
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        window.close()
    finally:
        server.stop()
        server.remove_state()


@pytest.mark.browser
def test_thirty_nodes_are_all_on_the_stage_with_whole_words(browser: Browser) -> None:
    server = broken(30, 6)
    try:
        for size in (PROJECTOR, (1280, 720), (1024, 768)):
            window = Window(browser, server.url, size)
            window.page.wait_for_selector(".frame.down")
            assert window.page.evaluate(OVERLAPS) == {"cut": [], "below": [], "small": []}, size
            shown = window.page.locator(".tile, .tile bdi").all_inner_texts()
            assert window.page.locator(".frame .word").count() >= 5
            assert any("gateway-1" in text for text in shown)
            window.save_screenshot(f"thirty-{size[0]}")
            window.close()
    finally:
        server.stop()
        server.remove_state()


def pages_that_tell_it(server: Server) -> dict[str, bytes] | None:
    """Each page, once it shows what is down: a page may be a moment behind the state."""
    pages = {path: fetch.get(f"{server.url}{path}").content for path in ("/", "/presenter", "/remote")}
    told = {
        path: b"2 faults in place" in page if path == "/remote" else b"gateway-1<" in page
        for path, page in pages.items()
    }
    return pages if all(told.values()) else None


def test_every_page_of_six_hundred_nodes_is_about_as_large_as_of_sixty() -> None:
    sizes: dict[int, dict[str, int]] = {}
    for nodes in (60, 600):
        server = broken(nodes, 6)
        try:
            pages = wait_for(lambda: pages_that_tell_it(server))  # noqa: B023 - called at once
            sizes[nodes] = {path: len(page) for path, page in pages.items()}
        finally:
            server.stop()
            server.remove_state()
    for path, size in sizes[600].items():
        assert size < 1.5 * sizes[60][path] + 1000, sizes


def test_in_a_pipe_a_group_that_dies_is_some_lines_and_a_count() -> None:
    play, told, system = player(), Transcript(), Fleet(600)

    def lines() -> list[str]:
        play.play(c.RecordSample(read_sample(system.health(0, 1.0) | {"last_updated": None}, play.at + 1)))
        return told.lines(play.state)

    assert "health: gateway 100 of 100 up, orders 100 of 100 up" in "\n".join(lines())
    system.down |= {f"gateway-{number}" for number in range(1, 101)}
    assert lines() == [*(f"gateway-{number}: up → down" for number in range(1, 13)), "and 88 more → down"]
    assert lines() == []
