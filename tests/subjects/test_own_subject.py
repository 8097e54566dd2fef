"""Somebody's own subject with a mistake in it: each is said with their file, line and words, and what would do."""

import os
import subprocess
from pathlib import Path

import pytest

import demo
from tests.support.demo_command import run_demo
from tests.support.servers import serving, wait_for

ROOT = Path(demo.__file__).parent.parent

LAMP = """from datetime import UTC, datetime
import asyncio
from demo.types import ChaosConfig, ChaosType, Chapter, Plan

class SwitchOff:
    config = ChaosConfig("off", ChaosType.CONTAINER_KILL, "Switch it off", duration_sec=3)
    target, observable = "lamp", "it is dark"
    async def plan(self): return Plan("lamp", "lamp", {})
    async def inject(self, plan): pass
    async def heal(self, plan): pass
    async def is_healed(self, plan): return True
    def is_seen(self, health, since): return False

class Watch:
    async def run(self): await asyncio.sleep(3600)
    def get_health(self):
        return {"nodes": [{"id": "lamp", "health": "up"}], "last_updated": datetime.now(UTC)}
    def stop(self): pass

class Lamp:
    name, title, description = "lamp", "Lights out", "one lamp"
    def __init__(self):
        self.poller, self.faults = Watch(), [SwitchOff()]
    def chapters(self, stage):
        async def darken():
            await stage.inject("off")
        return [Chapter("A lamp", narration="It shines."), Chapter("Dark", "Watch.", on_enter=darken)]
    def check(self): pass
    async def start(self): pass
    async def heal(self): pass
    async def stop(self): pass
"""


def place(tmp_path: Path, right: str = "", wrong: str = "") -> Path:
    """A folder with the lamp in it, one thing of it replaced."""
    assert right in LAMP
    (tmp_path / "lamp.py").write_text(LAMP.replace(right, wrong) if right else LAMP)
    return tmp_path


def said(folder: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    return run_demo(*args, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("import asyncio", "import asyncio; asyncio.slep(1)", "lamp.py:2: AttributeError: module 'asyncio' has no"),
        ("import asyncio", "import asyncioo", "lamp.py:2: ModuleNotFoundError: No module named 'asyncioo'"),
        ("class Watch:", "class Watch", "lamp.py:14: SyntaxError: expected ':'"),
        (
            "narration=",
            "naration=",
            "lamp.py:27 in chapters: TypeError: Chapter.__init__() got an unexpected keyword argument",
        ),
        ("narration=", "naration=", "did you mean 'narration'?"),
        ("duration_sec=3", "duration=3", "did you mean 'duration_sec'?"),
        ("duration_sec=3", "duration_sec=-3", "lamp.py:6 in SwitchOff: fault 'off': duration_sec must be above 0"),
        ("def __init__(self):", "def __init__(self, watt):", "'lamp:Lamp' needs these options: watt (-o NAME=VALUE)"),
        (
            "[SwitchOff()]",
            "SwitchOff().all",
            "lamp.py:23 in __init__: AttributeError: 'SwitchOff' object has no attribute 'all'",
        ),
        ("def check(self): pass", "def check(self): 1 / 0", "lamp.py:28 in check: ZeroDivisionError: division by zero"),
        ("def is_healed", "def is_heald", "is not a fault driver: it lacks is_healed; did you mean 'is_heald'?"),
        ("def get_health", "def health", "the poller of lamp:Lamp is not a poller: it lacks get_health"),
        (
            "return [Chapter(",
            "[Chapter(",
            "lamp.py:24: lamp:Lamp.chapters returned None, not a list of Chapter; is its",
        ),
        ("return [Chapter(", 'return ["no", Chapter(', "number 1 is a str, not a Chapter"),
        ("def chapters", "def capters", "is not a subject: it lacks chapters; did you mean 'capters'?"),
    ],
)
def test_a_mistake_is_said_with_file_line_and_words(tmp_path: Path, right: str, wrong: str, says: str) -> None:
    done = said(place(tmp_path, right, wrong), "serve", "lamp:Lamp", "--port", "0", "--no-open")
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "because of a bug in it" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("./lamp.py", "names a file; a subject is named by module and class: type `demo serve lamp:Lamp`"),
        ("lamp.py:Lamp", "type `demo serve lamp:Lamp`"),
        ("below/desk.py", "type `cd below && demo serve desk:Desk`"),
        ("talk", "for your show file type `demo serve talk.md`"),
        ("lamp", "for your own file type `demo serve lamp:Lamp`"),
        ("lamp:Lmap", "the module 'lamp' has no 'Lmap': it has Lamp; did you mean 'Lamp'?"),
        ("nowhere.py", "'nowhere.py' is not a file here"),
        ("lmp:Lamp", "there is no module 'lmp' in "),
        ("ratelimter", "did you mean 'ratelimiter'?"),
    ],
)
def test_a_name_that_is_none_gets_a_hint_at_what_to_type(tmp_path: Path, named: str, says: str) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "talk.md").write_text("# Hello\n")
    (tmp_path / "below" / "desk.py").write_text(LAMP.replace("class Lamp", "class Desk"))
    done = said(place(tmp_path), "serve", named, "--port", "0", "--no-open")
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            'inject("off")',
            'inject("of")',
            "no deck lamp.py:26: it injects the fault 'of', which does not exist: this show has off;",
        ),
        ("narration=", "naration=", "no deck lamp.py:27 in chapters: TypeError"),
    ],
)
def test_the_doctor_finds_what_is_misspelt_in_a_deck(tmp_path: Path, right: str, wrong: str, says: str) -> None:
    done = said(place(tmp_path, right, wrong), "doctor", "lamp:Lamp", "--port", "0")
    assert done.returncode == 1
    assert says in " ".join(done.stdout.split())
    assert said(place(tmp_path), "doctor", "lamp:Lamp", "--port", "0").returncode == 0


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            '"health": "up"',
            '"health": "ok"',
            "gives node 'lamp' the health 'ok'; allowed: up, degraded, down, starting",
        ),
        ('"health": "up"', '"helth": "up"', "gives node 'lamp' no 'health' (it has 'helth': misspelt?); allowed: up"),
        (
            "asyncio.sleep(3600)",
            "asyncio.slep(1)",
            "the poller ended: lamp.py:15 in run: AttributeError: module 'asyncio'",
        ),
        (
            "return False",
            "return health['nods']",
            "fault off cannot read the health: lamp.py:12 in is_seen: KeyError: 'nods'",
        ),
        ('inject("off")', 'inject("of")', "lamp.py:26: it injects the fault 'of', which does not exist"),
    ],
)
def test_a_mistake_on_stage_is_told_to_the_presenter_by_name(tmp_path: Path, right: str, wrong: str, says: str) -> None:
    folder = place(tmp_path, right, wrong)
    with serving("lamp:Lamp", cwd=folder, env={"PYTHONPATH": str(ROOT)}) as server:
        wait_for(lambda: any(says in line["text"] for line in server.state()["log"]), 10, lambda: str(server.state()))
