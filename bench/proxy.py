"""Our TCP proxy beside `socat`: throughput both ways, round trips, and how exact an added latency is.

It needs `socat`; `--rounds N` (0: latency alone), `--mib N`, `--buffer N`. All in one run, in turns,
on loopback. On a machine that is busy with other work, `chrt -f 5 python -m bench.proxy --rounds 0` (as root) measures
the timers and not the queue for a processor.
"""

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo.processes.child import ROOT, build_detached_command
from demo.processes.ports import free_ports
from demo.processes.unix_client import ask
from demo.proxy.client import ProxyClient, ProxyIdentity
from demo.proxy.place import file_of
from demo.proxy.toxic import Toxic

SERVER = """
import socket, sys, threading
def serve(one):
    kind = one.recv(1)
    buffer = bytearray(1 << 20)
    if kind == b"s":  # sink: count until the end, then say how much it was
        total = 0
        while size := one.recv_into(buffer):
            total += size
        one.sendall(total.to_bytes(8, "big"))
    elif kind == b"f":  # flood
        left = int.from_bytes(one.recv(8), "big")
        while left > 0:
            left -= one.send(memoryview(buffer)[:min(left, len(buffer))])
    else:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while size := one.recv_into(buffer):
            one.sendall(memoryview(buffer)[:size])
    one.close()
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    threading.Thread(target=serve, args=listening.accept()[:1], daemon=True).start()
"""


def push(port: int, size: int) -> float:
    """Return MiB/s from the client to the server."""
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(b"s")
        data, left, begun = memoryview(bytes(1 << 20)), size, time.perf_counter()
        while left > 0:
            left -= one.send(data[: min(left, len(data))])
        one.shutdown(socket.SHUT_WR)
        assert int.from_bytes(one.recv(8), "big") == size
        return size / (time.perf_counter() - begun) / 2**20


def pull(port: int, size: int) -> float:
    """Return MiB/s from the server to the client."""
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(b"f")
        time.sleep(0.05)  # so that the server reads the two apart
        begun = time.perf_counter()
        one.sendall(size.to_bytes(8, "big"))
        buffer, left = bytearray(1 << 20), size
        while left > 0:
            left -= one.recv_into(buffer)
        return size / (time.perf_counter() - begun) / 2**20


def round_trips(port: int, count: int, pause_sec: float = 0.0) -> list[float]:
    """Return how long each of `count` small requests took, in ms."""
    took = []
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.sendall(b"e")
        time.sleep(0.05)
        for _ in range(count):
            begun = time.perf_counter()
            one.sendall(b"x" * 64)
            one.recv(64)
            took.append((time.perf_counter() - begun) * 1000)
            time.sleep(pause_sec)
    return took


def wait_until_listens(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            return


def cpu_sec(pid: int) -> float:
    """Return the CPU time of a process, and of those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[int]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_until_listens(port)
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def our_proxy(port: int, to: int, buffer: int) -> Iterator[ProxyIdentity]:
    config = {"show": f"bench {port}", "idle_sec": 60, "buffer_bytes": buffer}
    process = subprocess.Popen(
        build_detached_command("demo.proxy.process"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(config).encode() + b"\n")
        process.stdin.close()
        assert json.loads(process.stdout.readline()) == {"up": True}
        place = file_of(str(config["show"]), "sock")
        route = {"name": "p", "listen": f"127.0.0.1:{port}", "to": f"127.0.0.1:{to}"}
        body = {"client": {"pid": process.pid, "born": None}, "routes": [route]}
        asyncio.run(ask(place, "PUT", "/routes", 5, "the proxy", body))
        yield ProxyIdentity(str(place), process.pid, None, "")
    finally:
        process.kill()
        process.wait()


def share(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def compare(ports: dict[str, int], pids: dict[str, int], rounds: int, size: int) -> None:
    for what, measure in (("client to server", push), ("server to client", pull)):
        found: dict[str, list[float]] = {name: [] for name in ports}
        spent = {name: -cpu_sec(pid) for name, pid in pids.items()}
        for _ in range(rounds):
            for name, port in ports.items():
                found[name].append(measure(port, size))
        time.sleep(1)  # socat's children end, and their time counts
        cost = {name: (cpu_sec(pid) + spent[name]) / (rounds * size / 2**30) for name, pid in pids.items()}
        middle = {name: statistics.median(values) for name, values in found.items()}
        said = ", ".join(f"{name} {value:,.0f} MiB/s" for name, value in middle.items())
        print(f"{what}: {said}; proxy / socat = {middle['proxy'] / middle['socat']:.2f}")
        print("    CPU for a GiB: " + ", ".join(f"{name} {value:.2f} s" for name, value in cost.items()))
    for name, port in ports.items():
        took = round_trips(port, 4000)
        print(f"round trip of 64 bytes, {name}: p50 {share(took, 0.5):.3f} ms, p99 {share(took, 0.99):.3f} ms")


def sleep_errors(latency: float, count: int) -> list[float]:
    """Return by how many ms the machine itself wakes late, right now, from sleeps of so many seconds."""
    errors = []
    for _ in range(count):
        begun = time.perf_counter()
        time.sleep(latency)
        errors.append((time.perf_counter() - begun - latency) * 1000)
    return errors


def check_latency(port: int, identity: ProxyIdentity) -> None:
    for stream, ways in (("upstream", 1), ("downstream", 1), ("both", 2)):
        for latency in (0.005, 0.05, 0.2):
            client, name = ProxyClient(identity), f"{stream}-{latency}"
            before = statistics.median(round_trips(port, 200))
            asyncio.run(client.add(name, Toxic("p", latency=latency, stream=stream)))  # type: ignore[arg-type]
            took = round_trips(port, min(200, int(4 / latency / ways)), 0.003)
            asyncio.run(client.remove(name))
            errors = [(one - before) / ways - latency * 1000 for one in took]
            late = sleep_errors(latency, min(100, int(2 / latency)))
            print(
                f"latency {latency * 1000:.0f} ms {stream}: error of each way p1 {share(errors, 0.01):+.2f} ms, "
                f"p50 {share(errors, 0.5):+.2f} ms, p99 {share(errors, 0.99):+.2f} ms "
                f"(a sleep here: p50 {share(late, 0.5):+.2f} ms, p99 {share(late, 0.99):+.2f} ms)"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--buffer", type=int, default=65536)
    given = parser.parse_args()
    socat = shutil.which("socat")
    if socat is None:
        sys.exit("socat is not installed: apt-get install socat")
    server, of_socat, ours = free_ports(3)
    command = [socat, "-b", str(given.buffer), f"TCP-LISTEN:{of_socat},bind=127.0.0.1,fork,reuseaddr,nodelay"]
    with (
        running([sys.executable, "-c", SERVER, str(server)], server),
        running([*command, f"TCP:127.0.0.1:{server},nodelay"], of_socat) as socat_pid,
        our_proxy(ours, server, given.buffer) as identity,
    ):
        ports = {"direct": server, "socat": of_socat, "proxy": ours}
        if given.rounds:
            compare(ports, {"socat": socat_pid, "proxy": identity.pid}, given.rounds, given.mib << 20)
        check_latency(ours, identity)


if __name__ == "__main__":
    main()
