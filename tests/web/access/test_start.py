"""Starting an open server: names, hosts, the token file, certificates, and what the terminal is told."""

import errno
import os
import re
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.errors import UsageError
from demo.invitation import QUIET, Invitation, symbol, to_svg
from demo.startup_report import AccessInfo, format_access_lines
from demo.web.access.addresses import ServerAddresses
from demo.web.access.bearer_token import token_file
from demo.web.access.origins import AllowedNames, is_loopback, parse_join, parse_public_name, plain_address
from demo.web.server.tls import tls_files
from tests.cli.test_cli import run
from tests.support import fetch
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.servers import serving

# Names.


@pytest.mark.parametrize(
    ("text", "origin", "hosts"),
    [
        ("demo.local", "http://demo.local:8000", {"demo.local:8000"}),
        ("demo.local:9000", "http://demo.local:9000", {"demo.local:9000"}),
        ("demo.local:80", "http://demo.local", {"demo.local", "demo.local:80"}),
        ("https://demo.example", "https://demo.example", {"demo.example", "demo.example:443"}),
        ("https://demo.example:8443", "https://demo.example:8443", {"demo.example:8443"}),
        ("http://Demo.Example", "http://demo.example", {"demo.example", "demo.example:80"}),
        ("HTTPS://demo.example", "https://demo.example", {"demo.example", "demo.example:443"}),
        ("192.168.1.5", "http://192.168.1.5:8000", {"192.168.1.5:8000"}),
        ("[fd00::2]", "http://[fd00::2]:8000", {"[fd00::2]:8000"}),
        ("https://[fd00::2]:1", "https://[fd00::2]:1", {"[fd00::2]:1"}),
    ],
)
def test_a_public_name_is_one_origin_exactly(text: str, origin: str, hosts: set[str]) -> None:
    place = parse_public_name(text, "http", 8000)
    assert (place.origin, set(place.hosts)) == (origin, hosts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ftp://demo",
        "demo/x?y",
        "https://",
        "a b",
        "demo:x",
        "demo:0",
        "demo:70000",
        "user@demo",
        "*.demo",
        "http://demo#x",
        "demo?x",
        "-demo",
        "demo,other",
        "é.example",
        "::",
        "[::",
        "a" * 300,
        "://x",
        "javascript:alert",
    ],
)
def test_what_is_no_name_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"demo\.example"):
        parse_public_name(text, "http", 8000)


@given(st.text(max_size=30))
def test_any_text_is_a_name_or_a_usage_error(text: str) -> None:
    try:
        place = parse_public_name(text, "http", 8000)
    except UsageError:
        return
    assert re.fullmatch(r"https?://[a-z0-9._-]+(:\d+)?|https?://\[[0-9a-f:.]+\](:\d+)?", place.origin)


def test_only_loopback_is_loopback() -> None:
    for name in ("127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost", "::ffff:127.0.0.1"):
        assert is_loopback(name), name
    for name in ("0.0.0.0", "::", "192.168.1.5", "fe80::1%eth0", "", "localhost.evil.example", "::ffff:10.0.0.1"):
        assert not is_loopback(name), name


def test_a_connection_is_answered_by_its_own_address() -> None:
    names = AllowedNames()
    assert "192.168.1.5:8000" in names.hosts("::ffff:192.168.1.5", 8000, "http")
    assert "[fe80::1]:8000" in names.hosts("fe80::1%eth0", 8000, "http")
    assert "192.168.1.6:8000" not in names.hosts("192.168.1.5", 8000, "http")
    assert plain_address("nonsense") == "nonsense"


def test_who_can_reach_a_server_decides_whether_it_is_open() -> None:
    assert not ServerAddresses().is_open
    assert not ServerAddresses("localhost", "127.0.0.1").is_open
    assert ServerAddresses("0.0.0.0", "0.0.0.0").is_open
    assert ServerAddresses(public=(parse_public_name("demo.local", "http", 8000),)).is_open
    named = ServerAddresses(
        "0.0.0.0", "0.0.0.0", 8000, public=(parse_public_name("https://demo.example", "http", 8000),)
    )
    assert (named.main_url, named.local_url) == ("https://demo.example", "http://127.0.0.1:8000")
    assert named.is_unencrypted, "its own port is plain http on the network too"
    tunnelled = ServerAddresses(public=(parse_public_name("https://demo.example", "http", 8000),))
    assert not tunnelled.is_unencrypted
    assert ServerAddresses("fd00::2", "fd00::2", 8000).main_url == "http://[fd00::2]:8000"


