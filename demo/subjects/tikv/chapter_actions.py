"""What TiKV's chapters do in addition: wait for all copies, and for PD to report the dead store, which is late."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from demo.errors import FaultError
from demo.show.durations import in_tenths
from demo.subjects.cluster.chapter_actions import ClusterActions
from demo.subjects.cluster.verdicts import Judged, Run

PD_SEC = 40.0
COPIES_SEC = 10.0
UP = "Up"


class TikvActions(ClusterActions):
    async def kill_leader(self) -> None:
        """Kill the leading store, once every region has all its copies: before that, its death could lose data."""
        if not await self._stage.wait_until(lambda health: not health.get("lacks"), COPIES_SEC):
            lacks = (self._stage.health() or {}).get("lacks") or ["health"]
            raise FaultError(
                f"still waiting for {lacks[0]}: killing a store now could lose data; rerun this chapter later"
            )
        await super().kill_leader()

    async def detect(self) -> None:
        """Announce when the stage showed the kill; then wait for PD to report it, and announce that."""
        await super().detect()
        run = self._require_run()
        victim, since = run.victim, run.measured.injected_at

        def is_settled(health: Mapping[str, Any]) -> bool:
            return pd_word(health, victim, since) is not None or _is_up(health, victim)

        await self._stage.wait_until(is_settled, PD_SEC)
        pd_report = pd_word(self._stage.health(), victim, since)
        if pd_report is None:
            return
        self._run = replace(self._require_run(), aside=of_pd(*pd_report))
        detected_after_sec = run.measured.detected_after_sec
        wall = "" if detected_after_sec is None else f" The stage showed it after {in_tenths(detected_after_sec)}."
        await self._stage.say(f"{of_pd(*pd_report)}{wall}")

    def _verdict(self, run: Run) -> Judged:
        held, text = super()._verdict(run)
        return held, f"{text} {run.aside}".strip()


def pd_word(health: Mapping[str, Any] | None, victim: str, since: float | None) -> tuple[str, float] | None:
    """Return the state other than Up that PD reported of the victim, and how many seconds after the kill, or None."""
    report = ((health or {}).get("pd_words") or {}).get(victim) or {}
    word, at = report.get("word"), report.get("since")
    if since is None or word in (None, UP) or at is None or at < since:
        return None
    return str(word), float(at) - since


def of_pd(word: str, after_sec: float) -> str:
    return f"PD reported {word} after {after_sec:.0f} s."


def _is_up(health: Mapping[str, Any], ident: str) -> bool:
    return any(node["id"] == ident and node["health"] == "up" for node in health.get("nodes", ()))
