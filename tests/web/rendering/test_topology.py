"""The drawing of links: from the left to the right, nothing over another, and the same for the same system."""

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import demo
from demo.web.rendering.topology import GRID, MAX_COLUMNS, CardPlace, Link, TopologyDrawing, lay_out


def drawn(*links: str, nodes: str = "") -> TopologyDrawing:
    """Lay out links like "a>b"; kinds are the letters of the names, but for `nodes` like "a:kind"."""
    pairs = tuple((link.partition(">")[0], link.partition(">")[2]) for link in links)
    names = dict.fromkeys(end for pair in pairs for end in pair)
    kinds = {name: name.rstrip("0123456789") for name in names}
    kinds |= {name.partition(":")[0]: name.partition(":")[2] for name in nodes.split()}
    return lay_out(tuple(kinds.items()), pairs)


def columns(found: TopologyDrawing) -> list[set[str]]:
    """The names of each column, from the left."""
    lefts = sorted({box.x for box in found.boxes})
    return [{box.id for box in found.boxes if box.x == left} for left in lefts]


def test_a_chain_is_drawn_from_the_left_to_the_right() -> None:
    assert columns(drawn("client>api", "api>db")) == [{"client"}, {"api"}, {"db"}]


def test_the_longest_way_says_where_a_node_stands() -> None:
    found = drawn("client>api1", "client>api2", "api1>db", "api2>db", "client>db")
    assert columns(found) == [{"client"}, {"api1", "api2"}, {"db"}]


def test_members_that_talk_to_each_other_stand_one_above_the_other() -> None:
    links = [f"m{a}>m{b}" for a in range(3) for b in range(3) if a != b]
    assert columns(drawn("load>m0", "load>m1", "load>m2", *links)) == [{"load"}, {"m0", "m1", "m2"}]


def test_a_cycle_is_broken_where_it_comes_back() -> None:
    found = drawn("web>queue", "queue>worker", "worker>web")
    assert columns(found) == [{"web"}, {"queue"}, {"worker"}]
    assert [(edge.source, edge.target) for edge in found.edges] == [
        ("web", "queue"),
        ("queue", "worker"),
        ("worker", "web"),
    ]


def test_what_has_no_links_stands_on_the_right() -> None:
    assert columns(drawn("a>b", nodes="c:c")) == [{"a"}, {"b", "c"}]


@pytest.mark.parametrize(("count", "wide"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (12, 3)])
def test_more_nodes_have_more_columns(count: int, wide: int) -> None:
    found = drawn(nodes=" ".join(f"n{number}:n" for number in range(count)))
    assert len(columns(found)) == wide
    assert {box.columns for box in found.boxes} == {wide}


def test_a_long_chain_has_no_more_columns_than_have_room() -> None:
    found = drawn(*(f"{a}>{b}" for a, b in zip("abcdefghi", "bcdefghij", strict=True)))
    assert len(columns(found)) <= MAX_COLUMNS
    lefts = {box.id: box.x for box in found.boxes}
    assert all(lefts[edge.source] <= lefts[edge.target] for edge in found.edges)


def test_a_link_to_nowhere_to_itself_or_told_twice_is_left_out() -> None:
    found = lay_out((("a", "x"), ("b", "y")), (("a", "b"), ("a", "b"), ("a", "a"), ("a", "gone")))
    assert [(edge.source, edge.target) for edge in found.edges] == [("a", "b")]


def test_a_way_leads_from_one_card_to_the_other_and_breaks_between_them() -> None:
    (edge,) = drawn("a>b").edges
    left, right = drawn("a>b").boxes
    assert edge.points[0] == (round((left.x + left.width) * 100 / GRID, 2), 50.0)
    assert edge.points[-1] == (round(right.x * 100 / GRID, 2), 50.0)
    assert edge.points[0][0] < edge.cross[0] < edge.points[-1][0]
    assert edge.path.startswith("M")
    assert edge.stub != edge.path


def overlap(one: CardPlace, other: CardPlace) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


@st.composite
def systems(draw: st.DrawFn) -> tuple[tuple[tuple[str, str], ...], tuple[Link, ...]]:
    count = draw(st.integers(0, 60))
    nodes = tuple((f"n{number}", draw(st.sampled_from(["", "a", "b", "c"]))) for number in range(count))
    ends = st.integers(0, max(0, count - 1)).map(lambda number: f"n{number}")
    links = draw(st.lists(st.tuples(ends, ends), max_size=80)) if count else []
    return nodes, tuple(links)


@settings(max_examples=60, deadline=None)
@given(systems())
def test_no_card_covers_another_and_all_of_it_is_inside(
    system: tuple[tuple[tuple[str, str], ...], tuple[Link, ...]],
) -> None:
    nodes, links = system
    found = lay_out.__wrapped__(nodes, links)
    assert sorted(box.id for box in found.boxes) == sorted(name for name, _ in nodes), "each node once"
    for box in found.boxes:
        assert 0 <= box.x < box.x + box.width <= GRID
        assert 0 <= box.y < box.y + box.height <= GRID
    assert not [(a.id, b.id) for a, b in combinations(found.boxes, 2) if overlap(a, b)]
    assert {(edge.source, edge.target) for edge in found.edges} == {(a, b) for a, b in links if a != b}
    for edge in found.edges:
        assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in (*edge.points, edge.cross))
    assert lay_out.__wrapped__(nodes, links) == found, "the same again"


@settings(max_examples=60, deadline=None)
@given(systems().filter(lambda system: len(system[0]) <= 12))
def test_the_stylesheet_has_every_place_of_up_to_twelve_cards(
    system: tuple[tuple[tuple[str, str], ...], tuple[Link, ...]],
) -> None:
    style = (Path(demo.__file__).parent / "static" / "picture.css").read_text("utf-8")
    for box in lay_out(*system).boxes:
        for name in (f".x{box.x} ", f".y{box.y} ", f".w{box.width} ", f".h{box.height} "):
            assert name in style, box
