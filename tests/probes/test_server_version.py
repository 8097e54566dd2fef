"""What an answer to INFO says of the server's version."""

from typing import Any

import pytest

from demo.probes.server_version import Version, redis_version


@pytest.mark.parametrize(
    ("info", "version"),
    [
        ({"redis_version": "7.0.15"}, ("Redis", "7.0.15")),
        ({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "8.0.1"}, ("Valkey", "8.0.1")),
        ({"redis_version": 7.2}, None),
        ({}, None),
    ],
)
def test_valkey_tells_its_own_version(info: dict[str, Any], version: Version | None) -> None:
    assert redis_version(info) == version
