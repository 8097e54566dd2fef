"""A real Prometheus of the test's own that scrapes one of our servers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from demo.processes.ports import free_ports
from tests.support import fetch
from tests.support.servers import Server, wait_for

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: show
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def require_prometheus() -> None:
    """Absent: skipped on a user's machine, a failure in CI."""
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        if os.environ.get("CI"):
            pytest.fail("prometheus and promtool are not installed")
        pytest.skip("NOT TRIED: prometheus and promtool are not installed")


@contextmanager
def scraping(server: Server, place: Path) -> Iterator[str]:
    """The URL of a Prometheus that keeps exemplars, too."""
    require_prometheus()
    (place / "prometheus.yml").write_text(CONFIG.format(port=server.port))
    port = free_ports(1)[0]
    command = ["prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
    more = ["--enable-feature=exemplar-storage", f"--web.listen-address=127.0.0.1:{port}"]
    with (place / "prometheus.log").open("w") as log:
        process = subprocess.Popen([*command, *more], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _is_ready(url), 30, (place / "prometheus.log").read_text)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _is_ready(url: str) -> bool:
    try:
        return fetch.get(f"{url}/-/ready").status_code == 200
    except httpx.TransportError:
        return False
