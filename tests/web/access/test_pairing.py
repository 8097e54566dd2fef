"""Pairing: what a code is worth, how guesses are slowed, and that nobody's guesses keep the presenter out."""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.web.access.pairing_codes import ALPHABET, PairingCodes
from demo.web.access.rate_limit import MAX_ADDRESSES, GuessLimiter
from demo.web.access.user_agent import describe_device
from tests.support import fetch
from tests.support.paired_devices import OPEN, PHONE_AGENT, Device, OpenServer
from tests.support.servers import serving, wait_for
from tests.web.routes.test_contract import problem


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    with serving("none", *OPEN) as server:
        yield OpenServer(server)


@pytest.fixture
def phone(opened: OpenServer) -> Iterator[Device]:
    one = Device(opened.here)
    yield one
    one.close()


# The codes themselves.


def test_a_code_is_worth_one_pairing_and_both_are_renewed_by_it() -> None:
    pairing, told = PairingCodes(), []
    pairing.subscribe(lambda: told.append(pairing.secret))
    secret, code = pairing.secret, pairing.typed
    assert pairing.take_secret(secret)
    assert told == [pairing.secret]
    assert pairing.secret != secret
    assert not pairing.take_secret(secret)
    assert pairing.was_used(secret)
    assert not pairing.take_code(code), "the code beside a used link is worth nothing"
    assert pairing.take_code(pairing.typed.lower().replace("-", " ").center(20))
    assert len(told) == 2


def test_this_machines_link_does_not_use_up_the_phones() -> None:
    pairing = PairingCodes()
    own, secret, code = pairing.local_secret, pairing.secret, pairing.code
    assert pairing.take_secret(own)
    assert not pairing.take_secret(own)
    assert pairing.was_used(own)
    assert (pairing.secret, pairing.code) == (secret, code)
    assert not pairing.take_secret("")


