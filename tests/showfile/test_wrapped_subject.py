"""A show file that adds to a subject: samples, facts, options, faults and lives of both."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.clock import CLOCK
from demo.conditions import NodeFact, Value, parse
from demo.errors import FaultError, SubjectError, UsageError
from demo.showfile.merged_poller import MergedPoller, merge
from demo.showfile.subject import ShowFile
from demo.showfile.subject_facts import FactsWithSubject, SubjectSample
from demo.subjects.registry import load, options
from tests.subjects.ratelimiter.test_deck import Theatre

NOW = datetime(2026, 1, 2, tzinfo=UTC)
THEIRS: dict[str, Any] = {
    "nodes": [
        {"id": "node-1", "type": "node", "health": "up", "metrics": {"p99 ms": 12.5, "req/s": 20}},
        {"id": "node-2", "type": "node", "health": "down", "detail": "killed"},
        {"id": "redis", "type": "redis", "health": "up"},
    ],
    "metrics": [{"name": "load", "value": 65.0}],
    "leader": {"id": "node-1"},
    "last_updated": NOW,
    "interval_sec": 0.25,
}
OURS: dict[str, Any] = {
    "nodes": [{"id": "shop", "health": "up"}, {"id": "redis", "health": "down"}],
    "metrics": [{"name": "shop.latency", "value": 1}],
    "victims": {"mine": "shop"},
    "has_issues": True,
    "last_updated": NOW + timedelta(seconds=1),
    "interval_sec": 0.5,
}


@dataclass
class Fixed:
    """A poller whose sample a test says; it runs until it is stopped, or fails."""

    health: dict[str, Any] | None = None
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.ended = asyncio.Event()

    async def run(self) -> None:
        if self.error is not None:
            raise self.error
        await self.ended.wait()

    def get_health(self) -> dict[str, Any] | None:
        return self.health

    def stop(self) -> None:
        self.ended.set()


class NoFacts:
    def value(self, path: tuple[str, ...]) -> Value:
        return None

    def nodes(self, name: str) -> list[NodeFact] | None:
        return [NodeFact("shop", "up")] if name in {"shop", "all"} else None


def test_a_sample_has_the_nodes_and_numbers_of_both() -> None:
    merged = merge(SubjectSample(THEIRS, CLOCK.now()), OURS)
    assert merged is not None
    assert [node["id"] for node in merged["nodes"]] == ["node-1", "node-2", "redis", "shop", "redis-probe"]
    assert [metric["name"] for metric in merged["metrics"]] == ["load", "shop.latency"]
    assert merged["leader"] == {"id": "node-1"}, "the subject's chapters read what only its samples have"
    assert merged["victims"] == {"mine": "shop"}
    assert merged["has_issues"]
    assert merged["last_updated"] == OURS["last_updated"]


def test_without_anything_of_the_files_own_a_sample_is_the_subjects() -> None:
    nothing = {"nodes": [], "metrics": [], "last_updated": NOW + timedelta(seconds=9), "interval_sec": 0.5}
    assert merge(SubjectSample(THEIRS, CLOCK.now()), nothing) == THEIRS | {"victims": {}}
    assert merge(SubjectSample(None), nothing) == nothing
    assert merge(SubjectSample(None), None) is None


def test_a_subject_that_says_nothing_any_more_is_unknown_and_never_green() -> None:
    late = SubjectSample(THEIRS, CLOCK.now() - 4)
    merged = merge(late, OURS)
    assert merged is not None
    assert {node["health"] for node in merged["nodes"][:3]} == {"unknown"}
    facts = FactsWithSubject(NoFacts(), lambda: late)
    assert parse("node-1 is up").truth(facts) is None
    assert parse("metrics.load > 1").truth(facts) is None
    assert parse("all up").truth(facts) is None


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("node-1 is up", True),
        ("node-2 is down", True),
        ("count(node up) == 1", True),
        ("node-1.p99_ms < 300", True),
        ("node-1.req_s > 30", False),
        ("node-2.detail == killed", True),
        ("metrics.load > 60", True),
        ("metrics.nothing > 60", None),
        ("node-9 is up", None),
        ("shop is up", True),
        ("all up", False),
    ],
)
def test_what_a_condition_may_name_of_a_subject(condition: str, truth: bool | None) -> None:
    facts = FactsWithSubject(NoFacts(), lambda: SubjectSample(THEIRS, CLOCK.now()))
    assert parse(condition).truth(facts) is truth


def test_all_is_unknown_before_the_subject_has_said_anything() -> None:
    assert parse("all up").truth(FactsWithSubject(NoFacts(), lambda: SubjectSample(None))) is None


@pytest.mark.anyio
async def test_both_pollers_run_and_end_together() -> None:
    changes: list[None] = []
    theirs, ours = Fixed(THEIRS), Fixed(OURS)
    poller = MergedPoller(theirs, ours, lambda: changes.append(None))
    running = asyncio.create_task(poller.run())
    first = poller.get_health()
    assert poller.get_health() is first, "no new sample, no new dict"
    ours.health = dict(OURS)
    assert poller.get_health() is not first
    assert len(changes) == 1
    poller.stop()
    await running
    failing = MergedPoller(Fixed(error=ValueError("no luck")), Fixed(), lambda: None)
    with pytest.raises(ValueError, match="no luck"):
        await failing.run()


DECK = """---
title: Mine
subject: {subject}
{more}---

