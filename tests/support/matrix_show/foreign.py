"""A server of somebody else's: `foreign.py PORT PIDFILE` starts it detached, unless one answers; `--serve` is it."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time


def serve(port: int) -> None:
    """Each connection has a thread: a client that was stopped before it sent anything holds up nobody else."""
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.recv(1024)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")


def answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex(("127.0.0.1", port)) == 0


def start(port: int, pid_file: str) -> None:
    if answers(port):
        return
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, "--serve", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + 10
    while not answers(port) and time.monotonic() < until:
        time.sleep(0.02)
    if process.poll() is not None:
        sys.exit("somebody else has taken the port meanwhile")
    with open(f"{pid_file}.{os.getpid()}", "w") as file:  # noqa: PTH123 - starts faster without pathlib
        file.write(f"{process.pid}\n")
    os.replace(f"{pid_file}.{os.getpid()}", pid_file)  # noqa: PTH105 - the same
    process.returncode = 0  # it goes on when this process has ended


if __name__ == "__main__":
    serve(int(sys.argv[2])) if sys.argv[1] == "--serve" else start(int(sys.argv[1]), sys.argv[2])
