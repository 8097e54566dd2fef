"""Paired devices: kept through a crash as hashes, listed in known words, revoked at once, old after a day."""

import errno
import json
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.web.access.session_file import SessionFile
from demo.web.access.sessions import MAX_AGE_SEC, MAX_SESSIONS, Sessions
from tests.support import fetch
from tests.support.paired_devices import OPEN, PHONE_AGENT, Device, OpenServer
from tests.support.servers import Stream, serving, wait_for
from tests.web.routes.test_contract import problem

ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    with serving("none", *OPEN) as server:
        yield OpenServer(server)


@contextmanager
def paired(opened: OpenServer, agent: str = PHONE_AGENT) -> Iterator[Device]:
    one = Device(opened.here, agent)
    yield one.pair(opened.secret())
    one.close()


@pytest.fixture
def phone(opened: OpenServer) -> Iterator[Device]:
    with paired(opened) as one:
        yield one


def cookie_of(device: Device, opened: OpenServer) -> dict[str, str]:
    name = f"chaos-stage-{opened.server.port}"
    return {"Cookie": f"{name}={device.client.cookies[name]}"}


def ends(stream: Stream) -> bool:
    """Does it, before long? A stream that goes on beats once a second."""
    limit = time.monotonic() + 10
    try:
        while time.monotonic() < limit:
            stream.next()
    except StopIteration:
        return True
    return False


# In memory.


def test_a_day_is_the_end_of_a_session() -> None:
    now = [1000.0]
    ended: list[str] = []
    sessions = Sessions(on_end=ended.append, ticks=lambda: now[0])
    token, session = sessions.pair("iPhone Safari")
    now[0] += MAX_AGE_SEC - 1
    sessions.end_old()
    assert sessions.find([token]) is session
    now[0] += 1
    assert sessions.find([token]) is None
    sessions.end_old()
    assert ended == [session.ident]
    assert sessions.all() == ()


@pytest.mark.anyio
async def test_a_clock_that_is_set_ends_no_session(tmp_path: Path) -> None:
    path, now, ticks = tmp_path / "show.sessions", [1_000_000.0], [0.0]
    sessions = Sessions(SessionFile(path, "e"), clock=lambda: now[0], ticks=lambda: ticks[0])
    token, session = sessions.pair("iPhone Safari")
    assert await sessions.wait_until_saved()
    now[0] += 2 * MAX_AGE_SEC
    sessions.end_old()
    assert sessions.find([token]) is session
    now[0] = 1_000_000.0 - 600
    again = Sessions(SessionFile(path, "e"), clock=lambda: now[0], ticks=lambda: ticks[0])
    assert again.find([token]) is not None
    ticks[0] += MAX_AGE_SEC
    assert again.find([token]) is None


def test_only_the_exact_cookie_is_worth_something() -> None:
    sessions = Sessions()
    token, session = sessions.pair("Mac Safari")
    assert sessions.find(["", "x", session.digest, session.ident, token[:-1], f"{token}x", "\ud800"]) is None
    assert sessions.find(["other", token]) is session


def test_two_of_a_kind_are_told_apart_and_there_are_not_too_many() -> None:
    sessions = Sessions()
    assert [sessions.pair("iPhone Safari")[1].device for _ in range(3)] == [
        "iPhone Safari",
        "iPhone Safari 2",
        "iPhone Safari 3",
    ]
    for _ in range(MAX_SESSIONS):
        sessions.pair("Android Chrome")
    assert len(sessions.all()) == MAX_SESSIONS


# On disk.


@pytest.mark.anyio
async def test_the_file_holds_hashes_and_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "show.sessions"
    sessions = Sessions(SessionFile(path, "e"))
    token, session = sessions.pair("iPhone Safari")
    assert await sessions.wait_until_saved()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token not in path.read_text()
    found = Sessions(SessionFile(path, "e")).find([token])
    assert found is not None
    assert (found.ident, found.device) == (session.ident, session.device)
    assert Sessions(SessionFile(path, "another show")).all() == ()
    assert os.listdir(tmp_path) == ["show.sessions"]  # noqa: PTH208 - a handful of names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"version": 1}',
        '{"version": 1, "epoch": "e", "sessions": [{}]}',
        "[" * 100_000,
        "\ud800",
    ],
)
@pytest.mark.anyio
async def test_a_broken_file_is_left_out_with_a_word(tmp_path: Path, text: str) -> None:
    path = tmp_path / "show.sessions"
    said: list[str] = []
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    path.chmod(0o600)
    assert Sessions(SessionFile(path, "e", said.append)).all() == ()
    assert "must be paired again" in said[0]


