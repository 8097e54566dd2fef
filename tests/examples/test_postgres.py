"""The example `postgres.md`, played to its end on two real databases: three predictions hold, and one rightly fails."""

import shutil
from pathlib import Path

import psycopg
import pytest

from demo.showfile.show import open_show
from tests.support.example_shows import copy_example
from tests.support.played_shows import PlayedShow, playing
from tests.support.postgres import lacking_binaries
from tests.support.recording_checks import check_reported_and_replayed

pytestmark = pytest.mark.system

FREEZE, RESTART, FAILOVER, SYNCHRONOUS = 2, 3, 4, 6


def card(show: PlayedShow) -> dict[str, float]:
    """The numbers on the card of the load; empty until it has one."""
    nodes = (show.server.state()["health"] or {}).get("nodes", [])
    found: dict[str, float] = next((node["metrics"] for node in nodes if node["id"] == "orders"), {})
    return found


def test_a_restart_loses_nothing_a_failover_does_and_a_synchronous_one_does_not(
    tmp_path: Path, state_home: Path
) -> None:
    if lacking := [*lacking_binaries(), *(["psql"] if shutil.which("psql") is None else [])]:
        pytest.skip(f"NOT TRIED: {', '.join(lacking)} not found")
    deck = copy_example("postgres", tmp_path)
    with playing(deck, state_home=state_home) as show:
        show.play_to_the_end()
        verdicts = {number: show.until_judged(number) for number in (FREEZE, RESTART, FAILOVER, SYNCHRONOUS)}
        assert {number: verdict.held for number, verdict in verdicts.items()} == {
            FREEZE: True,
            RESTART: True,
            FAILOVER: False,
            SYNCHRONOUS: True,
        }, verdicts
        assert "book.lost = 0" in verdicts[RESTART].text
        assert "not 0" in verdicts[FAILOVER].text
        assert "0 lost" in verdicts[SYNCHRONOUS].text
        assert card(show)["confirmed"] > 0
        show.server.kill_with_watchdog()
    # The databases have outlived the server; the next one goes on with them, and drops what the killed one has written.
    with playing(deck, state_home=state_home) as show:
        show.server.until(lambda _: card(show).get("lost") == 0, 60)
        assert show.server.state()["complete"]
        assert len(books(deck)) == 1
        assert show.server.stop() == 0
    check_reported_and_replayed(state_home)


def books(deck: Path) -> list[str]:
    """The tables of books that the databases have."""
    with psycopg.connect(open_show(deck).settings.load["orders"].postgres or "") as connection:
        found = connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'demo_book%'")
        return [str(name) for (name,) in found]
