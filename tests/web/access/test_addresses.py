"""A container that was cut off its network comes back under its old address, where the engine gives it."""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.compose.packages import COMPOSE, _install_command, installs_engine
from demo.container_engine import Engine
from demo.errors import UsageError
from demo.faults.container_restore import ContainerState, restore_container
from demo.subjects.etcd.subject import Etcd
from demo.types import Plan
from tests.support.container_faults import engine_at
from tests.support.containers import BUSYBOX, ContainerGroup
from tests.support.servers import wait_for

pytestmark = [pytest.mark.anyio, pytest.mark.system]

PODMAN_SEC = 60.0


async def cut_off_and_back(engine: Engine, name: str, meanwhile: Callable[[], object] = lambda: None) -> ContainerState:
    """As it was before; it is back on all its networks when this returns."""
    container = next(one for one in await engine.containers() if one.name == name)
    before = ContainerState.of(container, await engine.identity())
    for network in before.networks:
        await engine.disconnect(network, before.id)
    await asyncio.to_thread(meanwhile)
    await restore_container(engine, before, await engine.inspect(before.id) or container)
    return before


async def addresses_of(engine: Engine, before: ContainerState) -> dict[str, str]:
    now = await engine.inspect(before.id)
    assert now is not None
    assert before.is_back(now)
    return dict(now.addresses)


async def test_it_has_its_old_address_though_a_lower_one_is_free(containers: ContainerGroup) -> None:
    network = containers.network("net", "--subnet", "10.213.7.0/24")
    containers.run("first", "--network", network)
    containers.run("second", "--network", network)
    async with engine_at() as engine:
        # The first's address is the next that docker would give.
        await cut_off(engine, containers.name("first"), network)
        before = await cut_off_and_back(engine, containers.name("second"))
        assert await addresses_of(engine, before) == before.addresses


async def cut_off(engine: Engine, name: str, network: str) -> None:
    await engine.disconnect(network, next(one.id for one in await engine.containers() if one.name == name))


@pytest.mark.parametrize("options", [(), ("--subnet", "10.213.8.0/24")])
async def test_it_comes_back_under_another_address_where_the_old_one_is_not_to_be_had(
    containers: ContainerGroup, options: tuple[str, ...]
) -> None:
    """Docker gives none in a network whose subnet it chose itself; and somebody may have taken it."""
    network = containers.network("net", *options)
    containers.run("first", "--network", network)
    async with engine_at() as engine:
        before = await cut_off_and_back(
            engine, containers.name("first"), lambda: containers.run("other", "--network", network)
        )
        assert set(await addresses_of(engine, before)) == {network}


def test_an_undo_of_an_earlier_version_is_read() -> None:
    old = {"engine": "e", "id": "i", "name": "n", "started_at": "", "networks": {}, "settings": {}}
    assert ContainerState.planned(Plan("network_disconnect", "n", old, "", 0.0)).addresses == {}


@contextmanager
def podman(folder: Path) -> Iterator[str]:
    """A service of podman's own in that folder, and a container `box` on a network; the service's URL."""
    found = shutil.which("podman")
    if found is None:
        pytest.skip("NOT TRIED on podman: there is none")
    url = f"unix://{folder}/podman.sock"
    places = ["--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
    own = [found, *places, "--cgroup-manager", "cgroupfs", "--events-backend", "file"]

    def tell(*words: str) -> str:
        return subprocess.run([*own, *words], capture_output=True, text=True, timeout=PODMAN_SEC, check=True).stdout

    service = subprocess.Popen([*own, "system", "service", "-t", "0", url], stderr=subprocess.DEVNULL)
    try:
        (folder / "files/bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, folder / "files/bin/sleep")
        packed = shutil.make_archive(str(folder / "files"), "tar", folder / "files")
        tell("import", packed, "box:1")
        tell("network", "create", f"box-{service.pid}")
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        tell("run", "-d", "--name", "box", "--network", f"box-{service.pid}", *limits, "box:1", "/bin/sleep", "600")
        wait_for((folder / "podman.sock").exists, PODMAN_SEC)
        yield url
    except subprocess.CalledProcessError as error:
        pytest.skip(f"NOT TRIED on podman: {error.stderr.strip()[-200:]}")
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            tell("rm", "--force", "--time", "0", "--all")
            tell("network", "rm", f"box-{service.pid}")
        service.terminate()
        service.wait()


async def test_on_podman_it_has_its_old_address_and_peers_that_know_it_find_it() -> None:
    # Podman takes no long path for its files.
    with tempfile.TemporaryDirectory(prefix="box-") as folder, podman(Path(folder)) as url:
        async with engine_at(url, answer_sec=PODMAN_SEC) as engine:
            before = await cut_off_and_back(engine, "box")
            assert await addresses_of(engine, before) == before.addresses
            assert list(before.addresses.values()) != [""]


@pytest.mark.parametrize("name", ["My Project", "UPPER", "-x", "", "a/b", "ä"])
@pytest.mark.parametrize("option", ["project", "attach"])
def test_a_name_that_no_compose_project_can_have_is_refused(name: str, option: str) -> None:
    if (option, name) == ("attach", ""):
        return
    with pytest.raises(UsageError, match="is not a valid compose project name: use a-z, 0-9, '_' and '-'"):
        Etcd(**{option: name})  # type: ignore[arg-type]


def test_the_package_is_one_that_this_distribution_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == "apt-get" else None)
    assert _install_command(COMPOSE, 2, lambda name: name == "docker-compose") == "sudo apt-get install docker-compose"
    assert _install_command(COMPOSE, 2, lambda name: True) == "sudo apt-get install docker-compose-v2"
    assert _install_command(COMPOSE, 2, lambda name: False).startswith("see docs.docker.com")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "rocky", "ID_LIKE": "rhel fedora"})
    assert installs_engine() == "sudo dnf install podman"
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "nixos"})
    assert installs_engine().startswith("see docs.docker.com")
