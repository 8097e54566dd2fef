"""Getting in without being let in: guesses by the thousand, replays, stolen and foreign cookies, all at once."""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo.web.access.pairing_codes import ALPHABET, CODE_LENGTH
from demo.web.access.rules import RULES, Rule
from demo.web.server.http_protocol import MAX_IN_A_ROW
from tests.support import fetch
from tests.support.paired_devices import OPEN, Device, OpenServer
from tests.support.raw_http import answers, connection, request
from tests.support.servers import Stream, serving, wait_for
from tests.web.access.test_rules import filled
from tests.web.access.test_sessions import cookie_of, ends
from tests.web.routes.test_contract import problem

GUESSES = 10_000
LINES = 4


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    with serving("none", *OPEN) as server:
        yield OpenServer(server)
        assert "Traceback" not in server.read_output()


@pytest.fixture
def phone(opened: OpenServer) -> Iterator[Device]:
    one = Device(opened.here)
    yield one.pair(opened.secret())
    one.close()


def at_once(opened: OpenServer, sent: bytes, times: int) -> Counter[int]:
    """The same request on many connections: each lacks one byte until all have sent the rest."""
    with ThreadPoolExecutor(times) as pool:
        together = threading.Barrier(times)

        def send(number: int) -> int:
            with connection(opened.server.port) as one:
                one.sendall(sent[:-1])
                together.wait(10)
                one.sendall(sent[-1:])
                return next(answers(one)).status

        return Counter(pool.map(send, range(times)))


@pytest.mark.parametrize("target", ["/advance?from=1", "/goto/2?from=1"])
def test_fifty_presses_at_once_are_one_step(opened: OpenServer, phone: Device, target: str) -> None:
    host, bearer = f"Host: 127.0.0.1:{opened.server.port}", f"Authorization: {opened.bearer['Authorization']}"
    cookie = f"Cookie: {cookie_of(phone, opened)['Cookie']}"
    assert phone.post("/goto/1").status_code == 200
    for lines in ([bearer], [cookie, f"Origin: {opened.here}"]):
        found = at_once(opened, request("POST", target, host, *lines), 50)
        assert found == {200: 1, 409: 49}
        assert opened.state()["chapter"]["number"] == 2
        assert phone.post("/goto/1").status_code == 200


# Codes.


def guess(opened: OpenServer, least: int, seed: int, enough: threading.Event) -> Counter[int]:
    """So many codes and more over one connection, some in a row before the answers are read."""
    chance, found = random.Random(seed), Counter[int]()
    with connection(opened.server.port, timeout=30) as one:
        reading = answers(one)
        while found.total() < least or not enough.is_set():
            codes = ["".join(chance.choices(ALPHABET, k=CODE_LENGTH)) for _ in range(MAX_IN_A_ROW)]
            one.sendall(b"".join(_pair(opened, {"code": code}) for code in codes))
            found.update(next(reading).status for _ in codes)
    return found


def _pair(opened: OpenServer, fields: dict[str, str]) -> bytes:
    lines = [f"Host: 127.0.0.1:{opened.server.port}", "Content-Type: application/json"]
    return request("POST", "/pair", *lines, body=json.dumps(fields).encode())


