"""Where the container engine is looked for: as the docker client does, and every way to be wrong is one sentence."""

import hashlib
import json
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from demo.container_engine.discovery import EngineEndpoint, endpoint_at, find, first_usable, sockets
from demo.errors import EngineError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def config(home: Path) -> Path:
    folder = home / ".docker"
    folder.mkdir()
    return folder


def write_context(config: Path, name: str, host: str, current: bool = False, skip: bool = False) -> Path:
    """As `docker context create` does; its folder for certificates."""
    ident = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / ident
    meta.mkdir(parents=True)
    told = {"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": skip}}}
    (meta / "meta.json").write_text(json.dumps(told))
    if current:
        (config / "config.json").write_text(json.dumps({"currentContext": name, "auths": {}}))
    return config / "contexts" / "tls" / ident / "docker"


def certificates(folder: Path) -> None:
    folder.mkdir(parents=True)
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    named = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    subprocess.run([*words.split(), *named, *files], check=True, capture_output=True)
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())


def test_docker_host_wins_over_any_context(config: Path) -> None:
    write_context(config, "far", "tcp://10.0.0.1:2375", current=True)
    asked = {"DOCKER_HOST": "unix:///here.sock", "DOCKER_CONTEXT": "far"}
    assert find(asked) == EngineEndpoint("unix:///here.sock", "unix:///here.sock")


def test_a_context_named_by_the_environment_wins_over_the_current_one(config: Path) -> None:
    write_context(config, "far", "tcp://10.0.0.1:2375", current=True)
    write_context(config, "near", "unix:///near.sock")
    assert find({"DOCKER_CONTEXT": "near"}) == EngineEndpoint("unix:///near.sock", "unix:///near.sock (context near)")
    assert find({}) == EngineEndpoint("http://10.0.0.1:2375", "tcp://10.0.0.1:2375 (context far)")


def test_the_settings_are_read_where_docker_config_says(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    write_context(elsewhere, "own", "unix:///own.sock", current=True)
    assert find({"DOCKER_CONFIG": str(elsewhere)}).url == "unix:///own.sock"


def test_the_context_called_default_means_none(config: Path) -> None:
    write_context(config, "far", "tcp://10.0.0.1:2375", current=True)
    try:
        said = find({"DOCKER_CONTEXT": "default"}).said
    except EngineError as error:
        said = str(error)
    assert "10.0.0.1" not in said
    assert "docker context" not in said, "it is none that could be missing"


def test_a_context_that_does_not_exist_is_named(config: Path) -> None:
    with pytest.raises(EngineError, match=r"^there is no docker context 'nope': choose .*docker context ls"):
        find({"DOCKER_CONTEXT": "nope"})
    (config / "config.json").write_text('{"currentContext": "gone"}')
    with pytest.raises(EngineError, match=r"^there is no docker context 'gone'"):
        find({})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"Endpoints": {}}', '{"Endpoints": {"docker": null}}', '"x"'])
def test_a_context_that_says_nothing_useful_is_named(config: Path, text: str) -> None:
    write_context(config, "odd", "unix:///x", current=True)
    next((config / "contexts" / "meta").iterdir()).joinpath("meta.json").write_text(text)
    with pytest.raises(EngineError, match=r"^the docker context 'odd' names no engine address"):
        find({})


@pytest.mark.parametrize("text", ["{", "[1]", "nonsense"])
def test_settings_that_are_not_dockers_are_named(config: Path, text: str) -> None:
    (config / "config.json").write_text(text)
    with pytest.raises(EngineError, match=r"config\.json are not valid JSON"):
        find({})


@pytest.mark.parametrize(
    "garbage",
    [
        *("garbage", "here.sock", "unix://", "unix://here", "tcp://", "tcp://a b", "tcp://h:0", "tcp://h:99999"),
        *("tcp://h:x", "tcp://u:p@h:1", "ftp://h", "://", "tcp://h:1/path", "npipe:////./pipe/docker_engine"),
        "tcp://h:1\nx",
    ],
)
def test_an_address_that_is_none_is_one_sentence(garbage: str) -> None:
    with pytest.raises(EngineError, match="not the address of a container engine; write") as raised:
        find({"DOCKER_HOST": garbage})
    assert "\n" not in str(raised.value)


def test_ssh_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(EngineError, match=r"ssh -L /tmp/engine.sock:/var/run/docker.sock me@far\) and set DOCKER_HOST"):
        find({"DOCKER_HOST": "ssh://me@far"})


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        ("tcp://far", "http://far:2375"),
        ("tcp://far:99/", "http://far:99"),
        ("tcp://[::1]:99", "http://[::1]:99"),
        ("http://far:80", "http://far:80"),
        ("https://far", "https://far:2376"),
    ],
)
def test_addresses_are_completed_as_the_client_does(asked: str, url: str) -> None:
    assert endpoint_at(asked, {}).url == url


def test_certificates_of_the_environment_are_used_for_tcp_only(tmp_path: Path) -> None:
    certificates(tmp_path / "certs")
    asked = {"DOCKER_HOST": "tcp://far", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path / "certs")}
    place = find(asked)
    assert place.url == "https://far:2376"
    assert place.tls is not None
    assert place.tls.verify_mode is ssl.CERT_REQUIRED
    assert find(asked | {"DOCKER_HOST": "unix:///x.sock"}).tls is None


def test_certificates_of_a_context_are_used(config: Path) -> None:
    certificates(write_context(config, "far", "tcp://far:1", current=True))
    certificates(write_context(config, "lax", "tcp://lax:1", skip=True))
    checked, unchecked = find({}).tls, find({"DOCKER_CONTEXT": "lax"}).tls
    assert checked is not None
    assert checked.verify_mode is ssl.CERT_REQUIRED
    assert unchecked is not None
    assert unchecked.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("broken", ["ca.pem", "cert.pem", "key.pem"])
def test_certificates_that_cannot_be_used_are_one_sentence(tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "certs"
    certificates(folder)
    (folder / broken).write_text("no certificate")
    with pytest.raises(EngineError, match=r"^the certificates of DOCKER_CERT_PATH in .* cannot be used: "):
        find({"DOCKER_HOST": "tcp://far", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)})


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "podman").mkdir(parents=True)
    return folder


def listen(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    return made


def test_rootless_ones_and_podman_are_looked_for_after_the_systems_docker(run_dir: Path, home: Path) -> None:
    looked = sockets({"XDG_RUNTIME_DIR": str(run_dir)})
    assert looked[:2] == (Path("/var/run/docker.sock"), run_dir / "docker.sock")
    assert home / ".docker/run/docker.sock" in looked
    assert looked[-2:] == (run_dir / "podman/podman.sock", Path("/run/podman/podman.sock"))


def test_the_first_socket_there_is_taken_and_files_are_not(run_dir: Path) -> None:
    (run_dir / "docker.sock").write_text("a file")
    with listen(run_dir / "podman/podman.sock"):
        found = first_usable([run_dir / "missing", run_dir / "docker.sock", run_dir / "podman/podman.sock"])
    assert found.url == f"unix://{run_dir}/podman/podman.sock"


def test_no_engine_at_all_says_where_it_was_looked_for(run_dir: Path) -> None:
    with pytest.raises(EngineError, match=r"start Docker or podman, or set DOCKER_HOST \(tried .*/nowhere\)"):
        first_usable([run_dir / "nowhere"])
