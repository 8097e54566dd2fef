"""A server in its smallest form, to be killed: it plans one fault, writes the plan to a file, and injects it.

Started as a script with the folder of the test, and where to stop itself by SIGKILL: "planned", "injecting" (the deed
has begun) or "injected". A file `deck.json` in the folder holds the front matter.
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
    (folder / "plan.json").write_text(json.dumps(asdict(plan)))
    if step == "planned":
        os.kill(os.getpid(), signal.SIGKILL)
    injecting = asyncio.create_task(driver.inject(plan))
    if step == "injecting":
        while not (folder / "begun").exists():
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    await injecting
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
