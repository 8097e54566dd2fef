"""The picture of the system: cards and links while there are few nodes, frames with tiles for many. Plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from demo.show.health_sample import LOAD
from demo.texts import translate
from demo.views import CardView, GroupView, groups
from demo.views.cards import state_word
from demo.views.groups import MAX_ALONE, UNGROUPED, name_group, severity
from demo.views.picture import RestView, SystemView
from demo.web.rendering.state_grid import StateGrid, lay_out_grid
from demo.web.rendering.topology import GRID, CardPlace, EdgePath, lay_out

GONE = ("down", "offline")

EVEN_WIDTH = 10
"""Thickness of a link of which nobody knows how much it carries, a tenth of the stage's unit."""

WIDTHS = (2, 30)
"""The thinnest and the thickest link."""

TILES = 6
"""Nodes of a frame."""

MAX_FRAMES = 6
"""Up to so many frames have a tile for each of their nodes."""

MAX_COUNTED = 10
"""How many frames with counts alone there are at most, in two columns."""

MAX_IN_COLUMN = 3
"""With more frames than these, there are two columns of them."""

_DENSE = 0.8
"""How much of a frame is for names where they stand beside its cells."""

_ROOM, _FEEDS, _FEEDS_BESIDE = 86.0, 30.5, 20.5
"""Width of the picture on the narrowest wall (16:10), and what the feeds take of it beside one column and beside two,
in units of the stage."""

_GAP, _FRAME, _TILE, _COUNTED_TILE, _UNNAMED, _BOLD = 1.6, 3.0, 4.0, 5.6, 7.5, 1.52
"""Between columns, around the tiles of a frame, around a tile's name; the widths of "+100" and of a bold character."""

_MIN_NAME_LENGTH, _MAX_NAME_LENGTH = 5, 12
"""Characters of a tile's name: with less it says nothing, and more is cut in its middle."""

MAX_SOURCES = 3
_ACROSS = 104 / 60
"""About how many units of the stage a cell of the drawing is wide."""

_CHARACTER, _MARK = 1.72, 6.6
"""Width of a name's character and of the mark beside it with the card's padding, in units of the stage."""

WORD_FROM = 19
"""Cells that a card must be wide for the word of its state beside its name."""


@dataclass(frozen=True, slots=True)
class DrawnCard:
    """A node's card in its place. `max_name_length`: characters of the name that fit. `look`: further classes."""

    card: CardView
    box: CardPlace
    word: str
    look: str
    max_name_length: int
    delta: str = ""

    @property
    def has_word_beside(self) -> bool:
        return self.box.width >= WORD_FROM and self.box.columns == 1


@dataclass(frozen=True, slots=True)
class DrawnLink:
    """`look`: classes, with the thickness. `cross`: where it is broken, in percent."""

    path: str
    look: str
    cross: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class DrawnSystem:
    """`ring`: where a countdown ends, in percent."""

    cards: tuple[DrawnCard, ...]
    links: tuple[DrawnLink, ...]
    ring: tuple[float, float] | None = None


def draw_system(view: SystemView) -> DrawnSystem:
    """Draw up to twelve nodes with their links."""
    by_id = {card.id: card for card in view.cards}
    nodes = tuple((card.id, card.type) for card in view.cards)
    plan = lay_out(nodes, tuple((card.id, target) for card in view.cards for target in card.links))
    deltas = dict(view.deltas)
    cards = tuple(_draw_card(by_id[box.id], box, view, deltas) for box in plan.boxes)
    ring = next((_ring_of(box) for box in plan.boxes if box.id in view.next_targets), None)
    return DrawnSystem(cards, tuple(_draw_links(plan.edges, by_id)), ring)


def _ring_of(box: CardPlace) -> tuple[float, float]:
    """Return the middle of a ring: on the edge of the card, so that its number can be read."""
    edge = box.x if box.x + box.width >= GRID else box.x + box.width
    return round(edge * 100 / GRID, 2), round((box.y + box.height / 2) * 100 / GRID, 2)


def _draw_card(card: CardView, box: CardPlace, view: SystemView, deltas: Mapping[str, str]) -> DrawnCard:
    marked = {"aimed": view.next_targets, "struck": view.hit_nodes, "focus": view.focus}
    look = " ".join(name for name, ids in marked.items() if card.id in ids)
    room = box.width * _ACROSS - _MARK - (13 if box.width >= WORD_FROM and box.columns == 1 else 0)
    return DrawnCard(card, box, state_word(card), look, max(5, int(room / _CHARACTER)), deltas.get(card.id, ""))


