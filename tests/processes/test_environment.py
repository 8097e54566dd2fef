"""What we start inherits our environment, minus what leads it astray; doctor says what is left."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from demo.compose import client_config
from demo.compose.command import Compose, find_compose
from demo.doctor.machine import installed_locale, proxies
from demo.errors import SubjectError
from demo.processes.child import Child, build_child_command
from demo.processes.environment import asks_proxy_for_loopback, for_compose, for_server, past_proxies, without_proxies
from demo.processes.ports import free_ports
from demo.subjects.ratelimiter import redis_server
from demo.subjects.ratelimiter.redis_server import find_server, redis_child
from tests.support.containers import docker
from tests.support.etcd_cluster import FILE, image, project
from tests.support.ratelimiter_system import PASSWORD, until

PROXY = "http://10.255.0.1:3128"
PICKY = """#!{python}
import locale, os, sys
try:
    locale.setlocale(locale.LC_COLLATE, "")
except locale.Error:
    sys.exit("Failed to configure LOCALE for invalid locale name.")
os.execv({redis!r}, ["redis-server", *sys.argv[1:]])
"""
"""As Redis from 7.2 on, and Valkey: it ends at once where the locale that is asked for is not installed."""


def test_proxies_are_kept_from_our_processes_and_other_variables_are_not() -> None:
    given = {"http_proxy": PROXY, "HTTPS_PROXY": PROXY, "all_proxy": PROXY, "PATH": "/bin", "LANG": "de_DE.UTF-8"}
    assert without_proxies(given) == {"PATH": "/bin", "LANG": "de_DE.UTF-8"}
    assert for_server(given) == {"PATH": "/bin", "LC_ALL": "C"}
    assert for_compose({**given, "COMPOSE_FILE": "theirs.yaml"}) == given


def test_a_program_that_loads_through_a_proxy_is_led_past_it_on_loopback() -> None:
    led = past_proxies({"https_proxy": PROXY, "no_proxy": "example.org, 127.0.0.1", "NO_PROXY": "example.org"})
    assert led["https_proxy"] == PROXY
    assert led["no_proxy"] == led["NO_PROXY"] == "example.org,127.0.0.1,localhost,::1"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, ""),
        ({"HTTP_PROXY": PROXY}, ""),
        ({"http_proxy": PROXY}, "http_proxy"),
        ({"ALL_PROXY": PROXY, "no_proxy": "localhost"}, "ALL_PROXY"),
        ({"http_proxy": PROXY, "no_proxy": "localhost, 127.0.0.1"}, ""),
        ({"http_proxy": PROXY, "NO_PROXY": "*"}, ""),
    ],
)
def test_doctor_warns_of_a_proxy_that_tools_would_ask_for_this_machine(
    given: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asks_proxy_for_loopback(given) == name
    for known in ("http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(known, raising=False)
    for known, value in given.items():
        monkeypatch.setenv(known, value)
    finding = proxies()
    assert finding.verdict == ("maybe" if name else "ok")
    assert name in finding.found


def test_doctor_warns_of_a_locale_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    assert installed_locale().verdict == "maybe"
    assert "xx_YY.UTF-8" in installed_locale().found
    monkeypatch.setenv("LC_ALL", "C")
    assert installed_locale().verdict == "ok"


@pytest.mark.anyio
@pytest.mark.system
async def test_our_redis_starts_whatever_locale_the_shell_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picky = tmp_path / "redis-server"
    picky.write_text(PICKY.format(python=sys.executable, redis=find_server()))
    picky.chmod(0o755)
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    monkeypatch.setenv("LANG", "xx_YY.UTF-8")
    assert find_server([str(picky)]) == str(picky)
    child = redis_child(str(picky), free_ports(1)[0], PASSWORD)
    await child.start()
    try:
        await until(lambda: "Ready to accept" in child.tail or not child.is_alive)
        assert child.is_alive, child.tail
    finally:
        await child.stop()


@pytest.mark.anyio
@pytest.mark.system
async def test_a_process_of_ours_never_sees_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", PROXY)
    monkeypatch.setenv("GRPC_PROXY", PROXY)
    child = Child("env", build_child_command(shutil.which("env") or "/usr/bin/env"))
    await child.start()
    await child.wait()
    assert "PATH=" in child.tail
    assert PROXY not in child.tail


@pytest.mark.anyio
@pytest.mark.system
async def test_a_docker_client_s_proxy_does_not_reach_the_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"proxies": {"default": {"httpProxy": PROXY, "httpsProxy": PROXY}}, "auths": {"a": {"auth": "secret"}}}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with project() as mine:
        ports = {f"DEMO_PORT_{place}": str(mine.first_port + place) for place in range(3)}
        await Compose(mine.name, FILE, {"DEMO_ETCD_IMAGE": image(), **ports}).up()
        said = docker("inspect", "--format", "{{json .Config.Env}}", mine.container("etcd-0"))
    assert PROXY not in said
    assert "ETCD_NAME=etcd-0" in said


def test_the_client_s_settings_are_whole_but_for_proxies_and_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cli-plugins").mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with client_config.without_proxies() as added:
        assert added == {}
    settings = {"proxies": {"default": {}}, "auths": {"a": {"auth": "secret"}}, "currentContext": "mine"}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with client_config.without_proxies() as added:
        folder = Path(added["DOCKER_CONFIG"])
        assert json.loads((folder / "config.json").read_text()) == {"currentContext": "mine"}
        assert (folder / "cli-plugins").resolve() == (tmp_path / "cli-plugins").resolve()
    assert not folder.exists()


def hanging(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexec /bin/sleep 3600\n")
        (folder / name).chmod(0o755)


@pytest.mark.anyio
async def test_a_program_that_does_not_tell_its_version_in_time_did_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging(tmp_path, "docker", "docker-compose", "redis-server")
    monkeypatch.setattr(redis_server, "VERSION_SEC", 0.2)
    monkeypatch.setattr("demo.compose.command.VERSION_SEC", 0.2)
    with pytest.raises(SubjectError, match=r"\(which did not answer within 0.2 s\). Try again: check"):
        await asyncio.to_thread(find_server, [str(tmp_path / "redis-server")])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SubjectError, match=r"`docker-compose version` did not answer within 0.2 s") as caught:
        await find_compose()
    assert "apt-get" not in str(caught.value)
    assert os.environ["PATH"] == str(tmp_path)
