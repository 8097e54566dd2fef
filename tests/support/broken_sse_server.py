"""An event stream with a flaw of choice, to see whether a measurement finds it.

`python -m tests.support.broken_sse_server FLAW`

It speaks as much of the contract as the load client needs: `GET /stream/stage`, `POST /say`, `GET /state`. Flaws:

- none, or drips: bytes come one by one, in chunks of one; skips: a message is left out, the whole view soon follows;
  ends: a stream ends in order now and then
- forgets: a listener misses a message; deaf: one never gets another; older: an id goes back; behind: one holds an id
  that is too small; tears: a connection is torn; slow: a POST takes long; leaks: files of listeners stay open
"""

import asyncio
import contextlib
import json
import os
import socket
import sys

EPOCH = "1a2b3c4d"


class BrokenSseServer:
    def __init__(self, flaw: str) -> None:
        self.flaw = flaw
        self.seq = 1
        self.text = ""
        self.joined = 0
        self.listeners: dict[int, asyncio.StreamWriter] = {}
        self.kept: list[int] = []

    async def handle_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((int(line[15:]) for line in head.splitlines() if line.startswith("Content-Length:")), 0)
                body = (await reader.readexactly(length)).decode()
                await self.answer(head, body, writer)
        for number in [number for number, one in self.listeners.items() if one is writer]:
            del self.listeners[number]
        writer.close()

    async def answer(self, head: str, body: str, writer: asyncio.StreamWriter) -> None:
        if head.startswith("GET /stream/stage"):
            self.join(writer)
            return
        if head.startswith("POST /say"):
            if self.flaw == "slow":
                await asyncio.sleep(0.3)
            self.seq, self.text = self.seq + 1, body
            for place, number in enumerate(sorted(self.listeners)):
                self.send_event(number, chosen=place == 0)
        told = json.dumps({"epoch": EPOCH, "seq": self.seq})
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(told)}\r\n\r\n{told}".encode())

    def join(self, writer: asyncio.StreamWriter) -> None:
        self.joined += 1
        self.listeners[self.joined] = writer
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        self.send(self.joined, "retry: 500\n\n" + self.whole())
        if self.flaw == "leaks":
            self.kept.append(os.dup(writer.get_extra_info("socket").fileno()))

    def whole(self) -> str:
        return f"id: {EPOCH}-{self.seq}\ndata: <hx-partial>top</hx-partial><hx-partial>{self.text}</hx-partial>\n\n"

    def send_event(self, number: int, *, chosen: bool) -> None:
        """The change, to a listener; the flaw is the first one's, in every third round."""
        message = f"id: {EPOCH}-{self.seq}\ndata: <hx-partial>{self.text}</hx-partial>\n\n"
        third = self.seq % 3
        if chosen and self.flaw == "skips" and third == 0:
            asyncio.get_running_loop().call_later(0.25, self.catch_up, number)
            return
        if chosen and self.flaw == "forgets" and third == 0:
            return
        if chosen and self.flaw == "skips" and third == 1:
            message = self.whole()
        if chosen and self.flaw == "deaf":
            return
        if chosen and (self.flaw == "behind" or (self.flaw == "older" and third == 0)):
            message = message.replace(f"-{self.seq}", f"-{max(self.seq - 2, 0)}")
        if chosen and self.flaw == "tears" and third == 0:
            self.listeners.pop(number).transport.abort()
            return
        self.send(number, message)
        if chosen and self.flaw == "ends" and third == 0:
            self.listeners.pop(number).write(b"0\r\n\r\n")

    def catch_up(self, number: int) -> None:
        if number in self.listeners:
            self.send(number, self.whole())

    def send(self, number: int, text: str) -> None:
        pieces = list(text) if self.flaw == "drips" else [text]
        for piece in pieces:
            self.listeners[number].write(f"{len(piece):x}\r\n{piece}\r\n".encode())


async def main(flaw: str) -> None:
    broken = BrokenSseServer(flaw)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    port = listener.getsockname()[1]
    server = await asyncio.start_server(broken.handle_connection, sock=listener)
    print(f"stage  http://127.0.0.1:{port}/\ncurl -X POST http://127.0.0.1:{port}/advance", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