@pytest.mark.parametrize(
    ("reach", "url"),
    [
        (ServerAddresses(), ""),
        (ServerAddresses("192.168.1.5", "192.168.1.5", 8000), "http://192.168.1.5:8000/"),
        (
            ServerAddresses(public=(parse_public_name("https://demo.example/talks", "http", 8000),)),
            "https://demo.example/talks/",
        ),
        # The end of a tunnel on this machine: no phone reaches it.
        (ServerAddresses(public=(parse_public_name("http://127.0.0.1:9000", "http", 8000),)), ""),
        (ServerAddresses(public=(parse_public_name("http://[::1]:9000", "http", 8000),)), ""),
        (ServerAddresses(join=parse_join("demo.example")), "https://demo.example/"),
        (ServerAddresses(join=parse_join("http://relay.example:8001/hall/")), "http://relay.example:8001/hall/"),
        (ServerAddresses("192.168.1.5", "192.168.1.5", 8000, join=parse_join("off")), ""),
    ],
)
def test_the_audience_gets_an_address_that_leads_somewhere(reach: ServerAddresses, url: str) -> None:
    assert reach.audience_url == url


# The token.


def test_a_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "token"
    token = token_file(path)
    text = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(text) >= 43
    assert token.matches(text)
    assert not token.matches(text[:-1])
    assert not token.matches("\udcff")
    assert token_file(path).matches(text)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o610])
def test_a_token_that_others_can_read_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    token_file(path)
    path.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        token_file(path)