def test_codes_have_the_promised_size() -> None:
    for _ in range(50):
        pairing = PairingCodes()
        assert len(pairing.secret) >= 22, "128 bits"
        assert re.fullmatch(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", pairing.typed)
    assert not set("01OILU") & set(ALPHABET)


@given(st.text(max_size=40))
def test_no_guess_breaks_anything(text: str) -> None:
    pairing = PairingCodes()
    assert not pairing.take_secret(text)
    assert not pairing.take_code(text)
    assert not pairing.was_used(text)


@given(st.text(max_size=80))
def test_a_device_is_told_in_words_we_know(agent: str) -> None:
    known = {"iPhone", "iPad", "Android", "Chromebook", "Mac", "Windows", "Linux", "some", "device"}
    known |= {"Edge", "Opera", "Samsung", "Internet", "Firefox", "Chrome", "Safari", "curl"}
    assert set(describe_device(agent).split()) <= known


def test_usual_devices_are_known() -> None:
    assert describe_device(PHONE_AGENT) == "iPhone Safari"
    assert (
        describe_device("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0")
        == "Windows Edge"
    )
    assert describe_device("Mozilla/5.0 (Macintosh; Intel Mac OS X) Gecko/20100101 Firefox/142.0") == "Mac Firefox"
    assert describe_device("") == "some device"


# Slowing guesses down.


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_address_has_five_tries_at_once_and_then_one_every_two_seconds() -> None:
    clock = Clock()
    throttle = GuessLimiter(clock=clock)
    assert [throttle.delay_sec("10.0.0.1") for _ in range(6)] == [0, 0, 0, 0, 0, 2]
    assert throttle.delay_sec("10.0.0.2") == 0, "others are not slowed by it"
    clock.now = 1.9
    assert throttle.delay_sec("10.0.0.1") == 1
    clock.now = 2.0
    assert [throttle.delay_sec("10.0.0.1"), throttle.delay_sec("10.0.0.1")] == [0, 2]


def test_all_addresses_together_have_ten_tries_a_second() -> None:
    clock = Clock()
    throttle = GuessLimiter(clock=clock)
    passed = 0
    for tick in range(100):
        clock.now = tick / 10
        passed += sum(throttle.delay_sec(f"10.0.{tick}.{host}") == 0 for host in range(200))
    assert 100 <= passed <= 110


def test_a_whole_ipv6_network_of_one_host_is_one_address() -> None:
    throttle = GuessLimiter(clock=Clock())
    assert [throttle.delay_sec(f"2001:db8::{n}") for n in range(6)][-1] > 0
    assert throttle.delay_sec("2001:db8:0:1::1") == 0


def test_many_addresses_take_no_more_memory() -> None:
    clock = Clock()
    throttle = GuessLimiter(clock=clock)
    for n in range(MAX_ADDRESSES + 500):
        throttle.delay_sec(f"{n}")
    assert len(throttle._by_address) == MAX_ADDRESSES


# Over HTTP.


def test_a_link_pairs_a_phone_which_then_steers(opened: OpenServer, phone: Device) -> None:
    answer = phone.post("/pair", json={"secret": opened.secret()})
    assert answer.status_code == 200
    assert answer.json()["paired"] is True
    assert answer.json()["device"].startswith("iPhone Safari")
    assert phone.get("/remote").status_code == 200
    assert phone.post("/goto/2").json()["chapter"]["number"] == 2


def test_the_cookie_is_kept_from_scripts_and_other_sites(opened: OpenServer, phone: Device) -> None:
    answer = phone.post("/pair", json={"secret": opened.secret()})
    cookie = SimpleCookie(answer.headers["set-cookie"])[f"chaos-stage-{opened.server.port}"]
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "strict"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert not cookie["secure"], "this page is http"
    assert 0 < int(cookie["max-age"]) <= 24 * 3600
    assert len(cookie.value) >= 43


def test_a_page_on_https_behind_a_tunnel_gets_a_secure_cookie() -> None:
    with serving("none", "--public-name", "https://demo.test") as server:
        opened = OpenServer(server)
        headers = {"Host": "demo.test", "Origin": "https://demo.test", "X-Forwarded-For": "10.0.0.1"}
        answer = fetch.post(f"{opened.here}/pair", json={"secret": opened.secret()}, headers=headers)
        assert answer.status_code == 200
        assert "; Secure" in answer.headers["set-cookie"]


def test_a_used_and_a_wrong_code_are_refused_with_what_to_do(opened: OpenServer, phone: Device) -> None:
    secret = opened.secret()
    phone.pair(secret)
    assert (
        "used already: scan the new one"
        in problem(phone.post("/pair", json={"secret": secret}), 403, "bad_code")["detail"]
    )
    problem(phone.post("/pair", json={"secret": "x" * 22}), 403, "bad_code")
    for nothing in ({}, {"secret": ""}, {"secret": 5}, {"code": None}, {"code": ["A"]}):
        problem(phone.post("/pair", json=nothing), 422, "invalid")
    problem(phone.post("/pair", content=b"secret", headers={"content-type": "application/json"}), 422, "invalid")


def test_a_code_needs_no_large_body(opened: OpenServer, phone: Device) -> None:
    problem(phone.post("/pair", json={"secret": "x" * 5000}), 413, "too_large")


def test_a_code_in_the_address_is_not_looked_at(opened: OpenServer, phone: Device) -> None:
    problem(phone.post("/pair", params={"secret": opened.secret()}), 422, "invalid")


def test_a_form_pairs_without_a_script(opened: OpenServer, phone: Device) -> None:
    page = {"Accept": "text/html"}
    assert phone.get("/pair").headers["referrer-policy"] == "same-origin", "or the form's Origin would be null"
    wrong = phone.post("/pair", data={"code": "2222-2222"}, headers=page)
    assert wrong.status_code == 403
    assert "This is not the code" in wrong.text
    right = phone.post("/pair", data={"code": opened.codes()["code"].lower()}, headers=page)
    assert (right.status_code, right.headers["location"]) == (303, "pair")
    assert "This device is paired" in phone.get("/pair").text


def test_another_site_cannot_pair_a_browser(opened: OpenServer) -> None:
    for origin in ("http://evil.example", "null"):
        answer = fetch.post(f"{opened.here}/pair", json={"secret": opened.secret()}, headers={"Origin": origin})
        problem(answer, 403, "origin")


def test_a_flood_of_guesses_never_keeps_the_presenter_out(opened: OpenServer, phone: Device) -> None:
    def guess() -> httpx.Response:
        return phone.post("/pair", json={"code": "2222-2222"})

    wait_for(lambda: guess().status_code == 429)
    slowed = problem(guess(), 429, "slow_down")
    assert "try again in" in slowed["detail"]
    assert int(guess().headers["retry-after"]) >= 1
    code = opened.codes()["code"]
    assert phone.post("/pair", json={"code": code}).status_code == 429, "the code is not even looked at"
    assert opened.codes()["code"] == code
    phone.pair(opened.secret())
    assert phone.post("/goto/1").status_code == 200
    assert fetch.post(f"{opened.here}/goto/1", headers=opened.bearer).status_code == 200


def test_wrong_tokens_are_slowed_down_and_the_right_one_is_not(opened: OpenServer) -> None:
    wrong = {"Authorization": "Bearer nonsense"}
    problem(fetch.get(f"{opened.here}/", headers=wrong), 401, "unpaired")
    wait_for(lambda: fetch.get(f"{opened.here}/state", headers=wrong).status_code == 429)
    assert fetch.get(f"{opened.here}/events", headers=wrong).headers["retry-after"]
    assert fetch.post(f"{opened.here}/goto/1", headers=opened.bearer).status_code == 200
    assert fetch.get(f"{opened.here}/").status_code == 200, "who brings no token is not slowed down"


def test_secrets_are_in_no_log_no_journal_and_no_answer(opened: OpenServer, phone: Device) -> None:
    secret = opened.secret()
    answer = phone.post("/pair", json={"secret": secret})
    cookie = phone.client.cookies[f"chaos-stage-{opened.server.port}"]
    again = phone.post("/pair", json={"secret": secret})
    told = str(opened.state()) + answer.text + again.text + phone.get("/sessions").text
    for hidden in (secret, cookie, opened.token):
        assert hidden not in told
    assert opened.token not in opened.server.read_output()


def test_the_terminal_shows_the_new_code_after_each_pairing(opened: OpenServer, phone: Device) -> None:
    phone.pair(opened.secret())
    codes = opened.codes()
    wait_for(lambda: codes["link"] in opened.server.read_output())
    assert codes["code"] in opened.server.output
