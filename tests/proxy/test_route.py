"""Addresses of a proxy as they are written, and what is said about an open one."""

import pytest

from demo.errors import InvalidValue
from demo.proxy.address import Address, parse_address
from demo.proxy.route import ProxyRoute


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:6380", "127.0.0.1", 6380, True),
        ("127.1.2.3:1", "127.1.2.3", 1, True),
        ("[::1]:6380", "::1", 6380, True),
        ("localhost:80", "localhost", 80, True),
        ("0.0.0.0:6380", "0.0.0.0", 6380, False),
        ("[::]:6380", "::", 6380, False),
        ("db.example:5432", "db.example", 5432, False),
    ],
)
def test_an_address_is_read_and_written_again(text: str, host: str, port: int, is_loopback: bool) -> None:
    assert parse_address(text) == Address(host, port)
    assert str(parse_address(text)) == text
    assert parse_address(text).is_loopback == is_loopback


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("6380", "write host and port, like 127.0.0.1:6380"),
        ("db", "write host and port, like db:6380"),
        (":6380", "write host and port, like 127.0.0.1:6380"),
        ("", "write host and port"),
        ("db:http", "the port must be a number from 1 to 65535"),
        ("db:0", "the port must be a number from 1 to 65535"),
        ("db:70000", "the port must be a number from 1 to 65535"),
        ("::1:6380", "an IPv6 address stands in brackets, like [::1]:6380"),
        ("http://db:80", "write host and port, like 127.0.0.1:80"),
        ("my db:80", "write host and port"),
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str, words: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_address(text)
    assert words in str(refused.value)


def test_a_proxy_that_leads_to_itself_is_refused_by_name() -> None:
    with pytest.raises(InvalidValue, match="proxy 'db' would connect to itself"):
        ProxyRoute.read("db", "127.0.0.1:6380", "127.0.0.1:6380")
    with pytest.raises(InvalidValue, match="proxy 'db': '6380' is not a valid address"):
        ProxyRoute.read("db", "6380", "127.0.0.1:6379")


def test_only_a_proxy_that_others_can_reach_is_warned_of() -> None:
    assert ProxyRoute.read("db", "127.0.0.1:6380", "127.0.0.1:6379").exposure == ""
    said = ProxyRoute.read("db", "0.0.0.0:6380", "10.0.0.7:6379").exposure
    assert "'db' listens on 0.0.0.0:6380" in said
    assert "reaches 10.0.0.7:6379 through it" in said
    assert "Write 127.0.0.1:6380" in said
