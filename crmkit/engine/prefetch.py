"""Work ahead, in a thread: the next items while the current one is in use, an answer before it is asked for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

Item = TypeVar("Item")
_PAUSE = 0.1


def ahead(items: Iterator[Item], depth: int = 2) -> Iterator[Item]:
    """The same items in the same order, up to `depth` of them prepared in advance.

    What the items raise is raised here, in its place. Polars and PyArrow leave Python's lock while
    they work, so the thread is a second core at work.
    """
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    left = threading.Event()

    def put(kind: str, value: Any) -> None:
        while not left.is_set():
            with suppress(queue.Full):
                ready.put((kind, value), timeout=_PAUSE)
                return

    def work() -> None:
        try:
            for item in items:
                put("item", item)
                if left.is_set():
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    threading.Thread(target=work, daemon=True, name="crmkit-ahead").start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "item":
                yield value
            elif kind == "error":
                raise value
            else:
                return
    finally:
        left.set()


def soon(function: Callable[[], Item]) -> Callable[[], Item]:
    """Begin at once; what comes back waits for the answer, or raises what the function raised."""
    answer: Future[Item] = Future()

    def work() -> None:
        try:
            answer.set_result(function())
        except BaseException as error:
            answer.set_exception(error)

    # No daemon: one that ends with Python, in the middle of native code, would take the process with it.
    threading.Thread(target=work, name="crmkit-soon").start()
    return answer.result
