"""Makes the health samples of a show of its board: every half second, and at once when a node's state has changed."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from demo.clock import CLOCK
from demo.showfile.board import BoardNode, ProbeBoard
from demo.showfile.links import Links
from demo.showfile.probing.address_poller import NodeResult
from demo.showfile.probing.card import ShownField, shown_by

INTERVAL_SEC = 0.5
MIN_GAP_SEC = 0.05
"""At most 20 samples a second, however often something changes."""

MAX_CURVES = 8
FRESH_SEC = 2.0

More = Callable[[], Mapping[str, Any]]
"""Returns what other parts of the show add to a sample: its `nodes`, `metrics`, `counters`, `problems` or `victims`."""


class ShowPoller:
    """A `HealthPollerProtocol`: runs the board's probes, and tells what they say.

    `mask` takes secrets out of a text: everybody sees the samples, and they are stored. `beside` runs as long as the
    probes do.
    """

    def __init__(
        self,
        board: ProbeBoard,
        links: Links | None = None,
        more: Iterable[More] = (),
        mask: Callable[[str], str] | None = None,
        beside: Iterable[Callable[[], Coroutine[Any, Any, None]]] = (),
    ) -> None:
        self._board = board
        self._links = links or Links()
        self._more = tuple(more)
        self._mask = mask
        self._beside = tuple(beside)
        self._shown = self._read_cards()
        self._changed = asyncio.Event()
        self._stopped = False
        self._health: dict[str, Any] | None = None
        self._tell_change: Callable[[], None] = lambda: None
        board.listen(self._changed.set)

    def _read_cards(self) -> dict[str, tuple[ShownField, ...]]:
        return {name: shown_by(self._board.settings(name)) for name in self._board.probes}

    def adopt(self, links: Links) -> None:
        """Tell of the board's probes as they are now, with these links; at once, for the newest sample is of before."""
        self._links, self._shown = links, self._read_cards()
        if self._health is not None:
            self._health = self._sample()
        self._changed.set()

    def get_health(self) -> dict[str, Any] | None:
        return self._health

    def stop(self) -> None:
        self._stopped = True
        self._changed.set()

    def subscribe_to_changes(self, listener: Callable[[], None]) -> None:
        self._tell_change = listener

    def hurry(self, name: str) -> None:
        """Ask now what tells of this node, probe, process or container: something has happened to it.

        A sample follows as soon as an answer has changed a state.
        """
        self._board.hurry(name)

    async def run(self) -> None:
        """Run until `stop`. May be called again after it has failed."""
        self._stopped = False
        asking = [asyncio.create_task(work()) for work in (self._board.run, *self._beside)]
        try:
            while not self._stopped:
                is_news = self._changed.is_set()
                self._changed.clear()
                self._health = self._sample()
                if is_news:
                    self._tell_change()
                await self._wait_until_due(asking)
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _wait_until_due(self, asking: "Iterable[asyncio.Task[None]]") -> None:
        await asyncio.sleep(MIN_GAP_SEC)
        for task in asking:
            if task.done():
                await task  # it raises what ended it
        try:
            async with asyncio.timeout(INTERVAL_SEC - MIN_GAP_SEC):
                await self._changed.wait()
        except TimeoutError:
            return

    def _sample(self) -> dict[str, Any]:
        nodes = self._board.all_nodes()
        newest = max((result.at for node in nodes for result in node.results), default=0.0) or CLOCK.now()
        links = self._links.ends(self._board.ids)
        sample: dict[str, Any] = {
            "nodes": [self._card(node, links.get(node.id, [])) for node in nodes],
            "has_issues": any(node.state != "up" for node in nodes),
            "last_updated": datetime.fromtimestamp(CLOCK.wall(newest), UTC),
            "interval_sec": INTERVAL_SEC,
            "complete": True,
            "metrics": self._curves(nodes),
        }
        for more in self._more:
            for key, added in more().items():
                known = sample.get(key)
                if isinstance(known, list):
                    # There is room for few curves: what clients get is shown before what parts tell of themselves.
                    sample[key] = [*added, *known] if key == "metrics" else [*known, *added]
                else:
                    sample[key] = known or added
        self._links.add_flows(sample, self._board.ids)
        return sample if self._mask is None else _masked(sample, self._mask)

    def _card(self, node: BoardNode, links: list[str]) -> dict[str, Any]:
        shown = [field for name in node.probes for field in self._shown[name]]
        fields = node.fact.fields if shown else {}
        values = {field.label: field.value(fields) for field in shown}
        return {
            "id": node.id,
            "name": self._board.title(node),
            "type": node.probes[0],
            "group": self._board.settings(node.probes[0]).group or "",
            "health": node.state,
            "detail": _detail(node),
            "metrics": {label: value for label, value in values.items() if value is not None},
            "links": links,
            "opinions": [_tell(result) for result in node.results],
        }

    def _curves(self, nodes: Iterable[BoardNode]) -> list[dict[str, Any]]:
        """Return the main number of each node that has one; None while it is not known."""
        curves: list[dict[str, Any]] = []
        for node in nodes:
            settings = self._board.settings(node.probes[0])
            if settings.main is None or len(curves) == MAX_CURVES:
                continue
            main = self._shown[node.probes[0]][0]
            value = main.value(node.fact.fields)
            curves.append(
                {
                    "name": f"{node.id}.{main.path}",
                    "label": f"{self._board.title(node)} {main.path.rpartition('.')[2]}",
                    "value": None if isinstance(value, str) else value,
                    "unit": main.unit,
                    "role": main.role,
                }
            )
        return curves


def _masked(data: Any, mask: Callable[[str], str]) -> Any:
    """Return the same data with each text masked."""
    if isinstance(data, str):
        return mask(data)
    if isinstance(data, Mapping):
        return {mask(key): _masked(value, mask) for key, value in data.items()}
    return [_masked(value, mask) for value in data] if isinstance(data, list | tuple) else data


def _detail(node: BoardNode) -> str:
    """Return why it is not up; where two probes do not agree, what each says, and of when."""
    if len({result.state for result in node.results}) < 2:
        return node.worst.detail
    return " · ".join(f"{result.source}: {result.state}, {_age(result)}" for result in node.results)


def _age(result: NodeResult) -> str:
    if not result.at:
        return "not checked yet"
    age = CLOCK.now() - result.at
    return "now" if age < FRESH_SEC else f"{age:.0f} s ago"


def _tell(result: NodeResult) -> dict[str, Any]:
    age = round(CLOCK.now() - result.at, 1) if result.at else None
    return {"source": result.source, "health": result.state, "detail": result.detail, "age_sec": age}
