"""The docs are true: their examples run, and every route, option and code stands in them and exists."""

import asyncio
import dataclasses
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_origin

import jsonschema_rs
import pytest
import typer
from pydantic import BaseModel

from demo.cli.main import app
from demo.conductor import Conductor, ShowConfig
from demo.conductor.fault_runner import INJECT_TIMEOUT_SEC, PLAN_TIMEOUT_SEC
from demo.conductor.system_description import ASK_SEC, MAX_FACTS, MAX_NAME, MAX_VALUE
from demo.doctor.machine import checks
from demo.show.commands import MAX_DURATION_SEC, MIN_DURATION_SEC
from demo.show.health_sample import STATES, Counter, Metric, Node
from demo.subjects.registry import load
from demo.types import (
    ACTION_LIMIT_SEC,
    HEAL_SEC,
    LATE_SEC,
    STOP_SEC,
    ChaosType,
    Chapter,
    ChoosesTarget,
    DescribesSystem,
    HealthPollerProtocol,
    Stage,
    TellsLanding,
)
from demo.watchdog.undo import HEAL_TIMEOUT_SEC
from demo.web.app import Web
from demo.web.problems import STATUS
from demo.web.routes.response_models import NodeHealth, RelayedState, State
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.servers import Stream, serving, wait_for

ROOT = Path(__file__).parents[2]
DOCS = {path.name: path.read_text() for path in [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]}
"""By file name; README.md is the one at the root."""

EVERYTHING = "\n".join(DOCS.values())
PLAIN = re.sub(r"[`(|,]", " ", EVERYTHING)


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", DOCS["extending.md"], re.DOTALL)


