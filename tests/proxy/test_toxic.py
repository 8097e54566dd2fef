"""What a toxic may be: its effects, which of them go together, and its JSON."""

import pytest

from demo.errors import InvalidValue
from demo.proxy.toxic import Toxic


@pytest.mark.parametrize(
    "toxic",
    [
        Toxic("p", latency=0.3, jitter=0.1, stream="both", toxicity=0.5),
        Toxic("p", bandwidth=1000, limit_data=0, slow_close=1.0),
        Toxic("p", timeout=0.0),
        Toxic("p", reset_peer=0.0, latency=1.0),
        Toxic("p", down=True),
    ],
)
def test_a_toxic_is_the_same_after_it_was_sent_as_json(toxic: Toxic) -> None:
    assert Toxic.from_json(toxic.to_json()) == toxic


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "a tcp fault needs at least one of latency, jitter, bandwidth"),
        ({"jitter": 0.1}, "jitter makes latency vary: give latency too"),
        ({"down": True, "latency": 1.0}, "down closes every connection, so latency would have no effect"),
        ({"down": True, "toxicity": 0.5}, "down closes the port for everybody"),
        ({"timeout": 1.0, "reset_peer": 1.0}, "give one of them"),
        ({"latency": -1.0}, "latency must be 0 to 3600 (seconds), not -1.0"),
        ({"latency": float("nan")}, "latency must be 0 to 3600"),
        ({"latency": True}, "latency must be 0 to 3600"),
        ({"bandwidth": 0}, "bandwidth must be 10 to 1e+12 (bytes a second), not 0"),
        ({"limit_data": -1}, "limit_data must be 0 to 1e+15 (bytes), not -1"),
        ({"latency": 1.0, "toxicity": 1.5}, "toxicity must be 0 to 1"),
        ({"latency": 1.0, "toxicity": None}, "toxicity must be 0 to 1"),
        ({"latency": 1.0, "stream": "sideways"}, "stream must be one of upstream, downstream, both"),
        ({"latency": 1.0, "down": "no"}, "down must be true or false"),
        ({"slicer": 3}, "a toxic has no 'slicer'; it can have bandwidth,"),
    ],
)
def test_a_toxic_without_meaning_is_refused_with_the_reason(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Toxic.from_json({"proxy": "p", **settings})
    assert words in str(refused.value)


def test_a_toxic_without_a_proxy_is_refused() -> None:
    with pytest.raises(InvalidValue, match="needs the name of its proxy"):
        Toxic.from_json({"latency": 1.0})
