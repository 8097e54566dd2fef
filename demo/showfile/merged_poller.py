"""One poller of two: a built-in system's own, and that of the probes which a show file adds to it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from demo.clock import CLOCK
from demo.showfile.subject_facts import SubjectSample
from demo.subjects.running_poller import run_poller
from demo.types import HealthPollerProtocol, Poller

LISTS = ("nodes", "metrics", "counters")


class MergedPoller:
    """Runs both pollers; its samples have the nodes and numbers of both.

    `changed` is called with each new sample of the subject. When one of the two ends or fails, both end.
    """

    def __init__(self, subject: Poller, own: HealthPollerProtocol, changed: Callable[[], None]) -> None:
        self._subject = subject
        self._own = own
        self._changed = changed
        self.newest = SubjectSample(None)
        self._merged: dict[str, Any] | None = None
        self._made_of: tuple[int, int, bool] | None = None

    async def run(self) -> None:
        """Run until `stop`; raises what ended either of the two."""
        tasks = [asyncio.ensure_future(run_poller(self._subject)), asyncio.ensure_future(self._own.run())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        self._own.stop()
        self._subject.stop()

    def get_health(self) -> dict[str, Any] | None:
        """Return the newest of both in one; None before either has a sample."""
        theirs, ours = self._subject.get_health(), self._own.get_health()
        if theirs is not self.newest.health:
            self.newest = SubjectSample(theirs, CLOCK.now())
            self._changed()
        made_of = (id(theirs), id(ours), self.newest.is_late)
        if made_of != self._made_of:
            self._made_of = made_of
            self._merged = merge(self.newest, ours)
        return self._merged


def merge(subject: SubjectSample, own: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return one sample of two. What only the subject's has, as its leader, is kept: its chapters read it."""
    theirs = subject.health
    if theirs is None or own is None:
        found = theirs if theirs is not None else own
        return None if found is None else dict(found)
    if not any(own.get(key) for key in LISTS) and not subject.is_late:
        return {**theirs, "victims": {**_mapping(theirs, "victims"), **_mapping(own, "victims")}}
    merged = {**own, **theirs}
    merged["nodes"] = [*subject.nodes, *_renamed(own.get("nodes", ()), {node.get("id") for node in subject.nodes})]
    for key in LISTS[1:]:
        merged[key] = [*theirs.get(key, ()), *own.get(key, ())]
    merged["victims"] = {**_mapping(theirs, "victims"), **_mapping(own, "victims")}
    merged["has_issues"] = bool(theirs.get("has_issues") or own.get("has_issues") or subject.is_late)
    times = [time for sample in (theirs, own) if isinstance(time := sample.get("last_updated"), datetime)]
    if times:
        merged["last_updated"] = max(times)
    merged["interval_sec"] = own.get("interval_sec", theirs.get("interval_sec"))
    return merged


def _mapping(sample: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = sample.get(key)
    return found if isinstance(found, Mapping) else {}


def _renamed(nodes: Any, taken: set[Any]) -> list[Any]:
    """Return the nodes of probes; one that has the id of a node of the subject gets another, so that both are shown."""
    return [{**node, "id": f"{node['id']}-probe"} if node["id"] in taken else node for node in nodes]
