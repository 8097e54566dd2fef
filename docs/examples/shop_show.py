"""My shop and its PostgreSQL, shown and broken. Run it with: demo serve shop_show:ShopShow"""

import asyncio
import os
import signal
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from shop import count_orders

from demo.errors import FaultError
from demo.types import ChaosConfig, ChaosType, Chapter, Plan

PID_FILES = {"shop": "shop.pid", "postgres": "db/postmaster.pid"}


def pid_of(name):
    """Return the process id in the pid file of this name, or None if no such program runs."""
    try:
        pid = int((Path(__file__).parent / PID_FILES[name]).read_text().split()[0])
        return pid if name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    except (OSError, ValueError, IndexError):
        return None


def check_postgres(port):
    try:
        return {"health": "up", "metrics": {"orders": count_orders(port)}}
    except OSError:
        return {"health": "down", "detail": "no answer within 1 s"}


def check_shop(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1.5):
            return {"health": "up", "detail": "sells"}
    except urllib.error.HTTPError:
        return {"health": "degraded", "detail": "answers, but has no database"}
    except OSError:
        return {"health": "down", "detail": "no answer within 1.5 s"}


class ShopPoller:
    def __init__(self, checks):
        self.checks, self.newest, self.stopped = checks, None, False

    async def run(self):
        while not self.stopped:
            found = await asyncio.gather(*(asyncio.to_thread(check) for check in self.checks.values()))
            nodes = [{"id": name, "name": name, **result} for name, result in zip(self.checks, found, strict=True)]
            self.newest = {"nodes": nodes, "last_updated": datetime.now(UTC), "interval_sec": 1}
            await asyncio.sleep(0.5)

    def get_health(self):
        return self.newest

    def stop(self):
        self.stopped = True


class Freeze:
    def __init__(self, name, check):
        self.config = ChaosConfig(f"freeze-{name}", ChaosType.CONTAINER_PAUSE, f"Freeze {name}", duration_sec=5)
        self.target, self.observable, self.check = name, f"{name} does not answer", check

    async def plan(self):
        pid = pid_of(self.target)
        if pid is None:
            raise FaultError(f"{self.target} does not run, so it cannot be frozen: start it first")
        return Plan("freeze", self.target, {"pid": pid}, manual=f"kill -CONT {pid}", late_sec=0)

    async def inject(self, plan):
        os.kill(plan.undo["pid"], signal.SIGSTOP)

    async def heal(self, plan):
        if pid_of(self.target) == plan.undo["pid"]:
            os.kill(plan.undo["pid"], signal.SIGCONT)

    async def is_healed(self, plan):
        return pid_of(self.target) != plan.undo["pid"] or (await asyncio.to_thread(self.check))["health"] != "down"

    def is_seen(self, health, since):
        return any(node["id"] == self.target and node["health"] == "down" for node in health["nodes"])


class ShopShow:
    name, title, description = "shop", "Who needs a database?", "a shop and its PostgreSQL"

    def __init__(self, shop_port: int = 8080, postgres_port: int = 55432):
        checks = {"shop": lambda: check_shop(shop_port), "postgres": lambda: check_postgres(postgres_port)}
        self.poller = ShopPoller(checks)
        self.faults = [Freeze(name, check) for name, check in checks.items()]

    def chapters(self, stage):
        async def freeze():
            await stage.countdown(3)
            await stage.inject("freeze-postgres")
            recovered = await stage.wait_recovered("freeze-postgres", timeout=30)
            seen = stage.measured("freeze-postgres").detected_after_sec
            await stage.conclude(recovered, "No effect was seen." if seen is None else f"Seen after {seen:.1f} s.")

        return [
            Chapter("A shop", "For each visitor it asks **PostgreSQL** for the number of orders."),
            Chapter("PostgreSQL freezes", "It does not answer.", hypothesis="The shop recovers when PostgreSQL does."),
            Chapter("Frozen", "Watch both cards.", on_enter=freeze, blocks_advance=True, notes="- Wait for the end."),
            Chapter("What we saw", "The guess, and what was measured.", shows_evidence=True),
        ]

    def check(self):
        """Raise demo.errors.SubjectError here when the show cannot begin on this machine."""

    async def start(self):
        """Both run already: this show starts nothing."""

    async def heal(self):
        """Called by "heal all", after the faults are healed: start here what has died."""

    async def stop(self):
        """Both ran before the show, so they stay."""