def _draw_links(edges: Sequence[EdgePath], cards: Mapping[str, CardView]) -> list[DrawnLink]:
    widths = _widths(cards)
    has_incoming = {edge.target for edge in edges}
    drawn = []
    for edge in edges:
        source, target = cards[edge.source], cards[edge.target]
        if source.state in GONE and edge.source in has_incoming:
            continue  # nothing comes to it: it is drawn as cut where it is reached from
        if source.state in GONE or target.state in GONE:
            drawn.append(DrawnLink(edge.stub, "flow cut t4", edge.cross))
        else:
            drawn.append(DrawnLink(edge.path, f"flow t{widths[edge.source, edge.target]}"))
    return drawn


def _widths(cards: Mapping[str, CardView]) -> dict[tuple[str, str], int]:
    """Return how thick each link is: as its share of the most that one node sends, in even steps.

    Of a node that is up and of which nothing is measured, each link has an even share of those to nodes not gone.
    """
    measured = {(card.id, target): value for card in cards.values() for target, value in card.flows}
    sums: dict[str, float] = {}
    for (source, _), value in measured.items():
        sums[source] = sums.get(source, 0.0) + value
    max_sum = max(sums.values(), default=0.0)
    widths: dict[tuple[str, str], int] = {}
    for card in cards.values():
        alive = [one for one in card.links if one in cards and cards[one].state not in GONE]
        for target in card.links:
            known = measured.get((card.id, target))
            is_thin = card.id in sums or card.state != "up"
            even = 0.0 if is_thin else EVEN_WIDTH * len(card.links) / max(1, len(alive))
            widths[card.id, target] = _step(even if known is None else WIDTHS[1] * known / max_sum if max_sum else 0.0)
    return widths


def _step(width: float) -> int:
    low, high = WIDTHS
    return max(low, min(high, 2 * round(width / 2)))