def test_ten_thousand_guesses_get_nobody_in_and_keep_nobody_out(opened: OpenServer) -> None:
    before, paired = opened.codes(), fetch.get(f"{opened.here}/sessions", headers=opened.bearer).json()
    enough = threading.Event()
    with ThreadPoolExecutor(LINES) as pool:
        flood = [pool.submit(guess, opened, GUESSES // LINES, seed, enough) for seed in range(LINES)]
        try:
            assert fetch.get(f"{opened.here}/sessions", headers=opened.bearer).json() == paired
            wait_for(lambda: fetch.post(f"{opened.here}/pair", json={"code": "2"}).status_code == 429)
            assert opened.codes() == before
            Device(opened.here).pair(opened.secret()).close()
        finally:
            enough.set()
        found = sum((one.result() for one in flood), Counter[int]())
    assert set(found) == {403, 429}
    assert found.total() >= GUESSES
    assert found[403] < 100, "of all, so many were looked at"
    code = opened.codes()["code"]
    wait_for(lambda: fetch.post(f"{opened.here}/pair", json={"code": code}).status_code == 200, 30)
    assert len(fetch.get(f"{opened.here}/sessions", headers=opened.bearer).json()["sessions"]) >= 2


def test_twenty_who_scan_the_same_link_at_once_are_one(opened: OpenServer) -> None:
    assert at_once(opened, _pair(opened, {"secret": opened.secret()}), 20) == {200: 1, 403: 19}


def test_twenty_who_type_the_same_code_at_once_are_at_most_one() -> None:
    with serving("none", *OPEN) as server:
        one = OpenServer(server)
        found = at_once(one, _pair(one, {"code": one.codes()["code"]}), 20)
        assert found[200] == 1
        assert set(found) <= {200, 403, 429}


def test_a_code_that_was_used_pairs_nothing_again() -> None:
    with serving("none", *OPEN) as server:
        one = OpenServer(server)
        old = one.codes()
        secret, own = old["link"].partition("#")[2], one.own_secret
        for sent in ({"secret": own}, {"code": old["code"]}):
            assert fetch.post(f"{one.here}/pair", json=sent).status_code == 200
        for sent in ({"secret": own}, {"secret": secret}, {"code": old["code"]}):
            problem(fetch.post(f"{one.here}/pair", json=sent), 403, "bad_code")
        assert len(fetch.get(f"{one.here}/sessions", headers=one.bearer).json()["sessions"]) == 2


# Cookies.


def test_a_stolen_cookie_is_worth_nothing_after_its_revocation(opened: OpenServer, phone: Device) -> None:
    stolen = cookie_of(phone, opened)
    streams = [Stream(opened.server, path, stolen) for path in ("/stream/presenter", "/stream/remote", "/events")]
    for stream in streams:
        assert stream.next()
    ident = next(one["id"] for one in phone.get("/sessions").json()["sessions"] if one["this_one"])
    assert fetch.post(f"{opened.here}/sessions/{ident}/revoke", headers=opened.bearer).status_code == 200
    for stream in streams:
        assert ends(stream)
        stream.close()
    before = opened.state()
    private = [key for key, rule in RULES.items() if rule not in (Rule.PUBLIC, Rule.PAIRING, Rule.PARTICIPATE)]
    assert len(private) > 20
    for method, template in private:
        answer = fetch.request(method, f"{opened.here}{filled(template)}", headers=stolen | {"Origin": opened.here})
        problem(answer, 401, "unpaired")
    public = fetch.get(f"{opened.here}/state", headers=stolen).json()
    assert public["chapter"]["notes"] == ""
    after = opened.state()
    for part in ("chapter", "log", "halted", "blackout", "frozen"):
        assert after[part] == before[part]


def test_a_cookie_of_one_server_is_nothing_to_another(opened: OpenServer, phone: Device) -> None:
    with serving("none", *OPEN) as server:
        other = OpenServer(server)
        name, token = cookie_of(phone, opened)["Cookie"].split("=", 1)
        for cookie in (f"{name}={token}", f"chaos-stage-{server.port}={token}"):
            for path in ("/sessions", "/events", "/stream/presenter"):
                problem(fetch.get(f"{other.here}{path}", headers={"Cookie": cookie}), 401, "unpaired")
            sent = {"Cookie": cookie, "Origin": other.here}
            problem(fetch.post(f"{other.here}/advance", headers=sent), 401, "unpaired")
    assert phone.get("/sessions").status_code == 200


@pytest.mark.parametrize("own", [True, False], ids=["own journal", "kept show"])
def test_a_fresh_show_knows_no_device_of_the_one_before(tmp_path: Path, own: bool) -> None:
    place = ("--journal", str(tmp_path / "show")) if own else ()
    with serving("none", *OPEN, *place, state_home=tmp_path) as server:
        opened = OpenServer(server)
        device = Device(opened.here).pair(opened.secret())
        cookie = cookie_of(device, opened)["Cookie"].partition("=")[2]
        device.close()
        epochs = [opened.state()["epoch"]]
        wait_for(lambda: any(tmp_path.rglob("*.sessions")))  # No answer waits for that.
        server.kill_with_watchdog()
    found = []
    for fresh in ((), ("--fresh",), ()):
        with serving("none", *OPEN, *place, *fresh, state_home=tmp_path) as server:
            opened = OpenServer(server)
            sent = {"Cookie": f"chaos-stage-{server.port}={cookie}"}
            found.append(fetch.get(f"{opened.here}/sessions", headers=sent).status_code)
            epochs.append(opened.state()["epoch"])
            server.kill_with_watchdog()
    assert found == [200, 401, 401]
    assert epochs[0] == epochs[1] != epochs[2] == epochs[3]
