"""The vocabulary, exactly as it is promised."""

import inspect
import math
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from demo.types import ChaosConfig, ChaosType, Chapter, DemoState, HealthPollerProtocol

DECK = [Chapter("one", "a"), Chapter("two", "b"), Chapter("three", "c")]


def test_a_chapter_has_the_promised_fields_and_defaults() -> None:
    chapter = Chapter("one", "a story")
    assert chapter.key_hint == "[dim]SPACE/ENTER: next | Q: quit[/dim]"
    assert (chapter.on_enter, chapter.auto_advance, chapter.blocks_advance) == (None, False, False)
    names = list(inspect.signature(Chapter).parameters)
    assert names[:6] == ["title", "narration", "key_hint", "on_enter", "auto_advance", "blocks_advance"]


def test_a_chapter_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        DECK[0].title = "else"  # type: ignore[misc]


@pytest.mark.parametrize("field", [{"limit_sec": 0}, {"limit_sec": math.nan}, {"budget_sec": -1}])
def test_a_chapter_refuses_times_that_cannot_be(field: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"chapter 'one'"):
        Chapter("one", "a", **field)  # type: ignore[arg-type]


def test_the_state_advances_to_the_last_chapter_and_no_further() -> None:
    state = DemoState(DECK)
    assert (state.current, state.get_progress(), state.is_complete()) == (0, "[1/3]", False)
    assert state.advance()
    assert state.advance()
    assert (state.current, state.get_progress(), state.is_complete()) == (2, "[3/3]", True)
    assert not state.advance()
    assert state.get_current() is DECK[2]


def test_a_show_of_one_chapter_is_complete_from_the_start() -> None:
    state = DemoState(DECK[:1])
    assert state.is_complete()
    assert not state.advance()


def test_a_deck_without_chapters_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one chapter"):
        DemoState([])


@pytest.mark.parametrize("index", [-1, 3, True, 1.0, "1"])
def test_an_index_out_of_range_is_refused(index: Any) -> None:
    with pytest.raises(ValueError, match="out of range: 0 to 2"):
        DemoState(DECK, index)
    state = DemoState(DECK)
    with pytest.raises(ValueError, match="out of range"):
        state.current = index
    assert state.current == 0


def test_the_kinds_of_chaos() -> None:
    assert {kind.name: kind.value for kind in ChaosType} == {
        "CONTAINER_KILL": "container_kill",
        "CONTAINER_PAUSE": "container_pause",
        "CONTAINER_STOP": "container_stop",
        "NETWORK_DISCONNECT": "network_disconnect",
        "REDIS_PAUSE": "redis_pause",
        "BURST_TRAFFIC": "burst_traffic",
        "COMMAND": "command",
    }


def test_a_chaos_config_has_the_promised_defaults_and_may_last_for_ever() -> None:
    config = ChaosConfig("kill", ChaosType.CONTAINER_KILL, "Kill a node")
    assert (config.duration_sec, config.burst_multiplier) == (5.0, 2)
    assert ChaosConfig("k", ChaosType.REDIS_PAUSE, "", math.inf).duration_sec == math.inf


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a/b"},
        {"name": "a\nb"},
        {"chaos_type": "container_kill"},
        {"duration_sec": 0},
        {"duration_sec": -1},
        {"duration_sec": math.nan},
        {"duration_sec": "5"},
        {"burst_multiplier": 0},
        {"burst_multiplier": 1.5},
        {"burst_multiplier": True},
    ],
)
def test_a_chaos_config_refuses_values_that_cannot_be(wrong: dict[str, Any]) -> None:
    values: dict[str, Any] = {"name": "kill", "chaos_type": ChaosType.CONTAINER_KILL, "description": "Kill"} | wrong
    with pytest.raises(ValueError, match="fault"):
        ChaosConfig(**values)


class _Poller:
    async def run(self) -> None: ...

    def get_health(self) -> dict[str, Any] | None:
        return None

    def stop(self) -> None: ...


def test_the_poller_protocol_is_checkable_at_run_time() -> None:
    assert isinstance(_Poller(), HealthPollerProtocol)
    assert not isinstance(object(), HealthPollerProtocol)
