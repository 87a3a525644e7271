"""Reading ahead: a block is made while the one before it is in use."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

from fastreg._interrupts import interrupt

T = TypeVar("T")
DEPTH = 1  # blocks that wait; one more is being made, one in use
_PATIENCE = 0.05  # seconds between two looks for an end
_GRACE = 0.15  # seconds that an interrupt waits for an item that is being made


@contextlib.contextmanager
def ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same items, made by a thread of its own, up to `DEPTH` of them in advance.

    What making one raises is raised where it would have been used. The thread ends with the
    context, after the item that it is making; an interrupt goes on to the thread, and does not
    wait for one that sleeps.
    """
    line: queue.Queue[tuple[str, Any]] = queue.Queue(DEPTH)
    stop = threading.Event()

    def put(kind: str, value: Any) -> None:
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                return line.put((kind, value), timeout=_PATIENCE)

    def make() -> None:
        try:
            for item in items:
                put("item", item)
                if stop.is_set():
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    def take() -> Iterator[T]:
        while True:
            kind, value = line.get()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value

    thread = threading.Thread(target=make, name="fastreg-reader", daemon=True)
    grace = None
    thread.start()
    try:
        yield take()
    except KeyboardInterrupt:
        grace = _GRACE
        raise
    finally:
        stop.set()
        with contextlib.suppress(queue.Empty):
            line.get_nowait()
        thread.join(grace)
        if thread.is_alive():
            interrupt(thread.ident or 0)
            thread.join(grace)
