"""The drawing of a system's links: the place of each node, and the path of each link. Geometry, no markup or states.

Cards lie on a grid of GRID × GRID cells, of which the stylesheet has the lines; paths are in percent of the box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

GRID = 60
"""60 can be divided by 1 to 6: as many rows as a column ever has."""

MAX_COLUMNS = 5
ROWS = 4
"""Cards in a column, as long as there are fewer than three columns of a role."""

MAX_SIDE_BY_SIDE = 3
_INNER_GAP = 1
_GAPS = {1: 0, 2: 12, 3: 7, 4: 5, 5: 4}
"""Cells between two roles, by the number of roles: there the links are seen."""

_SPREAD = 14.0
"""Percent of the height over which the links of one card leave it, at most."""

Link = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CardPlace:
    """The place of a card, in cells from the left and from above. `columns`: how many its role has."""

    id: str
    x: int
    y: int
    width: int
    height: int
    columns: int = 1


@dataclass(frozen=True, slots=True)
class EdgePath:
    """The path of one link: a cubic curve of four points, in percent."""

    source: str
    target: str
    points: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        """The whole of it as an SVG path."""
        return _as_path(self.points)

    @property
    def stub(self) -> str:
        """The first part of it, which is drawn of a broken link."""
        return _as_path(_first_part(self.points, 0.4))

    @property
    def cross(self) -> tuple[float, float]:
        """Where a broken link has its cross."""
        return _first_part(self.points, 0.52)[3]


@dataclass(frozen=True, slots=True)
class TopologyDrawing:
    boxes: tuple[CardPlace, ...] = ()
    edges: tuple[EdgePath, ...] = ()


@lru_cache(maxsize=64)
def lay_out(nodes: tuple[tuple[str, str], ...], links: tuple[Link, ...]) -> TopologyDrawing:
    """Lay out nodes (id, kind) by their links, from the left to the right; the same input gives the same drawing.

    Links to what is not a node, to itself, or told twice are left out. Without links all nodes are one role.
    """
    kinds = dict(nodes)
    known = tuple(dict.fromkeys((a, b) for a, b in links if a in kinds and b in kinds and a != b))
    roles = _merge_narrow(_assign_layers(tuple(kinds), known, kinds))
    boxes = _place(roles)
    return TopologyDrawing(tuple(boxes.values()), _draw(boxes, known))


def _assign_layers(ids: Sequence[str], links: Sequence[Link], kinds: Mapping[str, str]) -> list[list[str]]:
    """Return the nodes in layers, by the longest path of links to each; peers share a layer."""
    reached = _reached_from(links)
    # Members of one kind that link back to each other are peers: they share a layer.
    peers = {(a, b) for a, b in links if kinds[a] and kinds[a] == kinds[b] and a in reached.get(b, ())}
    forward = _without_cycles(ids, [link for link in links if link not in peers])
    layer = dict.fromkeys(ids, 0)
    for _ in ids:  # as many rounds as the longest path has links, at most
        moved = [(a, b) for a, b in forward if layer[b] <= layer[a]]
        for a, b in moved:
            layer[b] = layer[a] + 1
        if not moved:
            break
    linked = {end for link in links for end in link}
    last = max(layer.values(), default=0)
    for node in ids:
        if node not in linked:
            layer[node] = last
    found: dict[int, list[str]] = {}
    for node in ids:
        found.setdefault(layer[node], []).append(node)
    return [found[number] for number in sorted(found)]


def _reached_from(links: Sequence[Link]) -> Mapping[str, set[str]]:
    """Return for each node all that its links lead to, at any distance."""
    following: dict[str, list[str]] = {}
    for source, target in links:
        following.setdefault(source, []).append(target)
    found: dict[str, set[str]] = {}
    for start in following:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            fresh = [node for node in following.get(waiting.pop(), ()) if node not in seen]
            seen.update(fresh)
            waiting += fresh
        found[start] = seen
    return found


def _without_cycles(ids: Sequence[str], links: Sequence[Link]) -> list[Link]:
    """Return the links without those that close a cycle, in the order of the nodes."""
    kept: list[Link] = []
    done: set[str] = set()
    leaving: dict[str, list[Link]] = {node: [] for node in ids}
    for link in links:
        leaving[link[0]].append(link)
    for start in ids:
        # Each entry: a node, and what of its links is still to follow.
        stack = [(start, list(leaving[start]))] if start not in done else []
        on_path = {start}
        while stack:
            node, remaining = stack[-1]
            if not remaining:
                stack.pop()
                on_path.discard(node)
                done.add(node)
                continue
            link = remaining.pop(0)
            if link[1] in on_path:
                continue
            kept.append(link)
            if link[1] not in done:
                on_path.add(link[1])
                stack.append((link[1], list(leaving[link[1]])))
    return kept


def _columns(count: int) -> int:
    return min(MAX_SIDE_BY_SIDE, -(-count // ROWS))


def _merge_narrow(roles: list[list[str]]) -> list[list[str]]:
    """Return at most as many roles as have room side by side: the smallest neighbours share a column."""
    found = list(roles)
    while len(found) > 1 and sum(_columns(len(role)) for role in found) > MAX_COLUMNS:
        sizes = [len(a) + len(b) for a, b in pairwise(found)]
        place = sizes.index(min(sizes))
        found[place : place + 2] = [found[place] + found[place + 1]]
    return found


def _place(roles: Sequence[Sequence[str]]) -> dict[str, CardPlace]:
    columns = [_columns(len(role)) for role in roles]
    inner = sum(columns) - len(roles)
    gap = _GAPS.get(len(roles), 0)
    width = (GRID - gap * (len(roles) - 1) - _INNER_GAP * inner) // max(1, sum(columns))
    spare = GRID - width * sum(columns) - _INNER_GAP * inner
    boxes: dict[str, CardPlace] = {}
    used = 0
    for number, role in enumerate(roles):
        left = used + (spare * number // (len(roles) - 1) if len(roles) > 1 else 0)
        rows = -(-len(role) // columns[number])
        edges = [GRID * row // rows for row in range(rows + 1)]
        for index, node in enumerate(role):
            row, column = divmod(index, columns[number])
            x = left + column * (width + _INNER_GAP)
            boxes[node] = CardPlace(node, x, edges[row], width, edges[row + 1] - edges[row], columns[number])
        used += columns[number] * width + (columns[number] - 1) * _INNER_GAP
    return boxes


def _draw(boxes: Mapping[str, CardPlace], links: Sequence[Link]) -> tuple[EdgePath, ...]:
    """Draw each link from the right side of its source to the left side of its target; links of a card spread out."""
    leaving = {node: sorted((b for a, b in links if a == node), key=lambda b: _middle(boxes[b])) for node in boxes}
    coming = {node: sorted((a for a, b in links if b == node), key=lambda a: _middle(boxes[a])) for node in boxes}
    edges = []
    for source, target in links:
        start, end = boxes[source], boxes[target]
        y1 = _spread(start, leaving[source].index(target), len(leaving[source]))
        y2 = _spread(end, coming[target].index(source), len(coming[target]))
        x1 = _percent(start.x + start.width)
        if end.x > start.x:
            x2 = _percent(end.x)
            bend = (x1 + x2) / 2
            points = ((x1, y1), (bend, y1), (bend, y2), (x2, y2))
        elif end.x == start.x:  # one above the other: around the right side
            bend = min(100.0, x1 + 4)
            points = ((x1, y1), (bend, y1), (bend, y2), (x1, y2))
        else:
            x1, x2 = _percent(start.x), _percent(end.x + end.width)
            bend = (x1 + x2) / 2
            points = ((x1, y1), (bend, y1), (bend, y2), (x2, y2))
        edges.append(EdgePath(source, target, points))
    return tuple(edges)


def _spread(box: CardPlace, place: int, count: int) -> float:
    room = min(_SPREAD, _percent(box.height) * 0.5)
    offset = 0.0 if count < 2 else room * (place / (count - 1) - 0.5)
    return round(_middle(box) + offset, 2)


def _middle(box: CardPlace) -> float:
    return _percent(box.y + box.height / 2)


def _percent(cells: float) -> float:
    return round(cells * 100 / GRID, 2)


def _first_part(points: Sequence[tuple[float, float]], share: float) -> tuple[tuple[float, float], ...]:
    """Return the part of a cubic curve up to `share` of its length, as a curve of its own (de Casteljau)."""
    start = [points[0]]
    rest = list(points)
    while len(rest) > 1:
        rest = [(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in pairwise(rest)]
        start.append(rest[0])
    return tuple(start)


def _as_path(points: Sequence[tuple[float, float]]) -> str:
    first, *others = (f"{x:.4g} {y:.4g}" for x, y in points)
    return f"M{first}C{' '.join(others)}"
