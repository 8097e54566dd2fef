"""A server in its smallest form, to be killed: it plans one fault, writes the plan to a file, and injects it.

Started as a script, which forks one server for each line of its input: a folder, and where the server stops itself by
SIGKILL: "planned", "injecting" (the deed has begun) or "injected". A file `deck.json` in the folder holds the front
matter. For each it prints the pid, and then the signal that it ended by.
"""

import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from demo.showfile.drivers import DriverContext, Secrets, build_drivers
from demo.showfile.schema.front_matter import FrontMatter
from tests.showfile.drivers.plain_probes import ask


def context_of(folder: Path) -> DriverContext:
    return DriverContext(ask, folder=folder, secrets=Secrets({}))


async def main(folder: Path, step: str) -> None:
    settings = FrontMatter.model_validate(json.loads((folder / "deck.json").read_text()))
    (driver,) = build_drivers(settings, context_of(folder))
    plan = await driver.plan()
    (folder / "plan.new").write_text(json.dumps(asdict(plan)))
    (folder / "plan.new").rename(folder / "plan.json")
    if step == "planned":
        os.kill(os.getpid(), signal.SIGKILL)
    injecting = asyncio.create_task(driver.inject(plan))
    while step == "injecting" and not (folder / "begun").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    if step != "injecting":
        await injecting
    os.kill(os.getpid(), signal.SIGKILL)


def serve() -> None:
    for line in sys.stdin:
        folder, step = json.loads(line)
        pid = os.fork()
        if not pid:
            asyncio.run(main(Path(folder), step))
        print(pid, flush=True)
        print(os.WTERMSIG(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
