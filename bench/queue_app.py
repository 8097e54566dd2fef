"""A peer: sse-starlette as its documentation shows it, a queue for each listener. Served by uvicorn."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from sse_starlette import EventSourceResponse

app = FastAPI()
queues: set[asyncio.Queue[str]] = set()


async def _messages() -> AsyncIterator[dict[str, str]]:
    queue: asyncio.Queue[str] = asyncio.Queue()
    queues.add(queue)
    try:
        yield {"comment": "here"}
        while True:
            yield {"data": await queue.get()}
    finally:
        queues.discard(queue)


@app.get("/stream/stage")
async def stream() -> EventSourceResponse:
    return EventSourceResponse(_messages())


@app.post("/say", status_code=204)
async def say(request: Request) -> None:
    text = (await request.body()).decode()
    for queue in queues:
        queue.put_nowait(text)
