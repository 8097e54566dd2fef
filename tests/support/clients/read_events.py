"""Reads an event stream with one of PyPI's clients, and prints a line of JSON for each event that it delivers.

python -m tests.support.clients.read_events CLIENT URL
"""

import asyncio
import contextlib
import json
import sys
import time

import aiohttp
import httpx
import requests
from aiosseclient import aiosseclient
from httpx_sse import connect_sse
from sseclient import SSEClient

PAUSE_SEC = 0.2


def tell(ident: str | None, event: str, data: str) -> None:
    print(json.dumps({"id": ident, "event": event, "data": data}), flush=True)


def read_with_httpx_sse(url: str) -> None:
    """It does not come back by itself: whoever uses it opens the stream again, with the last id."""
    headers: dict[str, str] = {}
    endless = httpx.Client(timeout=None)
    while True:
        with contextlib.suppress(httpx.TransportError), connect_sse(endless, "GET", url, headers=headers) as source:
            for event in source.iter_sse():
                headers["Last-Event-ID"] = event.id
                tell(event.id, event.event, event.data)
        time.sleep(PAUSE_SEC)


def read_with_sseclient(url: str) -> None:
    """It comes back with the last id; where nobody listens yet, its caller asks it for the next event again."""
    client = SSEClient(url)
    while True:
        with contextlib.suppress(requests.RequestException):
            for event in client:
                tell(event.id, event.event, event.data)


async def read_with_aiosseclient(url: str) -> None:
    """It does not come back by itself: whoever uses it opens the stream again, with the last id."""
    last = None
    while True:
        with contextlib.suppress(aiohttp.ClientError):
            async for event in aiosseclient(url, last_id=last):
                last = event.id or last
                tell(event.id, event.event, event.data)
        await asyncio.sleep(PAUSE_SEC)


def main(client: str, url: str) -> None:
    if client == "httpx-sse":
        read_with_httpx_sse(url)
    elif client == "sseclient":
        read_with_sseclient(url)
    else:
        asyncio.run(read_with_aiosseclient(url))


if __name__ == "__main__":
    main(*sys.argv[1:])
