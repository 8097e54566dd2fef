"""Events of a show file on a real server: in its log, in `/state` and `/events`, as marks, and after an edit."""

from pathlib import Path
from typing import Any

from tests.support.servers import Server, Stream, serving

SECRET = "EVENTS_TOKEN"
DECK = """\
---
title: Told by a log
secrets:
  token: {{env: {secret}}}
processes:
  teller:
    run: [sh, -c, 'echo "node-7 leads with $TOKEN"; exec tail -f -n +1 {lines}']
    env: {{TOKEN: "${{token}}"}}
events:
  leader:
    process: teller
    match: '/(?<who>node-\\d+) leads(?<rest>.*)/'
    text: '${{who}} is leader${{rest}}'
---

# One

Text.
"""


def events_of(state: dict[str, Any]) -> list[str]:
    return [line["text"] for line in state["log"] if line["level"] == "event"]


def say(lines: Path, text: str) -> None:
    with lines.open("a") as file:
        print(text, file=file)


def edit(server: Server, path: Path, before: str, after: str) -> None:
    edits = sum("was edited" in line["text"] for line in server.state()["log"])
    path.write_text(path.read_text().replace(before, after))
    server.until(lambda state: sum("was edited" in line["text"] for line in state["log"]) > edits, 20)


def test_a_line_of_a_log_is_told_to_everyone_and_an_edit_and_a_new_server_tell_none_again(
    tmp_path: Path, state_home: Path
) -> None:
    lines = tmp_path / "lines"
    lines.touch()
    path = tmp_path / "told.md"
    path.write_text(DECK.format(secret=SECRET, lines=lines))
    options: dict[str, Any] = {"state_home": state_home, "env": {SECRET: "hunter22"}}
    with serving(str(path), "-x", **options) as server:
        first = server.until(lambda state: events_of(state) != [], 30)
        assert events_of(first) == ["node-7 is leader with •••"]
        (line,) = [line for line in first["log"] if line["level"] == "event"]
        assert line["who"] == "events"
        say(lines, "node-8 leads")
        server.until(lambda state: events_of(state)[1:] == ["node-8 is leader"], 30)
        edit(server, path, "is leader", "was chosen")
        say(lines, "node-9 leads")
        server.until(lambda state: events_of(state)[2:] == ["node-9 was chosen"], 30)
        with Stream(server, "/events", {"Last-Event-ID": f"{first['epoch']}-0"}) as stream:
            told = ""
            while "MarkNoted" not in told:
                told = stream.next()["data"]
            assert "node-7 is leader with" in told
            assert "hunter22" not in told
        server.kill()
    with serving(str(path), "-x", **options) as again:
        again.until(lambda state: any("this show goes on with them" in line["text"] for line in state["log"]), 30)
        say(lines, "node-5 leads")
        found = again.until(lambda state: events_of(state)[3:] != [], 30)
        assert events_of(found)[3:] == ["node-5 was chosen"]
