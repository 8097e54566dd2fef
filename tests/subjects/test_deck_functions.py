"""Functions that a show file calls: found by name, called with the stage, in a thread if they are not async."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.errors import FaultError, SubjectError
from demo.subjects.deck_functions import call_function, find_function
from tests.subjects.ratelimiter.test_deck import Theatre

MODULE = """
import threading
import time

CALLS = []
number = 1
over = threading.Event()

async def speak(stage):
    await stage.say("async")

async def speak_of(stage, subject):
    await stage.say(f"about {subject}")

def speak_plainly(stage):
    stage.say("plain")
    CALLS.append(threading.current_thread() is threading.main_thread())

def hand_out(stage):
    return stage_say(stage)

async def stage_say(stage):
    stage.calls.append("handed out")

def too_many(stage, subject, more):
    pass

def fail(stage):
    return 1 / 0

def leave(stage):
    raise SystemExit(3)

def speak_late(stage):
    over.wait(10)
    try:
        stage.say("too late")
    except Exception as error:
        CALLS.append(str(error))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "deck_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("deck_module")
    yield sys.modules["deck_module"]
    sys.modules.pop("deck_module", None)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("nothing", "write package.module:function"),
        ("no_such_module:f", "there is no module 'no_such_module' beside the show file"),
        ("deck_module:speek", "has no 'speek'; did you mean 'speak'?"),
        ("deck_module:number", "is not a function: number is a int"),
        ("deck_module:too_many", "must take the stage, or the stage and the subject"),
    ],
)
def test_what_is_no_function_of_a_deck_is_said(module: object, place: str, sentence: str) -> None:
    with pytest.raises(SubjectError, match=r".*") as raised:
        find_function(place)
    assert sentence in str(raised.value)


def test_a_module_that_fails_is_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_module.py").write_text("\nimport no_such_library\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SubjectError, match=r"broken_module\.py:2.*no_such_library"):
        find_function("broken_module:f")


@pytest.mark.anyio
async def test_a_function_gets_the_stage_and_the_subject_if_it_takes_one(module: Any) -> None:
    theatre = Theatre({}, {})
    await call_function("deck_module:speak", theatre, "it")
    await call_function("deck_module:speak_of", theatre, "it")
    await call_function("deck_module:speak_plainly", theatre, "it")
    assert theatre.calls == ["say async", "say about it", "say plain"]
    assert module.CALLS == [False], "a plain function must not block the show's thread"


@pytest.mark.anyio
async def test_a_plain_function_may_hand_out_a_coroutine(module: object) -> None:
    theatre = Theatre({}, {})
    await call_function("deck_module:hand_out", theatre, None)
    assert theatre.calls == ["handed out"]


@pytest.mark.anyio
async def test_what_a_function_raises_is_told_with_its_line(module: object) -> None:
    with pytest.raises(SubjectError, match=r"deck_module\.py:\d+ in fail: ZeroDivisionError"):
        await call_function("deck_module:fail", Theatre({}, {}), None)
    with pytest.raises(SubjectError, match=r"deck_module:leave called sys\.exit"):
        await call_function("deck_module:leave", Theatre({}, {}), None)


@pytest.mark.anyio
async def test_a_plain_function_can_do_nothing_to_the_show_after_its_time(module: Any) -> None:
    theatre = Theatre({}, {})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await call_function("deck_module:speak_late", theatre, None)
    module.over.set()
    working = [thread for thread in threading.enumerate() if thread.name == "deck_module:speak_late"]
    for thread in working:
        await asyncio.to_thread(thread.join, 10)
    assert module.CALLS == ["stage.say was called after the end of its step"]
    assert theatre.calls == []


def test_our_own_errors_pass_unchanged(module: Any) -> None:
    class Refusing(Theatre):
        async def say(self, text: str) -> None:
            raise FaultError("no")

    with pytest.raises(FaultError, match=r"^no$"):
        asyncio.run(call_function("deck_module:speak", Refusing({}, {}), None))