@pytest.mark.parametrize("content", [b"short", b"two words of some length here", b"\xff" * 40, b"x" * 5000])
def test_a_file_that_holds_no_token_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="token"):
        token_file(path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_calls_off_no_show_and_leaves_no_half_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "token"
    with monkeypatch.context() as patched:
        patched.setattr("demo.web.access.bearer_token.os.fsync", full)
        token = token_file(path)
    assert list(tmp_path.iterdir()) == []
    assert token.lost == os.strerror(number)
    text = "\n".join(
        format_access_lines(AccessInfo("http://demo.test", "http://127.0.0.1:1", token=path, token_lost=token.lost))
    )
    assert f"none in this run: {path} cannot be written" in text
    assert "curl" not in text
    assert not token_file(path).lost


def test_an_empty_token_file_of_ours_counts_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(0o644)
    token_file(path)
    assert token_file(path).matches(path.read_text().strip())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null"), Path("/proc/nowhere/token")):
        with pytest.raises(UsageError, match="token-file"):
            token_file(path)


# Certificates.


def test_a_certificate_that_cannot_serve_is_said_at_the_start(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        cert, key = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        subprocess.run([*make, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
        files.append((cert, key))
    (cert, key), (_, other) = files
    locked, nonsense = tmp_path / "locked.key", tmp_path / "nonsense.pem"
    lock = ["openssl", "rsa", "-aes256", "-passout", "pass:x", "-in", str(key), "-out", str(locked)]
    subprocess.run(lock, check=True, capture_output=True)
    nonsense.write_text("nonsense")
    assert tls_files(None, None) is None
    assert tls_files(cert, key) is not None
    for pair, says in [
        ((cert, None), "--tls-key is missing"),
        ((None, key), "--tls-cert is missing"),
        ((cert, other), "do not belong together"),
        ((cert, locked), "encrypted with a password"),
        ((nonsense, key), "PEM"),
        ((tmp_path / "gone.pem", key), "cannot be read"),
    ]:
        with pytest.raises(UsageError, match=says):
            tls_files(*pair)


# What the terminal is told.


def test_the_start_of_an_open_server_says_what_is_open_to_whom() -> None:
    with serving("none", "--host", "0.0.0.0") as server:
        opened = OpenServer(server)
        text = server.output
        for words in (
            "stage ",
            "presenter ",
            "phone ",
            "token ",
            "everyone who can reach this address may watch",
            "not encrypted",
        ):
            assert words in text
        assert opened.token not in text
        assert "█" not in text, "a symbol is for terminals"
        assert opened.own_secret != opened.secret()
        line = next(line for line in text.splitlines() if line.startswith("advance"))
        done = subprocess.run(["bash", "-c", line.removeprefix("advance")], capture_output=True, text=True, check=True)
        assert '"number":2' in done.stdout
        link = opened.codes()["link"]
        assert not link.startswith(("http://0.0.0.0", "http://127.0.0.1")) or "192." not in text


def test_on_a_terminal_the_link_is_a_symbol_in_half_blocks() -> None:
    invited = Invitation(
        "http://192.168.1.5:8000/pair#abcdefghijklmnopqrstuv", "http://192.168.1.5:8000/pair", "ABCD-EFGH"
    )
    entry = AccessInfo("http://192.168.1.5:8000", "http://127.0.0.1:8000", "http://127.0.0.1:8000/pair#x", invited)
    text = "\n".join(format_access_lines(entry, with_symbol=True))
    lines = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in text.splitlines() if "\x1b[48;5;231m" in line]
    upper, lower = {" ": 0, "▀": 1, "▄": 0, "█": 1}, {" ": 0, "▀": 0, "▄": 1, "█": 1}
    modules = [[which[char] == 1 for char in line] for line in lines for which in (upper, lower)]
    assert tuple(tuple(row) for row in modules[: len(modules[0])]) == symbol(invited.link, 2, "l").rows
    assert max(len(line) for line in lines) < 60
    assert "█" not in "".join(format_access_lines(entry))


def test_the_symbol_on_a_page_has_the_modules_of_the_link_in_black_on_white() -> None:
    link = "http://192.168.1.5:8000/pair#abcdefghijklmnopqrstuv"
    expected = symbol(link).rows
    svg, size = to_svg(link), len(expected)
    white = f'<path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/>'
    assert svg.startswith(f'<svg viewBox="0 0 {size} {size}" class="qr">{white}')
    (lines,) = re.findall(r'<path stroke="#000" d="([^"]+)"/></svg>$', svg)
    drawn = [[False] * size for _ in expected]
    x, y = 0.0, 0.0
    for right, down, length in re.findall(r"[Mm](-?[\d.]+) (-?[\d.]+)h(\d+)", lines):
        x, y = x + float(right), y + float(down)
        for _ in range(int(length)):
            drawn[int(y)][int(x)] = True
            x += 1
    assert tuple(map(tuple, drawn)) == expected
    assert not any(map(any, drawn[:QUIET]))


def test_the_start_says_for_which_browser_the_link_with_the_loopback_address_is() -> None:
    invited = Invitation("http://192.168.1.5:8000/pair#secret", "http://192.168.1.5:8000/pair", "ABCD-EFGH")
    entry = AccessInfo("http://192.168.1.5:8000", "http://127.0.0.1:8000", "http://127.0.0.1:8000/pair#own", invited)
    line = next(line for line in format_access_lines(entry) if line.startswith("presenter"))
    assert line == "presenter  http://127.0.0.1:8000/pair#own (for a browser on this machine)"


def test_a_loopback_server_says_and_makes_no_more_than_before(tmp_path: Path) -> None:
    with serving("none", env={"XDG_STATE_HOME": str(tmp_path)}) as server:
        assert server.stop() == 0
        assert "pair" not in server.output
        assert "token" not in server.output
    assert [path.name for path in (tmp_path / "chaos-stage").iterdir()] == ["shows"]


def test_a_token_file_of_ones_own_counts_on_loopback_too(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with serving("none", "--token-file", str(path)) as server:
        bearer = {"Authorization": f"Bearer {path.read_text().strip()}"}
        assert server.client.post("/advance", headers=bearer).status_code == 200
        assert server.client.post("/back").status_code == 200
        assert server.client.post("/advance", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_token_that_others_can_read_ends_the_start(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("x" * 40)
    path.chmod(0o644)
    done = run("serve", "none", "--no-open", "--port", "0", "--token-file", str(path))
    assert done.returncode == 2
    assert f"chmod 600 {path}" in done.stderr
    assert done.stderr.count("\n") == 1


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize(
    ("host", "addresses"), [("::", ["127.0.0.1", "[::1]"]), ("::1", ["[::1]"]), ("[::1]", ["[::1]"])]
)
def test_ipv6_works(host: str, addresses: list[str]) -> None:
    with serving("none", "--host", host) as server:
        for address in addresses:
            assert fetch.get(f"http://{address}:{server.port}/").status_code == 200


def test_the_own_address_of_the_machine_answers_and_steers_with_the_role() -> None:
    with serving("none", "--host", "0.0.0.0") as server:
        printed = server.url
        opened = OpenServer(server)
        assert fetch.get(f"{printed}/").status_code == 200
        assert fetch.post(f"{printed}/advance").status_code == 401
        headers = opened.bearer | {"Origin": printed}
        assert fetch.post(f"{printed}/advance", headers=headers).status_code == 200


def test_a_named_server_says_nothing_of_proxies() -> None:
    with serving("none", *OPEN) as server:
        OpenServer(server)
        assert "--public-name" not in server.output
