"""All checks of a show file for `demo doctor`. They start nothing, and change nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.findings import Finding, maybe, no, ok, together
from demo.processes.ports import is_free
from demo.showfile.examination.answers import check_answers
from demo.showfile.examination.containers import check_containers
from demo.showfile.examination.programs import check_programs
from demo.showfile.running import RunningSystem
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.show import Show
from demo.showfile.text_room import text_problems

MAX_SEC = 18.0
"""For the containers: compose and the engine are asked one after the other."""


async def examine(show: Show, system: RunningSystem) -> Sequence[Finding]:
    """Return the findings about programs, ports and containers, and what answers of the system."""
    folder = (show.source.folder or Path.cwd()).absolute()
    containers = await together({"containers": check_containers(show, folder)}, MAX_SEC)
    answers = await check_answers(show.settings, system)
    found = (*check_programs(show, folder), *_check_ports(show.settings), *containers, *answers)
    return (*found, *_check_texts(show))


def _check_ports(settings: FrontMatter) -> Iterator[Finding]:
    wanted = {process.port: f"process {name}" for name, process in settings.processes.items() if process.port}
    for name, proxy in settings.proxies.items():
        host, _, port = proxy.listen.rpartition(":")
        if port.isdecimal() and host in ("127.0.0.1", "localhost", ""):
            wanted[int(port)] = f"proxy {name}"
    for number, user in wanted.items():
        if is_free(number):
            yield ok(f"port {number}", f"free, for {user}")
        else:
            remedy = "stop the program that uses it; a running show of this file uses it, too"
            yield no(f"port {number}", f"in use, but {user} needs it", remedy)


def _check_texts(show: Show) -> Iterator[Finding]:
    """Yield the chapters whose text the stage has no room for; nothing is said of texts that fit."""
    for problem in text_problems(show):
        yield maybe(f"{problem.file}:{problem.position.line}", problem.message)
