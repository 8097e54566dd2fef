"""Which address phones are told: one that a phone in the room reaches, the others beside it, and no change unsaid."""

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.invitation import Invitation
from demo.web.access.interfaces import LocalAddress, by_likelihood, local_addresses
from demo.web.access.phone_address import LOOK_EVERY_SEC, NO_NETWORK, ONLY_IPV6, PhoneAddress
from tests.support.servers import Server, serving, wait_for

WIFI, CABLE = LocalAddress("192.168.50.23", "wlan0"), LocalAddress("10.1.2.3", "enp3s0")
WIFI_6, WIFI_LOCAL_6 = LocalAddress("fd12::5", "wlan0"), LocalAddress("fe80::5", "wlan0")
VPN, VPN_BY_ANY_NAME = LocalAddress("10.8.0.2", "tun0"), LocalAddress("10.9.0.2", "corp0", is_point_to_point=True)
DOCKER, LOOPBACK = LocalAddress("172.17.0.1", "docker0"), LocalAddress("127.0.0.2", "lo")
ODD = LocalAddress("192.168.9.9", "mystery")


# The choice.


def test_a_card_of_this_network_comes_first_and_loopback_never() -> None:
    found = by_likelihood([LOOPBACK, DOCKER, VPN, ODD, WIFI_LOCAL_6, VPN_BY_ANY_NAME, WIFI_6, WIFI])
    assert found == (WIFI, WIFI_6, ODD, VPN, VPN_BY_ANY_NAME, DOCKER)


def test_of_two_cards_the_one_towards_the_internet_comes_first_but_a_vpn_gains_nothing_by_it() -> None:
    assert by_likelihood([WIFI, CABLE], way_out="10.1.2.3") == (CABLE, WIFI)
    assert by_likelihood([WIFI, VPN], way_out="10.8.0.2") == (WIFI, VPN)


def test_this_machines_own_addresses_are_listed() -> None:
    found = local_addresses()
    assert found is not None
    assert not any(one.address.startswith("127.") or one.address == "::1" for one in found)


class Machine:
    """Addresses that come and go, and a clock."""

    def __init__(self, *there: LocalAddress) -> None:
        self.there: tuple[LocalAddress, ...] | None = there
        self.now = 100.0

    def phone(self, pinned: str = "", *, ipv6: bool = False) -> PhoneAddress:
        return PhoneAddress(pinned, ipv6=ipv6, look=lambda: self.there, clock=lambda: self.now)

    def later(self, phone: PhoneAddress, *there: LocalAddress) -> str:
        self.there, self.now = there, self.now + LOOK_EVERY_SEC
        return phone.check()


def test_a_better_address_is_offered_and_the_one_that_phones_were_told_stays() -> None:
    machine = Machine(VPN)
    phone = machine.phone()
    assert phone.chosen == "10.8.0.2"
    assert machine.later(phone, VPN, WIFI) == ""
    assert (phone.chosen, phone.others) == ("10.8.0.2", (WIFI,))


def test_an_address_that_is_gone_is_said_once_and_replaced() -> None:
    machine = Machine(WIFI, VPN)
    phone = machine.phone()
    assert phone.chosen == "192.168.50.23"
    assert "lost its address 192.168.50.23" in (said := machine.later(phone, VPN))
    assert "from now on they use 10.8.0.2" in said
    assert machine.later(phone, VPN) == ""
    assert phone.chosen == "10.8.0.2"


def test_the_only_address_that_is_gone_is_said_and_so_is_its_return() -> None:
    machine = Machine(WIFI)
    for phone in (machine.phone(), machine.phone("192.168.50.23")):
        assert phone.chosen == "192.168.50.23"
        assert "lost its address" in machine.later(phone)
        assert machine.later(phone) == ""
        assert "again" in machine.later(phone, WIFI)


def test_a_machine_without_a_network_says_so_and_when_phones_can_come() -> None:
    machine = Machine()
    phone = machine.phone()
    assert (phone.chosen, phone.why_unreachable) == ("", NO_NETWORK)
    assert machine.later(phone, WIFI) == "phones can reach this machine now, at 192.168.50.23"


