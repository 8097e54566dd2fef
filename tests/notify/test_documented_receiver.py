"""The receiver in docs/other-tools.md: it prints what a real show sends, and nothing that is not genuine."""

import base64
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.notify.receivers import SECRET
from demo.notify.webhook import sign
from demo.processes.ports import free_ports
from tests.scripts.test_docs import DOCS
from tests.support import fetch
from tests.support.nginx import listens
from tests.support.servers import serving, wait_for

KEY = bytes(range(32))
ENV = {SECRET: f"whsec_{base64.b64encode(KEY).decode()}"}


@pytest.mark.parametrize("other_key", [False, True], ids=["its secret", "another secret"])
def test_the_documented_receiver_prints_genuine_events_once(tmp_path: Path, other_key: bool) -> None:
    code = re.search(r"```python\n(.*?)```", DOCS["other-tools.md"], re.DOTALL)
    assert code
    (tmp_path / "receiver.py").write_text(code.group(1))
    port, output = free_ports(1)[0], tmp_path / "output"
    environ = dict(os.environ) | ({SECRET: f"whsec_{base64.b64encode(KEY[::-1]).decode()}"} if other_key else ENV)
    with output.open("w") as stdout:
        command = [sys.executable, str(tmp_path / "receiver.py"), str(port)]
        receiver = subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL, env=environ)
    try:
        wait_for(lambda: listens(port))
        with serving("none", "--webhook", f"http://127.0.0.1:{port}/", env=ENV) as server:
            assert server.client.post("/advance").status_code == 200
            if other_key:
                server.until(lambda state: any("it answers 401" in line["text"] for line in state["log"]))
            else:
                wait_for(lambda: "chaos_stage.chapter.entered chapter/2" in output.read_text())
        ident, now, body = "e-1", int(time.time()), b'{"time": "t", "type": "made.up"}'
        for sent_at, status in ((now, 204), (now, 204), (now - 3600, 401)):
            signature = sign(KEY, ident, sent_at, body)
            headers = {"webhook-id": ident, "webhook-timestamp": str(sent_at), "webhook-signature": signature}
            answer = fetch.post(f"http://127.0.0.1:{port}/", content=body, headers=headers)
            assert answer.status_code == (401 if other_key else status)
        assert output.read_text().count("made.up") == (0 if other_key else 1)
    finally:
        receiver.terminate()
        receiver.wait(10)