@pytest.mark.anyio
async def test_a_file_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "show.sessions"
    said: list[str] = []
    sessions = Sessions(SessionFile(path, "e"))
    sessions.pair("iPhone Safari")
    assert await sessions.wait_until_saved()
    path.chmod(0o620)
    assert Sessions(SessionFile(path, "e", said.append)).all() == ()
    assert "others can" in said[0]
    link = tmp_path / "link.sessions"
    path.chmod(0o600)
    link.symlink_to(path)
    assert Sessions(SessionFile(link, "e", said.append)).all() == ()


@pytest.mark.anyio
async def test_a_lost_disk_keeps_them_in_memory_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    sessions = Sessions(SessionFile(tmp_path / "gone" / "show.sessions", "e", said.append))
    token, session = sessions.pair("iPhone Safari")
    assert not await sessions.wait_until_saved()
    assert sessions.find([token]) is session
    assert "cannot be saved" in said[0]


@pytest.mark.anyio
async def test_what_was_revoked_on_a_full_disk_is_not_back_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    path = tmp_path / "show.sessions"
    sessions = Sessions(SessionFile(path, "e", said.append))
    kept, gone = sessions.pair("iPhone Safari"), sessions.pair("Android Chrome")
    assert await sessions.wait_until_saved()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("demo.web.access.session_file.os.fsync", full)
        assert sessions.revoke(gone[1].ident)
        assert not await sessions.wait_until_saved()
        told = sessions.durable
        assert not told
        assert Sessions(SessionFile(path, "e")).find([gone[0]]) is None
        assert "cannot be saved" in said[0]
    more = sessions.pair("Mac Safari")
    assert await sessions.wait_until_saved()
    assert sessions.durable
    again = Sessions(SessionFile(path, "e"))
    assert [bool(again.find([one[0]])) for one in (kept, gone, more)] == [True, False, True]


@pytest.mark.anyio
async def test_a_hanging_disk_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()
    keeper = SessionFile(tmp_path / "show.sessions", "e")
    monkeypatch.setattr(keeper, "_write", lambda text: hanging.wait(30))
    sessions = Sessions(keeper)
    sessions.pair("iPhone Safari")
    assert not await sessions.wait_until_saved()
    hanging.set()


# Over HTTP.


def test_devices_are_listed_in_known_words(opened: OpenServer, phone: Device) -> None:
    with paired(opened, "<script>alert(1)</script> Firefox/1") as other:
        assert other.post("/goto/2").status_code == 200
        listed = phone.get("/sessions").json()["sessions"]
        mine = [session for session in listed if session["this_one"]]
        assert len(mine) == 1
        assert mine[0]["device"].startswith("iPhone Safari")
        assert (listed[-1]["device"], listed[-1]["did"]) == ("Firefox", "goto")
        assert listed[-1]["did_at"] >= listed[-1]["paired_at"]
        assert not [
            s for s in fetch.get(f"{opened.here}/sessions", headers=opened.bearer).json()["sessions"] if s["this_one"]
        ]


@pytest.mark.parametrize("path", ["/stream/presenter", "/stream/remote", "/events"])
def test_revoking_ends_the_devices_streams_at_once_and_no_others(opened: OpenServer, phone: Device, path: str) -> None:
    with paired(opened, ANDROID) as other:
        mine = Stream(opened.server, path, cookie_of(phone, opened))
        others = Stream(opened.server, path, cookie_of(other, opened))
        wall = Stream(opened.server, "/stream/stage")
        for stream in (mine, others, wall):
            stream.next()
        ident = next(s["id"] for s in other.get("/sessions").json()["sessions"] if s["this_one"])
        answer = phone.post(f"/sessions/{ident}/revoke")
        assert (answer.status_code, answer.json()) == (200, {"revoked": 1, "durable": True})
        assert ends(others)
        problem(other.post("/advance"), 401, "unpaired")
        problem(other.get(path), 401, "unpaired")
        assert phone.post("/goto/3").status_code == 200
        assert phone.post("/goto/1").status_code == 200
        for stream in (mine, wall):
            assert stream.next()
        for stream in (mine, others, wall):
            stream.close()
        problem(phone.post(f"/sessions/{ident}/revoke"), 404, "not_found")


