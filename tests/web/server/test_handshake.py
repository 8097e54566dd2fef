"""Guests who never finish a TLS handshake: they are shown out within seconds."""

import socket
import subprocess
from pathlib import Path

from tests.support import fetch
from tests.support.servers import script, serving, wait_for

FEW = """
import sys
from demo.cli.main import app
app(["serve", "none", "--no-open", "--port", "0", "--tls-cert", sys.argv[1], "--tls-key", sys.argv[2]])
"""


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_handshakes_that_never_end_are_ended(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*make, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    with serving(program=[*script(tmp_path / "few.py", FEW), str(cert), str(key)]) as server:
        assert server.client.get("/state").status_code == 200
        before = open_files(server.process.pid)
        silent = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(40)]
        wait_for(lambda: open_files(server.process.pid) > before)
        wait_for(lambda: open_files(server.process.pid) <= before + 2, 30)
        with fetch.client(base_url=server.url, verify=False, timeout=10) as new:
            assert new.post("/halt").status_code == 200
        for one in silent:
            one.close()
        assert server.stop() == 0
        assert "Traceback" not in server.output
