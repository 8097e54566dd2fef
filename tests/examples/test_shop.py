"""The example `shop.md`, played to its end: what is slow, random, gone or silent, and five ways to call it."""

import ast
from pathlib import Path

import pytest

from tests.support.example_shows import EXAMPLES, copy_example, playing_example
from tests.support.recording_checks import check_reported_and_replayed

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
"""Played on a machine that is busy with other tests, too."""

SLOW, OVER, LESS_TRAFFIC, RANDOM, GONE, SILENT = 3, 4, 5, 6, 7, 8


def test_a_timeout_does_not_help_retries_keep_a_fault_alive_and_less_traffic_ends_it(
    tmp_path: Path, state_home: Path
) -> None:
    with playing_example(copy_example("shop", tmp_path), state_home, until_healed=True) as example:
        assert example.play_to_the_end() == {
            SLOW: False,
            OVER: False,
            LESS_TRAFFIC: True,
            RANDOM: True,
            GONE: True,
            SILENT: True,
        }
        assert example.show.server.stop() == 0
    check_reported_and_replayed(state_home)


def test_its_programs_are_short_and_need_nothing_but_python() -> None:
    for path in (EXAMPLES / "shop").glob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 60, path.name
        imported = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
        assert not any(str(name).startswith(("aiohttp", "demo")) for name in imported)
