"""The links of a show file, `client -> api -> db`, as what each node leads to."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

ARROW = "->"


def read_links(links: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return for each node the nodes that it leads to, in the order of the file; a flow after a colon is left out."""
    found: dict[str, dict[str, None]] = {}
    for link in links:
        nodes = [node.strip() for node in link.partition(":")[0].split(ARROW)]
        for here, there in pairwise(nodes):
            found.setdefault(here, {})[there] = None
    return {node: tuple(leads_to) for node, leads_to in found.items()}