@dataclass(frozen=True, slots=True)
class GroupFrame:
    """Nodes of a group: `tiles` are those that are shown by name, `unnamed` how many of the bad ones are not."""

    name: str
    state: str
    word: str
    tiles: tuple[CardView, ...]
    unnamed: int = 0
    cells: StateGrid | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Many nodes: what sends requests on the left, frames beside it, and `rest` for the groups that have none.

    `side`: tiles in a row, where each node has one; `max_name_length`: characters of a tile's name that fit.
    """

    sources: tuple[CardView, ...]
    frames: tuple[GroupFrame, ...]
    columns: int
    links: tuple[str, ...]
    rest: str = ""
    side: int = 2
    max_name_length: int = _MAX_NAME_LENGTH

    @property
    def is_counted(self) -> bool:
        return any(frame.cells is not None for frame in self.frames)

    @property
    def is_dense(self) -> bool:
        """Return whether names stand beside the cells of a frame: there are too many frames for a row of each."""
        return self.is_counted and len(self.frames) > MAX_FRAMES


def draw_many_nodes(cards: Sequence[CardView], has_curves: bool = False) -> Fleet:
    """Draw many nodes: a frame for each group, a tile for each node while there are at most MAX_ALONE.

    `has_curves`: curves stand below the frames, which have less height then.
    """
    sources = tuple(card for card in cards if card.kind == LOAD)[:MAX_SOURCES]
    taken = {card.id for card in sources}
    found = groups(card for card in cards if card.id not in taken)
    members: dict[str, list[CardView]] = {group.name: [] for group in found}
    for card in cards:
        if card.id not in taken and not card.of_key:
            members[card.group if card.group in members else UNGROUPED].append(card)
    by_frame = {name_group(name): nodes for name, nodes in members.items()}
    tiled = [frame for group in found for frame in _tile(group, members[group.name])]
    columns = 2 if len(tiled) > MAX_IN_COLUMN else 1
    # Two rows of tiles in one column and below each other three times; else there is height for three rows.
    side = 3 if columns == 1 or (has_curves and len(tiled) > 4) else 2
    room = _room_in_frame(bool(sources), columns)
    max_name_length = min(_MAX_NAME_LENGTH, int(((room - 0.8 * (side - 1)) / side - _TILE) / _BOLD))
    if len(cards) <= MAX_ALONE and len(tiled) <= MAX_FRAMES and max_name_length >= _MIN_NAME_LENGTH:
        links = _links_to_frames(sources, tiled, by_frame, columns)
        return Fleet(sources, tuple(tiled), columns, links, side=side, max_name_length=max_name_length)
    shown = _select_worst(found, MAX_FRAMES if has_curves else MAX_COUNTED)
    columns = 2 if len(shown) > MAX_IN_COLUMN else 1
    room = _room_in_frame(bool(sources), columns)
    if len(shown) > MAX_FRAMES:
        room *= _DENSE
    frames = tuple(_count(group, room) for group in shown)
    links = _links_to_frames(sources, frames, by_frame, columns)
    return Fleet(sources, frames, columns, links, _describe_rest([g for g in found if g not in shown]))


def _room_in_frame(is_fed: bool, columns: int) -> float:
    """Return how wide a frame is inside, in units of the stage."""
    feeds = (_FEEDS if columns == 1 else _FEEDS_BESIDE) if is_fed else 0.0
    return (_ROOM - feeds - _GAP * (columns - 1)) / columns - _FRAME


def _tile(group: GroupView, nodes: Sequence[CardView]) -> list[GroupFrame]:
    """Cut a group into frames of TILES nodes."""
    pieces = [tuple(nodes[start : start + TILES]) for start in range(0, len(nodes), TILES)]
    frames = []
    for number, piece in enumerate(pieces, 1):
        up = sum(card.state == "up" for card in piece)
        worst = min(piece, key=severity).state
        name = name_group(group.name) if len(pieces) == 1 else f"{name_group(group.name)} {number}"
        frames.append(GroupFrame(name, _state_of(worst, up), _up_text(up, piece), piece))
    return frames


def _state_of(worst: str, up: int) -> str:
    """Return the state of a frame: down only when none of its nodes is up."""
    return "degraded" if worst in GONE and up else worst


def _up_text(up: int, nodes: Sequence[CardView]) -> str:
    count = "–" if any(card.state == "stale" for card in nodes) else up
    return translate("%(count)s of %(total)s running", count=count, total=len(nodes))


def _count(group: GroupView, room: float) -> GroupFrame:
    """Count a group; of its nodes that are not up, those are named that fit beside each other, at least one."""
    bad = tuple(card for card in group.bad if card.state != "stale")
    shown: list[CardView] = []
    for card in bad[:TILES]:
        wide = min(len(card.name), _MAX_NAME_LENGTH) * _BOLD + _COUNTED_TILE
        room -= wide
        if shown and room < (_UNNAMED if len(bad) > len(shown) + 1 else 0):
            break
        shown.append(card)
    word = translate("%(count)s of %(total)s running", count=group.main, total=group.total)
    up = group.states.count("up")
    cells = lay_out_grid(group.states)
    return GroupFrame(
        name_group(group.name), _state_of(group.state, up), word, tuple(shown), len(bad) - len(shown), cells
    )


def _select_worst(all_groups: Sequence[GroupView], max_groups: int) -> tuple[GroupView, ...]:
    """Return the `max_groups` worst groups in their original order: frames do not change places while all is well."""
    if len(all_groups) <= max_groups:
        return tuple(all_groups)
    worst = {group.name for group in sorted(all_groups, key=severity)[:max_groups]}
    return tuple(group for group in all_groups if group.name in worst)


MAX_REST = 2
"""How many groups without a frame are named; only those are that are not all up."""


def _describe_rest(rest: Sequence[GroupView]) -> str:
    if not rest:
        return ""
    bad = [f"{name_group(group.name)} {group.word}" for group in sorted(rest, key=severity) if group.state != "up"]
    states = ", ".join(bad[:MAX_REST]) if bad else translate("all up")
    if len(bad) > MAX_REST:
        states = translate(
            "%(states)s; %(more)s more with nodes that are not up", states=states, more=len(bad) - MAX_REST
        )
    return translate("and %(num)s more groups: %(states)s", num=len(rest), states=states)


REST_CHARACTERS = 74
LEAST_NAME = 6
"""How many characters the quiet strip has room for, with marks and gaps as three each. A shorter name counts as
LEAST_NAME, for a number has one digit more or less each time, and no mark may come and go with it."""


def fit_rest(items: Sequence[RestView]) -> tuple[RestView, ...]:
    """Return as many marks of the quiet strip as have room, at least one."""
    used, fitting = 0, 0
    for item in items:
        used += max(LEAST_NAME, len(item.name)) + len(item.text) + 3
        if fitting and used > REST_CHARACTERS:
            break
        fitting += 1
    return tuple(items[:fitting])


def _links_to_frames(
    sources: Sequence[CardView], frames: Sequence[GroupFrame], members: Mapping[str, Sequence[CardView]], columns: int
) -> tuple[str, ...]:
    """Draw one link from a source to each frame with a node that it leads to; over two columns there is no room."""
    if columns > 1:
        return ()
    paths = []
    for place, source in enumerate(sources):
        y1 = 100 * (place + 0.5) / len(sources)
        for row, frame in enumerate(frames):
            nodes = {card.id for card in frame.tiles} | {card.id for card in members.get(frame.name, ())}
            if nodes & set(source.links):
                y2 = 100 * (row + 0.5) / len(frames)
                paths.append(f"M0 {y1:.4g}C50 {y1:.4g} 50 {y2:.4g} 100 {y2:.4g}")
    return tuple(paths)
