"""The log beside a journal: tracebacks once, for its owner only, without secrets; and whose error it says it is."""

import logging
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.errors import FaultError, log_unexpected
from demo.journal import show_log
from demo.journal.show_log import buffer_log_records, current_log, start_log_file, without_secrets
from tests.support.servers import serving, wait_for

OWN = """
from demo.subjects.none import NoSystem
from demo.types import Chapter

def darken():
    nodes = {}
    return nodes["nodes"]

class Own(NoSystem):
    name = title = "own"
    def chapters(self, stage):
        return [Chapter("one", "a"), Chapter("two", "b", on_enter=darken)]

class Broken(NoSystem):
    def __init__(self):
        raise KeyError("bulb")
"""


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """The loggers as they were, afterwards."""
    root = logging.getLogger("demo")
    before, level, propagate = root.handlers[:], root.level, root.propagate
    yield logging.getLogger("demo.test")
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:], root.propagate = before, propagate
    root.setLevel(level)


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_what_was_logged_before_the_file_was_known_is_in_it_and_each_exception_once(
    logger: logging.Logger, tmp_path: Path
) -> None:
    buffer_log_records()
    error = raised(KeyError("early"))
    log_unexpected(logger, "the start", error)
    assert current_log() is None
    path = start_log_file(tmp_path / "show.journal")
    log_unexpected(logger, "a second layer", error)
    log_unexpected(logger, "healing store-1", raised(FaultError("it does not answer")))
    assert current_log() == path
    text = path.read_text()
    assert text.count("Traceback (most recent call last)") == 1
    assert "the start: KeyError: 'early'" in text
    assert "a second layer" not in text
    assert "WARNING demo.test: healing store-1: it does not answer" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_long_log_is_cut_and_one_old_part_is_kept(
    logger: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show_log, "MAX_LOG_BYTES", 4000)
    buffer_log_records()
    path = start_log_file(tmp_path / "show.journal")
    for number in range(200):
        logger.error("line %d", number)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["show.journal.log", "show.journal.log.1"]
    assert all(file.stat().st_size <= 4100 for file in tmp_path.iterdir())
    assert path.read_text().endswith("line 199\n")
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "redis://:{secret}@127.0.0.1:6379 refused",
        "Authorization: Bearer {secret}",
        "{{'cookie': 'session={secret}; other=1'}}",
        "no such session: {secret}",
    ],
)
def test_no_secret_gets_into_it(text: str) -> None:
    secret = secrets.token_urlsafe(32)
    masked = without_secrets(text.format(secret=secret))
    assert secret not in masked
    assert "(masked)" in masked


def test_names_and_places_stay_readable() -> None:
    text = (
        'File "/srv/show/deck_of_the_conference_2026.py", line 8, in a_function_with_quite_a_long_name\nValueError: 12'
    )
    assert without_secrets(text) == text


def test_a_decks_error_names_its_place_and_leaves_its_traceback_in_the_log(tmp_path: Path, state_home: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    with serving("own:Own", cwd=tmp_path, state_home=state_home) as server:
        server.client.post("/advance")
        state = server.until(lambda now: now["chapter"]["status"] == "failed")
        assert state["chapter"]["error"] == "own.py:7 in darken: KeyError: 'nodes'"
        log = wait_for(lambda: next(state_home.rglob("*.log"), None))
        text = wait_for(log.read_text)
        assert text.count("Traceback") == 1
        assert 'own.py", line 7, in darken' in text
        server.until(lambda now: any(str(log) in line["text"] for line in now["log"]))


@pytest.mark.parametrize(("flags", "has_traceback"), [((), False), (("--debug",), True)])
def test_a_subjects_error_is_never_called_a_bug_of_the_program(
    tmp_path: Path, flags: tuple[str, ...], has_traceback: bool
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    command = [sys.executable, "-m", "demo", "serve", "own:Broken", "--no-open", "--port", "0", *flags]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "own.py:16 in __init__: KeyError: 'bulb'" in done.stderr
    assert "because of a bug in it" not in done.stderr
    assert ("Traceback" in done.stderr) == has_traceback


def test_an_unknown_level_is_refused() -> None:
    command = [sys.executable, "-m", "demo", "run", "none", "--log-level", "loud"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "demo: --log-level must be one of debug, info, warning, error, not 'loud'\n",
    )
