"""Requests over plain HTTP, each on a connection of its own, as `httpx.get` and its like make them.

`httpx` reads the machine's certificates anew for each request and each client, 60 ms of CPU, for `http://` too. Here
they are read once.
"""

import ssl
from contextlib import AbstractContextManager
from typing import Any

import httpx

CERTIFICATES = ssl.create_default_context()
"""What `httpx` would make for each client: pass it as `verify`."""


def client(**more: Any) -> httpx.Client:
    return httpx.Client(**{"verify": CERTIFICATES} | more)


def request(method: str, url: str, **more: Any) -> httpx.Response:
    return httpx.request(method, url, **{"verify": CERTIFICATES} | more)


def get(url: str, **more: Any) -> httpx.Response:
    return request("GET", url, **more)


def post(url: str, **more: Any) -> httpx.Response:
    return request("POST", url, **more)


def stream(method: str, url: str, **more: Any) -> AbstractContextManager[httpx.Response]:
    return httpx.stream(method, url, **{"verify": CERTIFICATES} | more)
