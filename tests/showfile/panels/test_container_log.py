"""The log of a real container in a panel: followed over its restart, with and without a terminal, and never behind."""

import pytest

from demo.container_engine import Engine
from demo.showfile.panels.container_log import ContainerLog
from demo.showfile.panels.source import SourceReading
from tests.support.containers import ContainerGroup, docker
from tests.support.ratelimiter_system import until_async

pytestmark = pytest.mark.anyio

COUNT = (
    'n=$(cat /tmp/n 2>/dev/null || echo 0); echo $((n + 1)) > /tmp/n; echo "run $n"; echo "oops $n" >&2; exec sleep 600'
)


class Reader:
    """Reads a container's log and keeps all of it."""

    def __init__(self, engine: Engine, project: str, service: str, most: int = 100_000) -> None:
        self.log = ContainerLog(engine, project, service, 20)
        self.most = most
        self.text = b""
        self.last = SourceReading()
        self.has_gap = False

    async def until_has(self, *words: bytes, state: str = "up", note: str = "") -> None:
        async def has_them() -> bool:
            self.last = await self.log.read(self.most)
            self.text += b"".join(piece.data for piece in self.last.pieces)
            self.has_gap |= any(piece.has_gap for piece in self.last.pieces)
            return all(word in self.text for word in words) and (self.last.state == state) and note in self.last.note

        await until_async(has_them, 40.0)


async def test_a_log_is_followed_over_the_restart_of_its_container(containers: ContainerGroup) -> None:
    containers.run("web", command=("sh", "-c", COUNT))
    engine = Engine()
    reader = Reader(engine, containers.project, "web")
    try:
        await reader.until_has(b"run 0\n", b"oops 0\n")
        docker("kill", containers.name("web"))
        await reader.until_has(state="down")
        assert reader.last.note == "ended with exit code 137"
        docker("start", containers.name("web"))
        await reader.until_has(b"run 1\n", b"oops 1\n")
        assert (reader.text.count(b"run 0"), reader.text.count(b"run 1")) == (1, 1), "each line once"
        assert b"Z " not in reader.text, "without the engine's times"
    finally:
        await reader.log.close()
        await engine.close()


async def test_the_log_of_a_terminal_is_followed_too_and_a_container_that_is_not_there_is_waited_for(
    containers: ContainerGroup,
) -> None:
    engine = Engine()
    reader = Reader(engine, containers.project, "shell")
    try:
        await reader.until_has(state="starting", note="there is no container of service shell")
        containers.run("shell", "--tty", command=("sh", "-c", "printf '\\033[32mgreen\\033[0m\\n'; exec sleep 600"))
        await reader.until_has(b"\x1b[32mgreen\x1b[0m")
    finally:
        await reader.log.close()
        await engine.close()


async def test_of_a_container_that_prints_for_ever_the_newest_lines_are_shown(containers: ContainerGroup) -> None:
    flood = "n=0; while :; do n=$((n + 1)); echo line $n; done"
    containers.run("flood", command=("sh", "-c", flood))
    engine = Engine()
    reader = Reader(engine, containers.project, "flood", most=4000)
    try:
        await reader.until_has(b"line")

        async def has_gap() -> bool:
            await reader.until_has()
            assert len(reader.log._waiting) <= 262_144
            return reader.has_gap

        await until_async(has_gap, 40.0)
        assert sum(len(piece.data) for piece in reader.last.pieces) <= 4000
    finally:
        await reader.log.close()
        await engine.close()
        docker("kill", containers.name("flood"))


async def test_without_an_engine_the_panel_says_so() -> None:
    engine = Engine("unix:///nowhere/docker.sock")
    reader = Reader(engine, "shop", "web")
    try:
        await reader.until_has(state="down")
        assert reader.last.note.startswith("no container engine answers at")
    finally:
        await reader.log.close()
        await engine.close()
