"""Options of subjects: read by the constructor's own types, told to the watchdog, refused with a sentence."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import typer.main

from demo.cli.main import app
from demo.errors import UsageError
from demo.subjects.options import FLAGS, dashed, fitted, read, split
from demo.subjects.ratelimiter.subject import RateLimiter
from demo.subjects.registry import load, options
from tests.support.servers import serving

BULB = """
from demo.subjects.none import NoSystem

class Bulb(NoSystem):
    def __init__(self, watt: int, colour="white", spare: tuple[str, ...] = ()):
        self.description = f"{watt} W, {colour}, {'+'.join(spare)} {type(spare).__name__}"
"""


class Typed:
    def __init__(
        self,
        count: int | None = None,
        share: float = 1.0,
        keep: bool = False,
        mode: Literal["a", "b"] = "a",
        names: Sequence[str] = (),
        ports: list[int] | None = None,
        place: Path | None = None,
    ) -> None:
        self.names, self.ports = names, ports


class Untyped:
    def __init__(self, attach, keep=False, load=1.0, **more):  # type: ignore[no-untyped-def]
        pass


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("count=7", {"count": 7}),
        ("share=0.5", {"share": 0.5}),
        ("keep=yes", {"keep": True}),
        ("keep=off", {"keep": False}),
        ("mode=b", {"mode": "b"}),
        ("names=x=y", {"names": ["x=y"]}),
        ("ports=80", {"ports": [80]}),
    ],
)
def test_a_value_is_read_by_the_type_of_its_parameter(typed: str, value: dict[str, Any]) -> None:
    found = read("typed", Typed, split([typed]))
    assert found == value
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("count=7.5", "typed: count must be a whole number, not '7.5'"),
        ("share=nan", "typed: share must be a number, not 'nan'"),
        ("share=inf", "typed: share must be a number"),
        ("keep=", "typed: keep must be true or false, not ''"),
        ("mode=c", "typed: mode must be one of a, b, not 'c'"),
        ("ports=http", "typed: ports must be a whole number, not 'http'"),
        ("place=/tmp", "typed: place cannot be given on the command line: its type is Path"),
        ("nothing=1", "does not take these options: nothing; it takes count, share, keep, mode, names, ports, place"),
        ("=1", "-o takes NAME=VALUE, not '=1'"),
    ],
)
def test_what_does_not_fit_is_one_sentence(typed: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        read("typed", Typed, split([typed]))
    assert says in str(refused.value)


def test_a_repeated_option_is_a_list_where_the_parameter_takes_many() -> None:
    given = split(["names=a", "names=b", "ports=1", "ports=2"])
    found = fitted("typed", Typed, json.loads(json.dumps(read("typed", Typed, given))))
    assert found == {"names": ("a", "b"), "ports": [1, 2]}
    with pytest.raises(UsageError, match="share is given more than once"):
        read("typed", Typed, split(["share=1", "share=2"]))


def test_a_class_without_types_is_read_by_its_defaults_and_may_take_anything() -> None:
    given = split(["attach=here", "keep=true", "load=2", "what-ever=3"])
    assert read("own", Untyped, given) == {"attach": "here", "keep": True, "load": 2.0, "what_ever": "3"}
    with pytest.raises(UsageError, match="'own' needs these options: attach"):
        fitted("own", Untyped, {"keep": True})


def test_the_rate_limiter_takes_its_three_and_names_dashed_or_not() -> None:
    chosen = options("ratelimiter", split(["fallback=closed", "load=0.5", "base-port=21000"]))
    subject = load("ratelimiter", **json.loads(json.dumps(chosen)))
    assert isinstance(subject, RateLimiter)
    assert subject.system.settings.fallback == "closed"
    assert subject.system.settings.load == 0.5
    assert sorted(subject.system.connection_info.ports.values()) == list(range(21_000, 21_006))


@pytest.mark.parametrize("name", ["serve", "run"])
def test_serve_and_run_take_the_same_flags(name: str) -> None:
    command = typer.main.get_command(app)
    found = {option for given in command.commands[name].params for option in given.opts}  # type: ignore[attr-defined]
    assert {"-o", "--option", *(f"--{dashed(flag.name)}" for flag in FLAGS)} <= found


def test_ones_own_subject_gets_its_options_by_o(tmp_path: Path) -> None:
    (tmp_path / "bulb.py").write_text(BULB)
    given = ("-o", "watt=40", "-o", "spare=a", "--option", "spare=b")
    with serving("bulb:Bulb", *given, cwd=tmp_path) as server:
        assert "40 W, white, a+b tuple" in server.client.get("/").text
