"""Loading an image: from a registry of the test's own on loopback, with its progress, and what goes wrong with it."""

import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from demo.compose.image_pull import pull
from demo.container_engine import Engine
from demo.errors import EngineError
from demo.processes.ports import free_ports
from tests.support import fetch
from tests.support.containers import container_group, docker
from tests.support.servers import wait_for

pytestmark = pytest.mark.anyio


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Its `host:port`."""
    with container_group():  # skips, or fails, where there is no engine
        pass
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("NOT TRIED: loading an image, for there is no docker-registry to load it from")
    (port,) = free_ports(1)
    settings = tmp_path / "registry.yml"
    settings.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/images}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\nlog: {{level: error}}\n"
    )
    process = subprocess.Popen([program, "serve", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(port) or None, 20)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def unheard_of() -> bytes:
    """A layer that no engine has yet: it would not load it again."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        file = tarfile.TarInfo("noise")
        file.size = 1_000_000
        tar.addfile(file, io.BytesIO(os.urandom(file.size)))
    return packed.getvalue()


def answers(port: int) -> bool:
    try:
        return fetch.get(f"http://127.0.0.1:{port}/v2/").status_code == 200
    except httpx.HTTPError:
        return False


async def test_an_image_is_loaded_once_and_its_size_is_told(registry: str) -> None:
    name = f"{registry}/chaos-stage-test:1"
    docker("import", "-", name, given=unheard_of())
    docker("push", "--quiet", name)
    docker("rmi", name)
    engine, said = Engine(), list[str]()
    try:
        assert not await engine.has_image(name)
        seen = [done async for done in engine.pull(name)]
        assert seen[-1][0] == seen[-1][1] > 100_000
        assert await engine.has_image(name)
        await pull(engine, [name], said.append)
        assert said == []
    finally:
        await engine.close()
        docker("rmi", "--force", name)


async def test_what_cannot_be_loaded_is_one_sentence_that_names_it(registry: str) -> None:
    engine = Engine()
    name = f"{registry}/no-such:1"
    try:
        with pytest.raises(EngineError, match="no-such:1") as caught:
            await pull(engine, [name], lambda text: None)
        assert "\n" not in str(caught.value)
        with pytest.raises(EngineError, match=re.escape("127.0.0.1:1/none")):
            await pull(engine, ["127.0.0.1:1/none:1"], lambda text: None)
    finally:
        await engine.close()
