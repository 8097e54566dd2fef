"""The addresses that a phone may be given, as `demo doctor` names them."""

from demo.doctor.machine import phones
from demo.web.access.interfaces import LocalAddress, local_addresses
from demo.web.access.phone_address import NO_NETWORK

NOWHERE = LocalAddress("203.0.113.7", "wlan0")
"""An address that is reserved for documentation, so no machine has it."""


def test_every_address_of_this_machine_is_named_and_tried() -> None:
    own = local_addresses() or ()
    found = phones(8123)
    told = " ".join(finding.found for finding in found)
    for one in [one for one in own if ":" not in one.address and not one.address.startswith("127.")][:4]:
        assert f"http://{one.address}:8123/" in told
    assert own
    assert "QR code" in found[0].found
    assert all("QR code" not in finding.found for finding in found[1:])


def test_an_address_at_which_nothing_answers_is_worth_a_look() -> None:
    [first] = phones(8000, lambda: (NOWHERE,))
    assert (first.verdict, first.remedy) == ("maybe", "look at the network and the firewall")
    assert first.found.startswith("http://203.0.113.7:8000/ (in the QR code")


def test_addresses_for_containers_come_last_and_are_named_as_such() -> None:
    docker = LocalAddress("172.17.0.1", "docker0")
    first, second = phones(8000, lambda: (docker, NOWHERE))
    assert "203.0.113.7" in first.found
    assert (second.verdict, "for containers and virtual machines" in second.found) == ("ok", True)


def test_a_machine_without_a_network_is_told_so() -> None:
    [only] = phones(8000, lambda: ())
    assert (only.verdict, only.found) == ("maybe", NO_NETWORK)