def test_ipv6_is_named_only_where_the_server_listens_on_it() -> None:
    machine = Machine(WIFI_6, WIFI_LOCAL_6)
    assert machine.phone(ipv6=True).chosen == "fd12::5"
    assert (machine.phone().chosen, machine.phone().why_unreachable) == ("", ONLY_IPV6)


def test_where_no_phone_can_come_no_symbol_is_shown() -> None:
    lost = Invitation(
        "http://127.0.0.1:8000/pair#x", "http://127.0.0.1:8000/pair", "AAAA-AAAA", why_unreachable=NO_NETWORK
    )
    assert lost.lines(with_symbol=True) == [f"phone      {NO_NETWORK}"]
    assert lost.halves(100, 100) == ()


# The same for real: a network namespace with a Wi-Fi and a VPN.

Run = Callable[..., str]

FETCH = "import sys, httpx; print(httpx.get(sys.argv[1], headers={'Authorization': f'Bearer {sys.argv[2]}'}).text)"


@pytest.fixture
def network() -> Iterator[Run]:
    """Runs a command in a network of its own; empty words ask for the name."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("nsenter") is None:
        pytest.skip("NOT TRIED: a network of its own needs root, ip and nsenter")
    name = f"demo-test-{uuid.uuid4().hex[:8]}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        pytest.skip("NOT TRIED: this system makes no network namespaces")

    def run(*command: str) -> str:
        inside = ["nsenter", f"--net=/var/run/netns/{name}", *command]
        return subprocess.run(inside, capture_output=True, text=True, check=True).stdout if command else name

    try:
        run("ip", "link", "set", "lo", "up")
        yield run
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def card(run: Run, name: str, *addresses: str) -> None:
    run("ip", "link", "add", name, "type", "veth", "peer", "name", f"p{name}")
    for one in (f"p{name}", name):
        run("ip", "link", "set", one, "up")
    for address in addresses:
        run("ip", "addr", "add", address, "dev", name, *(["nodad"] if ":" in address else []))


def inside(run: Run, host: str) -> list[str]:
    served = [sys.executable, "-m", "demo", "serve", "none", "--host", host, "--no-open", "--port", "0"]
    return ["nsenter", f"--net=/var/run/netns/{run()}", *served]


def told(server: Server) -> str:
    wait_for(lambda: "end        Ctrl-C" in server.read_output(), say=lambda: server.output)
    return server.output


def test_a_vpn_that_takes_the_way_out_is_not_what_phones_are_told_and_a_lost_address_is_said(network: Run) -> None:
    card(network, "wlan0", "192.168.50.23/24")
    card(network, "tun0", "10.8.0.2/24")
    network("ip", "route", "add", "default", "via", "10.8.0.1", "dev", "tun0")
    with serving(program=inside(network, "0.0.0.0")) as server:
        said = told(server)
        assert re.search(r"phone      http://192\.168\.50\.23:\d+/pair#", said), said
        assert re.search(r"cannot be reached\? http://10\.8\.0\.2:\d+/pair \(tun0\)", said), said
        token = re.search(r"token\s+(\S+)", said)
        assert token
        at = f"http://10.8.0.2:{server.port}"
        asked = f"{server.url.replace('192.168.50.23', '127.0.0.1')}/pairing?at={at}"
        codes = network(sys.executable, "-c", FETCH, asked, Path(token[1]).read_text().strip())
        assert f'"place":"{at}/pair"' in codes, codes
        assert f'"at":"http://192.168.50.23:{server.port}"' in codes, codes
        network("ip", "addr", "del", "192.168.50.23/24", "dev", "wlan0")
        wait_for(lambda: "lost its address 192.168.50.23" in server.read_output(), say=lambda: server.output)
        wait_for(
            lambda: re.search(r"phone      http://10\.8\.0\.2:\d+/pair#", server.read_output()),
            say=lambda: server.output,
        )


def test_a_hall_without_a_way_out_and_with_ipv6_only_is_served(network: Run) -> None:
    card(network, "wlan0", "fd12::5/64")
    with serving(program=inside(network, "::")) as server:
        assert re.search(r"phone      http://\[fd12::5\]:\d+/pair#", told(server)), server.output
