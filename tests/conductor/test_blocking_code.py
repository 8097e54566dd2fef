"""A poller or a driver that blocks the event loop: named, and neither the disk nor anybody else is blamed for it."""

import sys
from pathlib import Path

import pytest

import demo
from demo.subjects.user_code import place_of_frame
from tests.subjects.test_own_subject import place
from tests.support.servers import Server, serving, wait_for

ROOT = Path(demo.__file__).parent.parent
HERE = {"PYTHONPATH": str(ROOT)}

SLEEPS = """async def run(self):
        import time
        while True:
            time.sleep(1.2); await asyncio.sleep(0.3)
"""
THREAD = """def run(self):
        import time
        while True:
            time.sleep(1.2); self.n = getattr(self, 'n', 0) + 1
"""
ENDS = "def run(self): raise ValueError('the client is gone')\n"
EXITS = "def run(self): raise SystemExit('no client')\n"
RUN = "async def run(self): await asyncio.sleep(3600)\n"


def lines(server: Server) -> list[str]:
    return [line["text"] for line in server.state()["log"]]


def test_a_poller_that_blocks_is_named_and_the_disk_is_not_blamed(tmp_path: Path) -> None:
    with serving("lamp:Lamp", cwd=place(tmp_path, RUN, SLEEPS), env=HERE) as server:
        wait_for(lambda: any("Watch.run (lamp.py:" in line for line in lines(server)), 20, lambda: str(lines(server)))
        for press in ("blackout?on=true", "blackout?on=false", "timer/start"):
            assert server.client.post(f"/{press}").json()["durable"] is True
        told = [line for line in lines(server) if "blocked the event loop for 1." in line]
        assert len(told) == 1, lines(server)
        assert "asyncio.to_thread" in told[0]


def test_a_driver_that_blocks_is_named(tmp_path: Path) -> None:
    blocks = "async def inject(self, plan):\n        import time; time.sleep(1.5)\n"
    with serving("lamp:Lamp", cwd=place(tmp_path, "async def inject(self, plan): pass\n", blocks), env=HERE) as server:
        server.client.post("/chaos/off")
        named = "SwitchOff.inject (lamp.py:"
        wait_for(lambda: any(named in line for line in lines(server)), 20, lambda: str(lines(server)))
        assert server.state()["durable"] is True


def test_a_poller_with_a_plain_run_gets_a_thread_of_its_own(tmp_path: Path) -> None:
    folder = place(tmp_path, RUN, THREAD)
    lamp = (folder / "lamp.py").read_text()
    (folder / "lamp.py").write_text(
        lamp.replace('"health": "up"', '"health": "up", "metrics": {"n": getattr(self, "n", 0)}')
    )
    with serving("lamp:Lamp", cwd=folder, env=HERE) as server:
        wait_for(lambda: server.state()["health"]["nodes"][0]["metrics"]["n"] >= 2, 20, lambda: str(server.state()))
        assert not [line for line in lines(server) if "blocked the event loop" in line]
        assert server.stop() == 0, "a thread that sleeps keeps nobody from ending"


def test_the_end_of_a_poller_in_a_thread_is_said(tmp_path: Path) -> None:
    with serving("lamp:Lamp", cwd=place(tmp_path, RUN, ENDS), env=HERE) as server:
        says = "the poller ended: lamp.py:15 in run: ValueError: the client is gone"
        wait_for(lambda: says in lines(server), 10, lambda: str(lines(server)))


def test_a_poller_in_a_thread_that_exits_ends_itself_and_not_the_server(tmp_path: Path) -> None:
    with serving("lamp:Lamp", cwd=place(tmp_path, RUN, EXITS), env=HERE) as server:
        says = "the poller ended: lamp.py:15 in run: SystemExit: no client"
        wait_for(lambda: says in lines(server), 10, lambda: str(lines(server)))


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("look()", ("", "")),
        ("def main():\n    look()\nmain()", ("main", "/home/somebody/bin/demo:2")),
    ],
)
def test_the_program_that_was_started_is_not_blamed_for_what_runs_in_it(program: str, found: tuple[str, str]) -> None:
    seen: list[tuple[str, str]] = []
    names = {"look": lambda: seen.append(place_of_frame(sys._getframe(1)))}
    exec(compile(program, "/home/somebody/bin/demo", "exec"), names)
    assert seen == [found]
