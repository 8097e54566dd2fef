"""A small service: `service.py NAME PORT WORK_MS`. It works on one request of each caller at a time, in order.

A request whose caller has given up is worked on all the same: a server cannot tell.
"""

import sys
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Semaphore

NAME, PORT, WORK_SEC = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) / 1000
MAX_WAITING = 100


class Queue:
    """The requests of one caller: one is worked on, at most MAX_WAITING wait."""

    def __init__(self) -> None:
        self.turn, self.waiting = Semaphore(), 0


QUEUES: defaultdict[str, Queue] = defaultdict(Queue)
COUNTING = Lock()


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(200, "ok")
            return
        with COUNTING:
            queue = QUEUES[self.path]
            full = queue.waiting >= MAX_WAITING
            queue.waiting += not full
        if full:
            self.answer(503, "too busy")
            return
        with queue.turn:
            time.sleep(WORK_SEC)
        with COUNTING:
            queue.waiting -= 1
        self.answer(200, f"{NAME}: 7")

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        """Print nothing: ten lines a second help nobody."""


class Server(ThreadingHTTPServer):
    request_queue_size = 256


Server(("127.0.0.1", PORT), Service).serve_forever()
