"""The words of TiKV's deck that depend on the cluster: containers or processes, our own or one that was found."""

from collections.abc import Mapping

LEADS_WITHIN_SEC = 5.0

OWN_TICKS_SEC = 25.0
"""The election time in the hypothesis for a cluster without the stage profile: TiKV's default ticks take 10-20 s."""

CONTAINERS = {
    "parts": "containers",
    "kill_command": "docker kill",
    "noticed_first": "The **engine** told us at once.",
    "or_is_red": ", or its container does not run",
    "more_faults": "freeze the store, cut it off, kill PD's leader",
}
PROCESSES = {
    "parts": "processes",
    "kill_command": "kill -9",
    "noticed_first": "We **ask** every store four times a second: no answer.",
    "or_is_red": "",
    "more_faults": "freeze the store, kill PD's leader",
}

STAGED = {
    "elections": "*Stage profile: raft ticks of 200 ms, elections in 2-4 s. TiKV's own are 1 s and 10-20 s.*",
    "slower": " In production the ticks are five times slower.",
}
FOUND = {
    "elections": "*Elections take as long as this cluster is set to: by TiKV's own ticks 10-20 s.*",
    "slower": "",
}


def words_of(rate: float, *, is_staged: bool, in_containers: bool) -> Mapping[str, str]:
    """Return the words by name; `rate`: operations a second, `is_staged`: it runs with the stage's raft ticks."""
    return {
        **(CONTAINERS if in_containers else PROCESSES),
        **(STAGED if is_staged else FOUND),
        "rate": f"{rate:g}",
        "leads_within": f"{leads_within_sec(is_staged=is_staged):g}",
    }


def leads_within_sec(*, is_staged: bool) -> float:
    """Return how soon others lead by the hypothesis, in seconds."""
    return LEADS_WITHIN_SEC if is_staged else OWN_TICKS_SEC
