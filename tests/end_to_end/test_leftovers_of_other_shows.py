"""What a show of another deck has left broken: any next start undoes it, and says so."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from tests.support.servers import serving

SECRET = "OTHER_SHOW_TOKEN"
DECK = """\
---
title: {title}
{more}probes:
  whole: {{run: [test, "!", -e, {title}-broken], interval: 100ms}}
faults:
  break-it:
    run: [touch, {title}-broken]
    undo: [rm, -f, {title}-broken]
    healed: {healed}
    duration: 90s
---

# One

Text.
"""
GUARD = f"secrets:\n  token: {{env: {SECRET}}}\n"


def deck(folder: Path, title: str, more: str = "", healed: str = "whole is up") -> Path:
    path = folder / f"{title}.md"
    path.write_text(DECK.format(title=title, more=more, healed=healed))
    return path


def texts(state: dict[str, Any]) -> list[str]:
    return [line["text"] for line in state["log"]]


def break_all_and_kill(paths: Sequence[Path], state_home: Path, env: dict[str, str]) -> None:
    """At the same time: a show that starts later would heal what those before it have left."""
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(str(path), "-x", state_home=state_home, env=env)) for path in paths]
        for server in servers:
            assert server.client.post("/chaos/break-it").status_code == 202
        for server in servers:
            server.until(lambda state: state["chaos"][0]["state"] == "active", 30)
        for server in servers:
            server.kill_with_watchdog()
    for path in paths:
        assert path.with_name(f"{path.stem}-broken").exists()


def journal_of(state_home: Path, title: str) -> Path:
    (found,) = (state_home / "chaos-stage" / "shows").glob(f"{title}-*.journal")
    return found


def pending_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("SELECT fault FROM undos WHERE state NOT IN ('healed', 'moved')")]


def test_a_start_heals_what_a_show_of_another_deck_has_left_and_says_what_it_cannot_heal(
    tmp_path: Path, state_home: Path
) -> None:
    first = deck(tmp_path, "first")
    guarded = deck(tmp_path, "guarded", GUARD, "guard is up")
    text = guarded.read_text().replace("faults:", "  guard: {http: 'http://127.0.0.1:1/${token}'}\nfaults:")
    guarded.write_text(text)
    break_all_and_kill([first, guarded], state_home, {SECRET: "hunter22"})
    (state_home / "chaos-stage" / "shows" / "spoilt-20260101-000000.journal").write_bytes(b"SQLite format 3\x00" * 20)
    with serving("none", state_home=state_home) as server:
        found = server.until(lambda state: sum("left by the show" in text for text in texts(state)) == 2, 60)
        said = texts(found)
        assert any(
            text.startswith("break-it, left by the show first-") and text.endswith("was healed") for text in said
        )
        assert not (tmp_path / "first-broken").exists()
        assert pending_in(journal_of(state_home, "first")) == []
        why = next(text for text in said if "left by the show guarded-" in text)
        assert f"could not be healed: not healed: set {SECRET}" in why
        assert "By hand: rm -f guarded-broken" in why
        assert f"To try again: cd {Path.cwd()} && demo serve {guarded} -x" in why
        assert "hunter22" not in json.dumps(found)
        spoilt = next(text for text in said if "spoilt-20260101-000000" in text)
        assert "demo shows --remove spoilt-20260101-000000 --force" in spoilt
        assert server.client.post("/advance").status_code == 200