def test_revoking_all_spares_the_one_that_asks_and_for_the_token_none(opened: OpenServer, phone: Device) -> None:
    with paired(opened) as other:
        assert phone.post("/sessions/revoke-all").json()["revoked"] >= 1
        problem(other.get("/sessions"), 401, "unpaired")
        assert len(phone.get("/sessions").json()["sessions"]) == 1
        assert fetch.post(f"{opened.here}/sessions/revoke-all", headers=opened.bearer).json()["revoked"] == 1
        problem(phone.post("/advance"), 401, "unpaired")


def test_a_paired_phone_stays_paired_through_a_crash_and_a_revoked_one_does_not(tmp_path: Path) -> None:
    journal = tmp_path / "show"
    with serving("none", *OPEN, "--journal", str(journal)) as server:
        opened = OpenServer(server)
        with paired(opened) as kept, paired(opened) as gone:
            cookies = [cookie_of(one, opened)["Cookie"].partition("=")[2] for one in (kept, gone)]
            ident = kept.get("/sessions").json()["sessions"][1]["id"]
            assert kept.post(f"/sessions/{ident}/revoke").json()["durable"] is True
        server.kill()
    path = journal.with_name("show.sessions")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(json.loads(path.read_text())["sessions"]) == 1
    assert not any(cookie in path.read_text() for cookie in cookies)
    with serving("none", *OPEN, "--journal", str(journal)) as server:
        opened, name = OpenServer(server), f"chaos-stage-{server.port}"
        answers = [fetch.get(f"{opened.here}/sessions", headers={"Cookie": f"{name}={cookie}"}) for cookie in cookies]
        assert [answer.status_code for answer in answers] == [200, 401]


def test_a_device_that_was_shown_out_knows_no_code_that_lets_it_in_again(opened: OpenServer, phone: Device) -> None:
    with paired(opened) as gone:
        seen, own = gone.get("/pairing").json(), opened.own_secret
        ident = next(s["id"] for s in gone.get("/sessions").json()["sessions"] if s["this_one"])
        assert phone.post(f"/sessions/{ident}/revoke").status_code == 200
        for body in ({"secret": seen["link"].partition("#")[2]}, {"code": seen["code"]}, {"secret": own}):
            problem(gone.post("/pair", json=body), 403, "bad_code")
        wait_for(lambda: opened.secret() in opened.server.read_output().rpartition("new codes")[2])
        fresh = re.findall(r"presenter\s+\S+/pair#(\S+)", opened.server.read_output())[-1]
        assert fresh != own
        assert gone.post("/pair", json={"secret": fresh}).status_code == 200


def test_what_a_device_began_before_it_was_shown_out_is_not_done(opened: OpenServer, phone: Device) -> None:
    with paired(opened) as gone, socket.create_connection(("127.0.0.1", opened.server.port), timeout=10) as slow:
        lines = f"POST /blackout HTTP/1.1\r\nHost: 127.0.0.1:{opened.server.port}\r\nOrigin: {opened.here}\r\n"
        lines += f"Cookie: {cookie_of(gone, opened)['Cookie']}\r\nContent-Length: 2\r\n\r\n "
        slow.sendall(lines.encode())
        ident = next(s["id"] for s in gone.get("/sessions").json()["sessions"] if s["this_one"])
        assert phone.post(f"/sessions/{ident}/revoke").status_code == 200
        slow.sendall(b" ")
        assert slow.recv(100).startswith(b"HTTP/1.1 401 ")
        assert opened.state()["blackout"] is False


def test_a_browser_that_pairs_again_is_one_device(opened: OpenServer, phone: Device) -> None:
    old, before = cookie_of(phone, opened), len(phone.get("/sessions").json()["sessions"])
    assert phone.pair(opened.secret()).get("/sessions").status_code == 200
    assert len(phone.get("/sessions").json()["sessions"]) == before
    problem(fetch.get(f"{opened.here}/sessions", headers=old), 401, "unpaired")


def test_several_cookies_of_one_name_are_all_tried(opened: OpenServer, phone: Device) -> None:
    mine = cookie_of(phone, opened)["Cookie"]
    name = mine.partition("=")[0]
    for sent in (f"{name}=x; {mine}", f"{mine}; {name}=x", f'a="b;{mine}', f"{name}=; {mine}"):
        assert fetch.get(f"{opened.here}/sessions", headers={"Cookie": sent}).status_code == 200
    for sent in (f"x{mine}", f"{name}", f"{name}=", "=;=;", mine[:-1]):
        problem(fetch.get(f"{opened.here}/sessions", headers={"Cookie": sent}), 401, "unpaired")
