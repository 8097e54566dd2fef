"""An nginx of the test's own in front of our servers."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.servers import wait_for

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"

CONFIG = """
daemon off;
master_process off;
pid {place}/pid;
error_log {place}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  {upstream}
  server {{
    listen 127.0.0.1:{port};
    location {location} {{ {settings} }}
  }}
}}
"""


def require_nginx() -> None:
    """Absent: skipped on a user's machine, a failure in CI."""
    if not Path(NGINX).exists():
        if os.environ.get("CI"):
            pytest.fail("there is no nginx: the tests of proxies must run in CI")
        pytest.skip("NO NGINX FOUND: the tests of proxies did not run")


@contextmanager
def nginx(place: Path, port: int, settings: str, upstream: str = "", location: str = "/") -> Iterator[str]:
    """Ended by its process; yields its address. `settings`: of its one location."""
    config = place / "nginx.conf"
    config.write_text(CONFIG.format(place=place, port=port, settings=settings, upstream=upstream, location=location))
    process = subprocess.Popen([NGINX, "-p", str(place), "-c", str(config), "-e", str(place / "error.log")])
    try:
        wait_for(lambda: listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
