"""What a server's show says it runs on, as programs read it from its events."""

import json

from tests.support.servers import Server, Stream


def wait_for_system_description(server: Server, name: str) -> dict[str, str]:
    """The first description that has this name; waits for it."""
    with Stream(server, "/events", {"Last-Event-ID": f"{server.state()['epoch']}-0"}, timeout=30) as stream:
        while True:
            event = json.loads(stream.next()["data"])["event"]
            if event["type"] == "SystemDescribed" and name in (facts := dict(event["facts"])):
                return facts
