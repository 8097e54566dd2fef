"""The registry of subjects, and the one without a system."""

import os
import subprocess
import sys

import pytest

from demo.errors import UsageError
from demo.subjects.none import NoSystem
from demo.subjects.registry import DEFAULT, load, names
from demo.types import DemoState, HealthPollerProtocol, Subject
from tests.subjects.ratelimiter.test_deck import Theatre
from tests.support.containers import missing


@pytest.mark.parametrize("name", names())
def test_every_known_subject_loads_with_a_deck_and_faults_of_different_names(name: str) -> None:
    subject: Subject = load(name)
    assert subject.name == name
    assert subject.title
    assert subject.description
    assert DemoState(subject.chapters(Theatre({}, {}))).get_progress().startswith("[1/")
    assert len({driver.config.name for driver in subject.faults}) == len(subject.faults)
    assert subject.poller is None or isinstance(subject.poller, HealthPollerProtocol)
    if name in ("etcd", "tikv") and (why := missing()):
        assert not os.environ.get("CI"), why
        pytest.skip(f"NOT TRIED whether it can run here: {why}")
    subject.check()


def test_the_default_is_known_and_an_unknown_one_is_told_what_there_is() -> None:
    assert DEFAULT in names()
    with pytest.raises(UsageError, match=rf"no subject 'tikvv'.*{', '.join(names())}"):
        load("tikvv")


def test_options_a_subject_does_not_take_are_refused() -> None:
    with pytest.raises(UsageError, match="fallback"):
        load("none", fallback="open")
    with pytest.raises(UsageError, match="must be one of local, open, closed"):
        load("ratelimiter", fallback="maybe")
    with pytest.raises(UsageError, match=r"between 0\.1 and 10"):
        load("ratelimiter", load=20)
    assert load("ratelimiter", fallback="closed", base_port=21_000).name == "ratelimiter"


@pytest.mark.anyio
async def test_none_has_no_system_and_its_first_three_chapters_are_plain() -> None:
    subject = NoSystem()
    await subject.start()
    await subject.heal()
    await subject.stop()
    theatre = Theatre({}, {})
    chapters = subject.chapters(theatre)
    assert 4 <= len(chapters) <= 5
    assert all(chapter.on_enter is None and not chapter.blocks_advance for chapter in chapters[:3])
    acting = [chapter for chapter in chapters if chapter.on_enter is not None]
    for chapter in acting:
        assert chapter.on_enter is not None
        await chapter.on_enter()
    assert len(theatre.calls) == len(acting) == 1


def test_a_subject_that_was_not_chosen_is_not_imported() -> None:
    code = """
import sys
from demo.subjects.registry import load
load("none")
print("aiohttp" in sys.modules, "redis" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
