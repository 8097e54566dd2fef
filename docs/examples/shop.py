"""A shop in one process: GET / answers with the number of orders in PostgreSQL, or with 503.

Run it with its own port and the port of PostgreSQL: python3 shop.py 8080 55432
"""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def count_orders(database_port):
    """Ask PostgreSQL over a new connection. Raises `OSError` when it does not answer within 1 second."""
    command = ["psql", "-h", "127.0.0.1", "-p", str(database_port), "-U", "shop", "-d", "postgres"]
    command += ["-Atc", "SELECT count(*) FROM orders"]
    try:
        return int(subprocess.run(command, capture_output=True, check=True, timeout=1).stdout)
    except subprocess.SubprocessError as error:
        raise OSError("PostgreSQL does not answer") from error


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            status, body = 200, f"{count_orders(DATABASE_PORT)} orders\n"
        except OSError:
            status, body = 503, "no database\n"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        """Keep the terminal quiet."""


if __name__ == "__main__":
    PORT, DATABASE_PORT = int(sys.argv[1]), int(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Shop)
    Path(__file__).resolve().with_name("shop.pid").write_text(str(os.getpid()))
    server.serve_forever()