def test_the_talk_in_the_docs_runs() -> None:
    run = [sys.executable, "-W", "error", "-c", examples()[0]]
    done = subprocess.run(run, input="next\nq\n", capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "Goodbye" in done.stdout
    assert done.stderr == ""


def test_the_lamp_in_the_docs_can_be_broken_and_heals(tmp_path: Path) -> None:
    (tmp_path / "lamp.py").write_text(examples()[1])
    with serving("lamp:Lamp", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        assert server.client.post("/chaos/off").status_code == 202
        state = server.until(lambda state: state["chaos"][0]["recovered_after_sec"] is not None)
        assert state["chaos"][0]["detected_after_sec"] < 3
        for _ in range(2):
            assert server.client.post("/advance").status_code == 200
        state = server.until(lambda state: state["chapter"]["status"] == "done")
        assert any(line["text"].startswith("Dark after") for line in state["log"])


@pytest.mark.anyio
async def test_every_route_is_documented_and_every_documented_one_exists() -> None:
    conductor = Conductor(ShowConfig("none", load("none").chapters))
    web = Web(conductor)
    await conductor.journal.close()
    paths = set(web.app.openapi()["paths"]) | {"/", "/presenter", "/remote", "/pair", "/openapi.json"}
    documented = set(re.findall(r"`(?:GET |POST )?(/[a-z/{}.-]*)`", DOCS["http.md"].split("| code |")[0]))
    assert documented == paths


def keys(value: object, place: str = "") -> set[str]:
    """Where each key stands, as in `log[].at`. What a node measures has names of its own."""
    if isinstance(value, list):
        return {found for item in value for found in keys(item, f"{place}[]")}
    if not isinstance(value, dict) or place == "health.nodes[].metrics":
        return set()
    named = {f"{place}.{key}".lstrip("."): item for key, item in value.items()}
    return set(named) | {found for name, item in named.items() for found in keys(item, name)}


def documented_state() -> set[str]:
    example = re.search(r"## The state\n.*?```json\n(.*?)```", DOCS["http.md"], re.DOTALL)
    assert example
    return keys(json.loads(example.group(1)))


@pytest.mark.system
def test_the_state_in_the_docs_has_every_key_that_is_sent_and_no_other() -> None:
    with serving("ratelimiter", *OPEN) as server:
        opened = OpenServer(server)
        wait_for(lambda: "health.counters[].spread_sec" in keys(opened.state()), 30)
        whole, watched = opened.state(), server.state()
        document = server.client.get("/openapi.json").json()
        schema = {"$ref": "#/components/schemas/State", "components": document["components"]}
    for state in (whole, watched):
        jsonschema_rs.validate(schema, state)
    presenters, audiences, documented = keys(whole), keys(watched), documented_state()
    assert documented <= presenters
    assert all(key.startswith("health.") for key in presenters - documented), "only the poller has keys of its own"
    assert audiences == documented - {"health.nodes[].address"}


def test_the_described_state_has_the_documented_keys() -> None:
    documented = documented_state()
    # The limiter puts nothing to the vote, and is no replay: the table below the example tells what those have.
    told = {key for key in described(State) if not key.startswith(("ballots[", "replay."))}
    assert told == {key for key in documented if not re.match(r"health\.(metrics|counters)\[", key)}
    assert described(RelayedState) - described(State) == {"live", "lost_since"}
    assert get_args(NodeHealth) == tuple(STATES)


def described(model: Any, place: str = "") -> set[str]:
    """Return, as `keys` does, what a model of an answer allows."""
    found: set[str] = set()
    for kind in (model, *get_args(model)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for key, field in kind.model_fields.items():
                inner = f"{place}{key}[]." if get_origin(field.annotation) is list else f"{place}{key}."
                found |= {f"{place}{key}"} | described(field.annotation, inner)
    return found


def test_each_key_of_the_state_is_explained() -> None:
    table = re.search(r"\n\| key \| is \|\n(.*?)\n\n", DOCS["http.md"], re.DOTALL)
    assert table
    for key in documented_state():
        top, *inner = re.findall(r"\w+", key)
        row = next(row for row in table.group(1).splitlines() if f"`{top}`" in row.split(" | ")[0])
        assert all(f"`{name}`" in row for name in inner), f"{key} is not explained"


def test_the_events_in_the_docs_come_from_the_beginning_in_the_shape_that_is_shown() -> None:
    example = re.search(r"id: .*\nevent: (\w+)\ndata: (.*)\n", DOCS["http.md"])
    assert example
    documented = json.loads(example.group(2))
    with serving("none") as server:
        said = documented["event"]["text"]
        assert server.client.post("/say", json={"text": said}).status_code == 200
        state = server.state()
        with Stream(server, "/events") as stream:
            first = stream.next()
        assert (first["event"], keys(json.loads(first["data"]))) == ("snapshot", keys(state))
        with Stream(server, "/events", {"Last-Event-ID": f"{state['epoch']}-0"}) as stream:
            entries = [stream.next() for _ in range(state["seq"])]
    assert {entry["event"] for entry in entries} == {example.group(1)}
    told = [json.loads(entry["data"]) for entry in entries]
    assert [entry["seq"] for entry in told] == list(range(1, state["seq"] + 1))
    assert keys(next(entry for entry in told if entry["event"].get("text") == said)) == keys(documented)


def test_every_refusal_code_is_documented_with_its_status() -> None:
    table = DOCS["http.md"].split("| code |")[1]
    found = {
        code: int(status)
        for codes, status in re.findall(r"^\| ((?:`\w+` ?)+)\| (\d+) \|", table, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", codes)
    }
    assert found == dict(STATUS)


def options() -> dict[str, set[str]]:
    """Each command of `demo` with its options as they are typed."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    found = {}
    for name, command in group.commands.items():
        typed = {text for parameter in command.params for text in (*parameter.opts, *parameter.secondary_opts)}
        found[name] = {text for text in typed if text.startswith("-")} | {"--help"}
    return found


def test_every_option_is_documented() -> None:
    missing = {text for known in options().values() for text in known if not re.search(rf"(?<!\S){text}\b", PLAIN)}
    assert missing - {"--open"} == set()


def test_every_documented_command_and_option_exists() -> None:
    known = options()
    commands = re.findall(r"(?:^|`|\| )demo ([a-z]+)((?: [^\n`|&#]+)?)", EVERYTHING, re.MULTILINE)
    assert len(commands) > 40
    for command, rest in commands:
        assert command in known, f"demo {command}"
        unknown = [text for text in re.findall(r"(?:^| )(--?[a-z][a-z-]*)", rest) if text not in known[command]]
        assert unknown == [], f"demo {command}{rest}"


def test_every_variable_of_the_environment_is_documented() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "demo").rglob("*") if path.suffix in (".py", ".yaml"))
    read = set(re.findall(r"""environ(?:\.get\(|\[)"([A-Z_]+)"|(?<!_)(DEMO_[A-Z_]+)""", source))
    names = {name.partition("DEMO_PORT_")[1] or name for pair in read for name in pair if name}
    assert len(names) > 12
    for name in names:
        assert f"`{name}`" in DOCS["settings.md"], f"{name} stands nowhere"
    for name in re.findall(r"`(DEMO_\w+)`", DOCS["settings.md"]):
        assert name in source


def test_what_a_chapter_has_and_a_stage_can_is_documented() -> None:
    for field in dataclasses.fields(Chapter):
        assert field.name in ("title", "narration") or re.search(
            rf"`{field.name}`|\b{field.name}=", DOCS["extending.md"]
        )
    can = re.search(r"A `Stage` can\s(.*?)\.\n", DOCS["extending.md"], re.DOTALL)
    assert can
    assert set(re.findall(r"`(\w+)`", can.group(1))) == {name for name in vars(Stage) if not name.startswith("_")}


def test_the_limits_of_a_show_of_ones_own_are_documented() -> None:
    limits = {"limit_sec": ACTION_LIMIT_SEC, "heal_sec": HEAL_SEC, "stop_sec": STOP_SEC, "late_sec": LATE_SEC}
    limits |= {"plan": PLAN_TIMEOUT_SEC, "inject": INJECT_TIMEOUT_SEC, "heal": HEAL_TIMEOUT_SEC}
    for name, limit in limits.items():
        sentences = re.split(r"\.\s", DOCS["extending.md"])
        assert any(f"`{name}" in sentence and re.search(rf"\b{limit:g} s", sentence) for sentence in sentences), name


def test_the_limits_of_one_injection_are_documented() -> None:
    assert f"lasts, {MIN_DURATION_SEC:g} to {MAX_DURATION_SEC:g}." in DOCS["http.md"]
    for protocol in (ChoosesTarget, TellsLanding):
        assert [name for name in vars(protocol) if name[0] != "_" and f"def {name}(" not in DOCS["extending.md"]] == []


def test_what_a_subject_may_tell_of_its_system_is_documented() -> None:
    limits = (f"{ASK_SEC:g} s", f"first {MAX_FACTS} names", f"each {MAX_NAME}", f"value {MAX_VALUE}")
    for told in ("`DescribesSystem`", "async def describe_system(", *limits):
        assert told in " ".join(DOCS["extending.md"].split()), told
    assert asyncio.iscoroutinefunction(DescribesSystem.describe_system)


def test_every_key_of_a_sample_is_documented_where_pollers_are() -> None:
    documented = str(inspect.getdoc(HealthPollerProtocol))
    kinds = (Node, Metric, Counter)
    agreed = {field.name for kind in kinds for field in dataclasses.fields(kind)} | {"victims", "has_issues"}
    assert [name for name in agreed if f"`{name}`" not in documented] == []


def test_what_the_doctor_looks_at_is_documented() -> None:
    for what in checks(8000):
        assert f"\n| {what.partition(' 8000')[0]} |" in DOCS["doctor.md"], what


def test_the_faults_of_the_rate_limiter_are_documented() -> None:
    for driver in load("ratelimiter").faults:
        assert f"`{driver.config.name}`" in DOCS["ratelimiter.md"]
        assert isinstance(driver.config.chaos_type, ChaosType)


@pytest.mark.parametrize(
    "name", ["setup", "demo", "test", "check", "figures", "crashes", "matrix", "bench", "soak", "etcd-image"]
)
def test_the_scripts_are_runnable(name: str) -> None:
    path = ROOT / "scripts" / name
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_the_messages_in_troubleshooting_are_those_of_the_program() -> None:
    files = [path for kind in ("*.py", "*.js", "*.html") for path in (ROOT / "demo").rglob(kind)]
    source = "\n".join(path.read_text() for path in [*files, ROOT / "scripts" / "setup"])
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    symptoms_only = DOCS["troubleshooting.md"].partition("| message or symptom |")[2]
    symptoms = [row.split(" | ")[0] for row in symptoms_only.splitlines() if row.startswith("| ")]
    quoted = [part.strip() for row in symptoms for text in re.findall(r"`([^`]+)`", row) for part in text.split("…")]
    quoted += [text for row in symptoms for text in re.findall(r'"([^"]+)"', row)]
    assert len(quoted) > 30
    assert [text for text in quoted if text not in source] == []


def test_every_page_of_the_docs_is_in_their_index() -> None:
    linked = set(re.findall(r"\]\(([^)#:]+\.md)", (ROOT / "docs" / "README.md").read_text()))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not page.startswith("decisions/")} - {"README.md"} <= linked


def anchors(path: Path) -> set[str]:
    """What a link may name behind `#`: the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_in_the_docs_lead_somewhere() -> None:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = re.sub(r"^(`{3,}).*?^\1$|`[^`\n]+`", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
            page = path.parent / target if target else path
            assert page.exists(), f"{path.name} links to {target}"
            assert not anchor or anchor in anchors(page), f"{path.name} links to {target}#{anchor}"


@pytest.mark.system
def test_the_readmes_curl_commands_do_what_they_say() -> None:
    block = re.search(r"## Script it\n\n```sh\n(.*?)```", DOCS["README.md"], re.DOTALL)
    assert block
    lines = [line.partition("  #")[0].strip() for line in block.group(1).splitlines()]
    assert len(lines) >= 7
    with serving("ratelimiter") as server:
        server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
        for line in lines:
            if "/events" in line:
                continue  # endless; tests/web/routes/test_contract.py reads it
            command = line.replace("curl ", "curl -s -w '\\n%{http_code}' ", 1).replace(":8000", f":{server.port}")
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
            code = int(done.stdout.rpartition("\n")[2])
            expected = 409 if "from=3" in line else 202 if "/chaos/" in line or line.endswith("/heal") else 200
            assert code == expected, line
        assert server.state()["said"] == "hello room"
