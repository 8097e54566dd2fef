"""A thread that does blocking work in order. It is a daemon, so a disk that hangs never keeps the process alive."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class WorkerThread:
    """Runs submitted functions one after another in a daemon thread.

    Not a `ThreadPoolExecutor`: the interpreter joins its threads at exit, for ever if one of them hangs.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run `work` after everything submitted before; return its future."""
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
