"""Sizes, bandwidths and times of a `tcp` fault as they are written, and the toxic that they make."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from demo.errors import InvalidValue
from demo.proxy.toxic import Toxic
from demo.showfile.quantities import parse_bandwidth, parse_size, parse_time_or_now, parse_time_or_zero
from demo.showfile.schema.faults import TcpToxics


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_size, "500B", 500),
        (parse_size, "1.5 KB", 1500),
        (parse_size, "2MiB", 2 << 20),
        (parse_bandwidth, "100KB/s", 100_000),
        (parse_bandwidth, "1 MiB / s", 1 << 20),
        (parse_time_or_zero, "0", 0.0),
        (parse_time_or_zero, "0s", 0.0),
        (parse_time_or_zero, "300ms", 0.3),
        (parse_time_or_now, "now", 0.0),
        (parse_time_or_now, "2s", 2.0),
    ],
)
def test_a_quantity_of_a_connection_is_read_with_its_unit(
    parse: Callable[[str], float], text: str, value: float
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (parse_size, "500", "write 500B for bytes or 500KB for kilobytes"),
        (parse_size, "5 stones", "'stones' is not a unit of size: write B, KB"),
        (parse_size, "much", "'much' is not a valid size: write it like 500B, 10KB or 1MiB"),
        (parse_bandwidth, "100", "write 100KB/s"),
        (parse_bandwidth, "100KB", "'100KB' is a size: write 100KB/s"),
        (parse_bandwidth, "100KB/m", "in bytes a second, like 100KB/s"),
        (parse_bandwidth, "10Mbit/s", "in bytes a second, like 100KB/s"),
        (parse_bandwidth, "10Mb/s", "in bytes a second, like 100KB/s"),
        (parse_time_or_zero, "now", "'now' is not a valid duration"),
        (parse_time_or_now, "3", "'3' has no unit"),
    ],
)
def test_a_quantity_that_could_be_misread_is_refused(parse: Callable[[str], float], text: str, words: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse(text)
    assert words in str(refused.value)


def test_a_tcp_fault_of_the_file_is_a_toxic_and_the_same_after_json() -> None:
    written = {
        "proxy": "db",
        "latency": "300ms",
        "jitter": "50ms",
        "bandwidth": "10KB/s",
        "limit_data": "1MB",
        "reset_peer": "now",
        "stream": "both",
        "toxicity": "25%",
    }
    settings = TcpToxics.model_validate(written)
    toxic = Toxic(
        "db", latency=0.3, jitter=0.05, bandwidth=10_000, limit_data=10**6, reset_peer=0.0, stream="both", toxicity=0.25
    )
    assert settings.as_toxic() == toxic
    assert TcpToxics.model_validate_json(settings.model_dump_json()).as_toxic() == toxic


def test_a_number_without_its_unit_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValidationError, match="has no unit: write 300ms, 300s or"):
        TcpToxics.model_validate({"proxy": "db", "latency": "300"})
