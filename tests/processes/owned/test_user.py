"""Processes that run as another user: only root can have them, and they end like all others."""

import os
import pwd
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.errors import SubjectError
from tests.support.owned_processes import identity_of, new_mark, processes_of, ref, spec, started
from tests.support.ratelimiter_system import until, until_async

NOBODY = "nobody"
ROOT_ALONE = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TRIED: only root can switch to another user")

pytestmark = [pytest.mark.anyio, pytest.mark.system]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may use; the test's own is its user's alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@ROOT_ALONE
async def test_it_runs_as_that_user_with_its_groups_and_variables_and_ends_with_a_killed_supervisor(
    folder: Path,
) -> None:
    mark, user = new_mark(), pwd.getpwnam(NOBODY)
    script = 'id -u; id -g; id -G; echo "$HOME"; pwd; exec sleep 600'
    async with started([spec("app", ["sh", "-c", script, mark], user=NOBODY, cwd=str(folder))]) as processes:

        async def has_printed() -> bool:
            return (await processes.output("app")).end >= 5

        await until_async(has_printed)
        groups = " ".join(map(str, os.getgrouplist(NOBODY, user.pw_gid)))
        expected = (str(user.pw_uid), str(user.pw_gid), groups, user.pw_dir, str(folder))
        assert (await processes.output("app")).lines == expected
        app = ref(processes, "app")
        # By the kernel alone, at once: the guard cannot do anything now.
        supervisor = identity_of(processes)
        os.kill(supervisor.guard, signal.SIGSTOP)
        os.kill(supervisor.pid, signal.SIGKILL)
        try:
            await until(lambda: app.has_terminated)
        finally:
            os.kill(supervisor.guard, signal.SIGCONT)


@ROOT_ALONE
async def test_a_user_that_may_not_use_the_folder_or_does_not_exist_is_told(folder: Path) -> None:
    os.chmod(folder, 0o700)  # noqa: PTH101 - as quick as it looks
    processes = processes_of([spec("app", user=NOBODY, cwd=str(folder))])
    try:
        with pytest.raises(SubjectError) as refused:
            await processes.start()
    finally:
        await processes.stop()
    assert str(refused.value) == (
        f"app could not be started: user nobody cannot use the folder {folder} (Permission denied): "
        "give it a folder that this user may use"
    )
    processes = processes_of([spec("app", user="no-such-user")])
    try:
        with pytest.raises(SubjectError, match="this machine has no user no-such-user"):
            await processes.start()
    finally:
        await processes.stop()


async def test_its_own_user_needs_no_switch() -> None:
    async with started([spec("app", user=pwd.getpwuid(os.geteuid()).pw_name)]) as processes:
        assert processes.state("app").alive


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT TRIED: root may switch to every user")
async def test_another_user_without_root_is_refused() -> None:
    processes = processes_of([spec("app", user="root")])
    try:
        with pytest.raises(SubjectError, match="only root can run it as user root"):
            await processes.start()
    finally:
        await processes.stop()
