"""Edits of a file that a real conductor presents: whatever is written, the show keeps its chapter and goes on."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from demo.conductor import Conductor, ShowConfig
from demo.show import ShowState
from demo.show import commands as c
from demo.showfile.subject import ShowFile
from tests.showfile.answering import answering
from tests.support.crashes import free_port

pytestmark = pytest.mark.anyio

SOON = 30.0

FRONT = """\
probes:
  api: {http: 'URL/x', interval: 100ms}
  gone: {tcp: '127.0.0.1:PORT', interval: 100ms}
faults:
  mark: {title: Mark it, run: [touch, mark], undo: [rm, -f, mark], healed: api is up, duration: 60s}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "show.md"


def write(path: Path, *chapters: str, front: str = "") -> None:
    path.write_text(f"---\n{front}---\n\n" + "\n---\n\n".join(chapters))


def chapter(title: str, text: str = "Text.") -> str:
    return f"```yaml\non_enter:\n  - run: [sh, -c, 'echo {title} >> ran']\n```\n\n# {title}\n\n{text}\n"


@asynccontextmanager
async def presented(path: Path, *, no_reload: bool = False) -> AsyncIterator[Conductor]:
    subject = ShowFile(str(path), allow_run=True, no_reload=no_reload)
    config = ShowConfig(
        subject.name, subject.chapters, subject.poller, faults=subject.faults, start_system=subject.start,
        stop_system=subject.stop, unmet=subject.unmet,
    )  # fmt: skip
    conductor = Conductor(config)
    subject.follow(conductor)
    subject.take_edits(conductor)
    playing = asyncio.create_task(conductor.run())
    try:
        await reached(conductor, lambda state: state.opened)
        yield conductor
    finally:
        conductor.stop()
        await playing


async def reached(conductor: Conductor, condition: Callable[[ShowState], bool]) -> ShowState:
    assert await conductor.until(condition, SOON), (conductor.state.log, conductor.state.deck_error)
    return conductor.state


async def ask(conductor: Conductor, what: c.Command) -> ShowState:
    return await conductor.submit(c.CommandEnvelope("test", what))


def nodes(state: ShowState) -> dict[str, str]:
    return {node.id: node.health for node in state.expected}


async def test_probes_faults_and_requirements_are_changed_while_the_show_goes_on(path: Path) -> None:
    async with answering(x=200) as (server, _):
        front = FRONT.replace("URL", server.url("").rstrip("/")).replace("PORT", str(free_port()))
        write(path, "# One\n\nText.\n", "# Two\n\nText.\n", front=front)
        async with presented(path) as conductor:
            await reached(conductor, lambda state: nodes(state) == {"api": "up", "gone": "down"})
            without = "\n".join(line for line in front.splitlines() if "gone" not in line)
            edited = without.replace("/x', ", "/x', down: status == 200, ").replace("Mark it", "Leave a mark") + "\n"
            require = "```yaml\nrequire:\n  - {condition: api is up, msg: api is needed}\n```\n\n"
            write(path, "# One\n\nText.\n", f"{require}# Two\n\nText.\n", front=edited)
            await reached(conductor, lambda state: nodes(state) == {"api": "down"})
            assert conductor.state.faults[0].config.description == "Leave a mark"
            with pytest.raises(Exception, match="api is needed"):
                await ask(conductor, c.Advance())
            write(
                path,
                "# One\n\nText.\n",
                f"{require}# Two\n\nText.\n",
                front=edited.replace("down: status == 200, ", ""),
            )
            await reached(conductor, lambda state: nodes(state) == {"api": "up"})
            await ask(conductor, c.Advance())


async def test_a_fault_is_changed_once_it_is_healed_without_another_edit(path: Path) -> None:
    async with answering(x=200) as (server, _):
        front = FRONT.replace("URL", server.url("").rstrip("/")).replace("PORT", str(free_port()))
        front = front.replace("  gone:", "  # gone:")
        write(path, "# One\n\nText.\n", front=front)
        async with presented(path) as conductor:
            await reached(conductor, lambda state: nodes(state) == {"api": "up"})
            await ask(conductor, c.Inject("mark"))
            await reached(conductor, lambda state: state.faults[0].state == "active")
            write(path, "# One\n\nText.\n", front=front.replace("Mark it", "Another").replace("rm, -f", "rm, -rf"))
            state = await reached(conductor, lambda state: state.log[-1].text.endswith("once healed: mark"))
            assert state.faults[0].config.description == "Mark it"
            await ask(conductor, c.Heal("mark"))
            await reached(conductor, lambda state: state.faults[0].config.description == "Another")
            assert conductor.state.faults[0].state == "idle"


async def test_without_reload_an_edit_waits_for_the_next_start(path: Path) -> None:
    write(path, "# One\n\nText.\n")
    async with presented(path, no_reload=True) as conductor:
        write(path, "# Changed\n\nText.\n")
        assert not await conductor.until(lambda state: state.chapter.title == "Changed", 0.6)


async def test_random_edits_never_lose_the_chapter_run_nothing_twice_and_end_nothing(path: Path) -> None:
    chance = random.Random(7)
    titles = ["A", "B", "C"]
    write(path, *map(chapter, titles))
    async with presented(path) as conductor:
        for number in range(12):
            await reached(conductor, lambda state: state.action.status != "running")
            stood = conductor.state.chapter.title
            if chance.random() < 0.3:
                write(path, *map(chapter, titles), front="titel: misspelt\n")
                await reached(conductor, lambda state: "titel" in state.deck_error)
                assert conductor.state.chapter.title == stood
            titles = [title for title in titles if title == stood or chance.random() < 0.8]
            titles.insert(chance.randrange(len(titles) + 1), f"N{number}")
            chance.shuffle(titles)
            text = f"Edit {number}."
            write(path, *(chapter(title, text) for title in titles))
            await reached(conductor, lambda state, text=text: text in state.chapter.narration)  # type: ignore[misc]
            assert conductor.state.chapter.title == stood
            assert [one.title for one in conductor.state.chapters] == titles
            assert conductor.state.deck_error == ""
            await ask(conductor, c.Goto(chance.randrange(len(titles)) + 1))
        await reached(conductor, lambda state: state.action.status != "running")
    ran = path.with_name("ran").read_text().split()
    assert len(ran) == len(set(ran))
    assert len(ran) > 3
