"""What makes a show file a program, and what is said of it before it runs."""

import pytest

from demo.showfile.show import Show
from demo.showfile.trust import list_planned_actions, masked, needs_trust, refusal
from tests.showfile.checked_shows import FAULT, LOAD, PROBES, load, show_text

PROXY = "proxies:\n  to-db: {listen: '127.0.0.1:15432', to: '127.0.0.1:5432'}\n"


def show_of(front: str, settings: str = "") -> Show:
    show, problems = load(show_text(front, settings))
    assert show is not None, problems
    return show


@pytest.mark.parametrize(
    ("front", "settings"),
    [
        ("processes:\n  web: {run: [python3, -m, http.server]}\n", ""),
        ("probes:\n  x: {run: [x]}\n", ""),
        ("system: {attach: shop}\nprobes:\n  x: {exec: {service: db, command: [x]}}\n", ""),
        ("system: {compose: compose.yaml}\n", ""),
        (PROBES + FAULT, ""),
        (LOAD, ""),
        ("panels:\n  p: {run: [x]}\n", ""),
        ("faults:\n  x: {json: {url: 'http://h/', path: $.a, value: 1}}\n", ""),
        (PROBES + "faults:\n  x: {http: {url: 'http://h/'}, undo: [y], healed: api is up}\n", ""),
        (PROBES + "faults:\n  x: {process: {port: 1, do: kill}, undo: [y], healed: api is up}\n", ""),
        (PROBES + "faults:\n  x: {container: {name: a, do: kill}, undo: [y], healed: api is up}\n", ""),
        ("subject: mine:Subject\n", ""),
        ("subject: etcd\noptions: {image: theirs}\n", ""),
        ("subject: tikv\noptions: {pd: ['h:1']}\n", ""),
        ("probes:\n  x: {http: 'http://h/', method: POST}\n", ""),
        ("probes:\n  x: {postgres: 'postgres://h/d', query: \"COPY t TO PROGRAM 'x'\", up: value == 1}\n", ""),
        ("secrets:\n  T: {env: AWS_KEY}\nprobes:\n  x: {http: 'http://h/', headers: {A: '${T}'}}\n", ""),
        ("", "on_enter: [{run: [x]}]\n"),
        ("", "on_enter: [{python: 'a.b:c'}]\n"),
        ("", "on_enter: [{http: {url: 'http://h/'}}]\n"),
        ("", "on_enter: [{exec: {container: a, command: [x]}}]\n"),
    ],
)
def test_what_needs_trust(front: str, settings: str) -> None:
    show = show_of(front, settings)
    assert needs_trust(show)
    assert refusal(show).startswith("show.md is a program: it would do this on your machine:\n  ")
    assert refusal(show).endswith("add -x (--allow-run)")


@pytest.mark.parametrize(
    "front",
    [
        "",
        PROBES,
        "subject: etcd\n",
        "subject: ratelimiter\noptions: {load: '2', fallback: open, base-port: '23000'}\n",
        "system: {attach: shop}\n",
        PROXY + "faults:\n  x: {tcp: {proxy: to-db, latency: 1s}}\n",
        "faults:\n  x: {container: {name: a, do: kill}}\n  y: {redis: {url: 'redis://h', do: pause}}\n",
    ],
)
def test_what_needs_none(front: str) -> None:
    assert needs_trust(show_of(front)) == ()
    assert refusal(show_of(front)) == ""


def test_a_deed_is_listed_once_and_a_password_never() -> None:
    show = show_of("probes:\n  db: {redis: 'redis://:geheim@h:1'}\n", "on_enter: [{run: [x]}, {run: [x]}]\n")
    listed = [str(action) for action in list_planned_actions(show)]
    assert listed == ["runs    x", "asks    probe db: redis redis://:…@h:1"]
    assert masked("postgres://u:p@h/db") == "postgres://u:…@h/db"
    assert masked("http://h/@x:y") == "http://h/@x:y"
