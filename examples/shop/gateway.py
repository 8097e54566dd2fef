"""The shop's gateway: `gateway.py PORT PRICES_PORT STOCK_PORT`. GET /retry asks the stock by that strategy."""

import sys
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from strategies import STRATEGIES

PORT, PRICES, STOCK = map(int, sys.argv[1:])


def ask(port: int, caller: str, timeout: float | None) -> str:
    """Call a service once. Raises `OSError` when it does not answer in time, or not with 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", f"/{caller}")
        response = connection.getresponse()
        text = response.read().decode()
    except HTTPException as error:
        raise ConnectionError from error
    finally:
        connection.close()
    if response.status != 200:
        raise ConnectionError(text)
    return text


class Gateway(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        caller = self.path.strip("/")
        if caller == "health":
            self.answer(200, "ok")
        elif caller in STRATEGIES:
            try:
                stock = STRATEGIES[caller](partial(ask, STOCK, caller))
                self.answer(200, f"{ask(PRICES, caller, 1.0)}, {stock}\n")
            except OSError:
                self.answer(503, "the shop is closed\n")
        else:
            self.answer(404, f"there is no {self.path}\n")

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        with suppress(OSError):  # the visitor may have left
            self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        """Print nothing: fifty lines a second help nobody."""


class Server(ThreadingHTTPServer):
    request_queue_size = 256


Server(("127.0.0.1", PORT), Gateway).serve_forever()
