"""Asks probes anew for the proof of a heal, with connections of its own: a healer has no show around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from demo.conditions import Facts
from demo.showfile.drivers.protocols import Fill
from demo.showfile.fresh_facts import fresh_facts
from demo.showfile.probing.kinds import Sources
from demo.showfile.schema.probes import ProbeSettings


def _no_session() -> aiohttp.ClientSession:
    raise RuntimeError("a session is opened for each proof")


@dataclass(frozen=True)
class AskProbes:
    """`sources`: what the probes ask with, but for the session and the secrets, which each proof brings."""

    sources: Sources = field(default_factory=lambda: Sources(_no_session))

    @classmethod
    def at(cls, folder: Path | None) -> "AskProbes":
        """Return one that runs commands in this folder."""
        return cls(Sources(_no_session, folder=folder))

    async def __call__(
        self, probes: Mapping[str, ProbeSettings], groups: Mapping[str, Sequence[str]], fill: Fill
    ) -> Facts:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            return await fresh_facts(probes, replace(self.sources, session=lambda: session, fill=fill), groups)
