"""What TiKV's chapters do beyond those of any cluster: wait for all copies, and for PD's word, which comes late."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from demo.errors import FaultError
from demo.subjects.cluster.chapter_actions import ClusterActions
from demo.subjects.cluster.verdicts import Run, Verdict

PD_SEC = 40.0
COPIES_SEC = 10.0
UP = "Up"


class TikvActions(ClusterActions):
    async def kill_leader(self) -> None:
        """Not before every region has all its copies: else its death would be the data's."""
        if not await self._stage.wait_until(lambda health: not health.get("lacks"), COPIES_SEC):
            lacks = (self._stage.health() or {}).get("lacks") or ["health"]
            raise FaultError(f"still waiting for {lacks[0]}: a store that dies now could take data along; rerun later")
        await super().kill_leader()

    async def detect(self) -> None:
        """What this wall saw, and when; then PD's word, while the story goes on."""
        await super().detect()
        run = self._require_run()
        victim, since = run.victim, run.measured.injected_at

        def told(health: Mapping[str, Any]) -> bool:
            return pd_word(health, victim, since) is not None or _is_up(health, victim)

        await self._stage.wait_until(told, PD_SEC)
        found = pd_word(self._stage.health(), victim, since)
        if found is None:
            return
        self._run = replace(self._require_run(), aside=of_pd(*found))
        seen = run.measured.detected_after_sec
        wall = "" if seen is None else f" This wall knew after {seen:.1f} s."
        await self._stage.say(f"{of_pd(*found)}{wall}")

    def _verdict(self, run: Run) -> Verdict:
        held, text = super()._verdict(run)
        return held, f"{text} {run.aside}".strip()


def pd_word(health: Mapping[str, Any] | None, victim: str, since: float | None) -> tuple[str, float] | None:
    """What PD said of the victim since it was killed, other than Up, and how long after; None: nothing yet."""
    told = ((health or {}).get("pd_words") or {}).get(victim) or {}
    word, at = told.get("word"), told.get("since")
    if since is None or word in (None, UP) or at is None or at < since:
        return None
    return str(word), float(at) - since


def of_pd(word: str, after_sec: float) -> str:
    return f"PD said {word} after {after_sec:.0f} s."


def _is_up(health: Mapping[str, Any], ident: str) -> bool:
    return any(node["id"] == ident and node["health"] == "up" for node in health.get("nodes", ()))
