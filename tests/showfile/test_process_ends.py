"""Who is told of a process that ends by itself: nothing else may show it."""

import signal

import pytest

from demo.container_engine import Container, WatchedContainer
from demo.processes.owned.spec import Phase, ProcessState
from demo.show.commands import Notice
from demo.showfile.process_ends import ProcessEnds

CRASH = "web ended with code 3: secret boom"


class Show:
    """What is told of the processes of a show."""

    def __init__(self) -> None:
        self.has_fault = self.is_acting = False
        self.notices: list[Notice] = []
        self.ends = ProcessEnds(
            lambda text: text.replace("secret", "•••"),
            lambda: self.has_fault,
            lambda: self.is_acting,
            self.notices.append,
        )

    def process(self, phase: Phase, code: int | None = None, reason: str = "", name: str = "web") -> None:
        trouble = "" if phase != "ended" else "exit code 3"
        self.ends.take(ProcessState(name, phase, exit_code=code, trouble=trouble, reason=reason))

    def crash(self) -> None:
        self.process("up")
        self.process("ended", 3, CRASH)


def test_a_crash_is_told_at_once_and_stays_a_problem_until_the_process_is_started_again() -> None:
    show = Show()
    show.crash()
    assert show.notices == [Notice("web ended with code 3: ••• boom", "error")]
    assert list(show.ends.problems.values()) == ["web ended with code 3: ••• boom"]
    show.process("starting")
    assert not show.ends.problems
    show.crash()
    assert len(show.notices) == 2


def test_a_start_that_fails_is_told_by_whoever_started_it() -> None:
    show = Show()
    show.process("starting")
    show.process("ended", 3, CRASH)
    assert (show.notices, show.ends.problems) == ([], {})


def test_what_we_end_ourselves_is_not_told() -> None:
    show = Show()
    show.process("up")
    show.ends.take(ProcessState("web", "ended", exit_code=-9, trouble="replaced", reason="replaced"))
    show.process("up")
    show.ends.forget()
    show.process("ended", -15, "web was ended by SIGTERM: boom")
    assert (show.notices, show.ends.problems) == ([], {})


def test_a_process_that_has_done_its_work_is_no_problem() -> None:
    show = Show()
    show.process("up")
    show.process("ended", 0, "web ended with code 0: done")
    assert show.notices == [Notice("web ended with code 0: done", "note")]
    assert not show.ends.problems


def test_a_process_that_went_into_the_background_is_a_problem_as_soon_as_that_is_known() -> None:
    show = Show()
    show.process("up")
    show.process("ended", 0, "web ended with code 0: done")
    for _ in range(2):
        show.process("ended", 0, "web went into the background")
    assert [notice.level for notice in show.notices] == ["note", "error"]
    assert show.ends.problems == {"web": "web went into the background"}


@pytest.mark.parametrize(("code", "told"), [(-signal.SIGKILL, 0), (-signal.SIGTERM, 1), (1, 1)])
def test_while_a_fault_is_in_place_its_kill_is_not_told_and_another_end_is_a_note(code: int, told: int) -> None:
    show = Show()
    show.has_fault = True
    show.process("up")
    show.process("ended", code, "web ended")
    assert show.notices == [Notice("web ended", "note")] * told
    assert len(show.ends.problems) == told


def test_an_end_while_the_steps_of_a_chapter_run_is_a_note_even_by_a_kill() -> None:
    show = Show()
    show.is_acting = True
    show.process("up")
    show.process("ended", -signal.SIGKILL, "web was ended by SIGKILL")
    assert show.notices == [Notice("web was ended by SIGKILL", "note")]
    assert show.ends.problems


def test_the_end_of_the_supervisor_is_told_once_for_all_its_processes() -> None:
    show = Show()
    for name in ("web", "db"):
        show.process("up", name=name)
    for name in ("web", "db"):
        show.process("ended", None, "the supervisor has ended, and all of them with it", name)
    assert len(show.notices) == 1
    assert set(show.ends.problems) == {"web", "db"}


@pytest.mark.parametrize(
    ("state", "code", "has_fault", "levels"),
    [
        ("exited", 1, False, ["error"]),
        ("exited", 137, False, ["error"]),
        ("exited", 0, False, ["note"]),
        ("exited", 137, True, []),
        ("exited", 143, True, []),
        ("exited", 1, True, ["note"]),
        ("paused", None, False, []),
        ("gone", 137, False, []),
    ],
)
def test_the_end_of_a_container_is_told_as_that_of_a_process(
    state: str, code: int | None, has_fault: bool, levels: list[str]
) -> None:
    show, container = Show(), Container("id", "shop-web-1", {}, "running", {}, None, "", {})
    show.ends.take_container(WatchedContainer(container, "running", 1.0, None))
    show.has_fault = has_fault
    show.ends.take_container(WatchedContainer(container, state, 2.0, code))
    assert [notice.level for notice in show.notices] == levels
    assert all(notice.text == f"container shop-web-1 ended with code {code}" for notice in show.notices)
