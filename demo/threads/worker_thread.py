"""Blocking work in daemon threads, which never keep the process alive: not even one whose disk or network hangs.

`ThreadPoolExecutor` and `asyncio.to_thread` are not for that: the interpreter joins their threads at exit.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class WorkerThread:
    """Runs submitted functions one after another in one daemon thread."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run `work` after everything submitted before; return its future, which holds whatever it raises."""
        future: Future[T] = Future()

        def job() -> None:
            # Cancelled while it was queued.
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised by the future's `result`
                future.set_exception(error)

        self._jobs.put(job)
        return future

    def end(self) -> None:
        """End the thread after what was submitted. Does not wait for it."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def run_in_thread(work: Callable[[], T], name: str) -> Future[T]:
    """Run `work` at once in a daemon thread of its own, which ends with it; return its future."""
    worker = WorkerThread(name)
    future = worker.submit(work)
    worker.end()
    return future