# One
{chapter}"""


def write(folder: Path, subject: str, more: str = "", chapter: str = "") -> str:
    file = folder / "mine.md"
    file.write_text(DECK.format(subject=subject, more=more, chapter=chapter))
    return str(file)


def test_options_of_the_command_line_go_before_those_of_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "ratelimiter", "options: {load: '2', fallback: open}\n")
    typed = options(file, (("load", "3"),))
    show = load(file, **typed)
    assert isinstance(show, ShowFile)
    assert show._wrapped.made is not None
    settings = show._wrapped.made.system.settings  # type: ignore[attr-defined]
    assert (settings.load, settings.fallback) == (3.0, "open")
    again = load(file, **show.options_to_make_it_again())
    assert isinstance(again, ShowFile)
    assert again._wrapped.made.system.settings == settings  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="fallback must be one of local, open, closed"):
        load(file, **options(file, (("fallback", "shut"),)))


def test_an_option_that_nothing_takes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "talk.md"
    file.write_text("# One\n")
    with pytest.raises(UsageError, match="does not take these options: base-port; it takes allow-run"):
        load(str(file), **options(str(file), (("base_port", "9000"),)))
    with pytest.raises(UsageError, match="does not take these options: color; it takes fallback"):
        load(write(tmp_path, "ratelimiter"), **options("mine.md", (("color", "red"),)))


def test_its_faults_are_the_subjects_and_the_files(tmp_path: Path) -> None:
    more = "probes:\n  web: {tcp: '127.0.0.1:1'}\nfaults:\n  cut: {run: [x], undo: [y], healed: web is up}\n"
    show = load(write(tmp_path, "ratelimiter", more), allow_run=True)
    assert [driver.config.name for driver in show.faults] == ["kill-node", "burst", "pause-redis", "cut"]
    assert show.description == "three rate limiters, one Redis"


def test_a_class_of_somebodys_own_is_not_even_imported_without_trust(tmp_path: Path) -> None:
    with pytest.raises(SubjectError, match=r"it would do this on your machine:\n.*no_such_module:Mine"):
        load(write(tmp_path, "no_such_module:Mine"))


STEPS = """
async def judge(stage):
    await stage.conclude(True, "It held.")
"""

JUDGED = """
---

```yaml
hypothesis: It holds
{expect}on_enter:
  - python: steps_of_mine:judge
```

# Two
"""


@pytest.mark.anyio
@pytest.mark.parametrize("expect", ["", "expect: all up\n"])
async def test_a_function_concludes_only_where_no_expect_judges(tmp_path: Path, expect: str) -> None:
    (tmp_path / "steps_of_mine.py").write_text(STEPS)
    show = load(write(tmp_path, "none", chapter=JUDGED.format(expect=expect)), allow_run=True)
    theatre = Theatre({}, {})
    on_enter = show.chapters(theatre)[1].on_enter
    assert on_enter is not None
    if expect:
        with pytest.raises(FaultError, match="conclude cannot be called here: this hypothesis is judged by expect"):
            await on_enter()
        assert theatre.verdict is None
    else:
        await on_enter()
        assert theatre.verdict == (True, "It held.")


def test_a_function_that_is_not_there_is_told_before_the_show(tmp_path: Path) -> None:
    chapter = JUDGED.format(expect="").replace("judge", "juge").replace("steps_of_mine", "other_steps_of_mine")
    file = write(tmp_path, "none", chapter=chapter)
    with pytest.raises(SubjectError, match=r"mine\.md:\d+: other_steps_of_mine:juge: there is no module"):
        load(file, allow_run=True).check()
    (tmp_path / "other_steps_of_mine.py").write_text(STEPS)
    with pytest.raises(SubjectError, match="has no 'juge'; did you mean 'judge'"):
        load(file, allow_run=True).check()


def test_words_of_the_subject_are_filled_in(tmp_path: Path) -> None:
    text = "\nAt ${rate} a second, ${HOME}.\n"
    show = load(write(tmp_path, "etcd", "options: {load: '33'}\n", text))
    (chapter,) = show.chapters(Theatre({}, {}))
    assert chapter.narration == "At 33 a second, ${HOME}."
