"""A primary that experiments kill: a real web server with its number in `primary.pid`, and a program that starts it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.servers import wait_for

START = """\
import pathlib, socket, subprocess, sys
port = int(sys.argv[1])
server = subprocess.Popen(
    [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
)
pathlib.Path("primary.pid").write_text(str(server.pid))
with open("started", "a") as all_of_them:
    all_of_them.write(f"{server.pid}\\n")
"""


class Primary:
    """`folder` is where it runs. `end` ends all that were started in it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        (folder / "start.py").write_text(START)
        subprocess.run([sys.executable, "start.py", str(port)], cwd=folder, check=True, timeout=60)
        wait_for(self.is_up)

    @property
    def pid(self) -> int:
        return int((self.folder / "primary.pid").read_text())

    def is_up(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self) -> None:
        for pid in (self.folder / "started").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def experiment(self, kill: Mapping[str, Any], **more: Any) -> Path:
        """Write an experiment whose method kills the primary in this way, and whose rollback starts it again."""
        start = {"type": "process", "path": sys.executable, "arguments": ["start.py", str(self.port)]}
        url = f"http://127.0.0.1:{self.port}/"
        answers = {"type": "probe", "name": "service", "tolerance": 200, "provider": {"type": "http", "url": url}}
        path = self.folder / "experiment.json"
        path.write_text(
            json.dumps(
                {
                    "title": "The primary is killed",
                    "description": "Somebody else takes over.",
                    "steady-state-hypothesis": {"title": "The service answers", "probes": [answers]},
                    "method": [{"type": "action", "name": "kill", "provider": {"type": "process", **kill}}],
                    "rollbacks": [{"type": "action", "name": "start again", "provider": start}],
                    **more,
                }
            )
        )
        return path
