"""Makes the health samples of a show of its board: every half second, and at once when a node's state has changed."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from demo.clock import CLOCK
from demo.showfile.board import BoardNode, ProbeBoard

INTERVAL_SEC = 0.5
MIN_GAP_SEC = 0.05
"""At most 20 samples a second, however often something changes."""


class ShowPoller:
    """A `HealthPollerProtocol`: runs the board's probes, and tells what they say."""

    def __init__(self, board: ProbeBoard, links: Mapping[str, Sequence[str]] | None = None) -> None:
        self._board = board
        self._links = links or {}
        self._changed = asyncio.Event()
        self._stopped = False
        self._health: dict[str, Any] | None = None
        board.listen(self._changed.set)

    def get_health(self) -> dict[str, Any] | None:
        return self._health

    def stop(self) -> None:
        self._stopped = True
        self._changed.set()

    def hurry(self, node: str) -> None:
        """Ask now what tells of this node, or of this probe's nodes: something has happened to it."""
        self._board.hurry(node)

    async def run(self) -> None:
        asking = asyncio.create_task(self._board.run())
        try:
            while not self._stopped:
                self._changed.clear()
                self._health = self._sample()
                await asyncio.sleep(MIN_GAP_SEC)
                try:
                    async with asyncio.timeout(INTERVAL_SEC - MIN_GAP_SEC):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def _sample(self) -> dict[str, Any]:
        nodes = self._board.all_nodes()
        newest = max((opinion.at for node in nodes for opinion in node.opinions), default=0.0) or CLOCK.now()
        return {
            "nodes": [self._node(node) for node in nodes],
            "has_issues": any(node.state != "up" for node in nodes),
            "last_updated": datetime.fromtimestamp(CLOCK.wall(newest), UTC),
            "interval_sec": INTERVAL_SEC,
        }

    def _node(self, node: BoardNode) -> dict[str, Any]:
        return {
            "id": node.id,
            "name": node.id,
            "type": node.probe,
            "health": node.state,
            "detail": node.worst.detail,
            "links": list(self._links.get(node.id, ())),
        }
