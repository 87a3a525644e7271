"""Reading ahead: a block is made while the one before it is in use."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

from fastreg._interrupts import interrupt, interruptible, protected

T = TypeVar("T")
_PATIENCE = 0.05  # seconds between two looks for an end, or for a signal
_GRACE = 0.15  # seconds that an interrupt waits for an item that is being made


def ahead(items: Iterator[T]) -> contextlib.AbstractContextManager[Iterator[T]]:
    """The same items, made by a thread of its own, one of them in advance and one under way.

    What making one raises is raised where it would have been used. The thread ends with the
    context, after the item that it is making; an interrupt goes on to the thread, and does not
    wait for one that sleeps.
    """
    return _Ahead(items)


class _Ahead(contextlib.AbstractContextManager[Iterator[Any]]):
    """Bare locks only: an interrupt between the steps of a Condition leaves it locked."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        self._line: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._room = threading.Lock()  # for one that waits
        self._is_stopped = False
        self._thread = threading.Thread(target=self._make, name="fastreg-reader", daemon=True)

    @protected
    def __enter__(self) -> Iterator[Any]:
        interruptible.__enter__()
        self._thread.start()
        return self._take()

    @protected
    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        self._is_stopped = True
        self._end(interrupted=kind is not None and not issubclass(kind, Exception))
        interruptible.__exit__(kind, *rest)

    def _end(self, *, interrupted: bool) -> None:
        while self._thread.is_alive() and not (interrupted or interruptible.is_due):
            self._thread.join(_PATIENCE)
        self._thread.join(_GRACE)
        if self._thread.is_alive():
            interrupt(self._thread.ident or 0)
            self._thread.join(_GRACE)

    def _make(self) -> None:
        try:
            for item in self._items:
                self._put("item", item)
                if self._is_stopped:
                    return
            self._put("end", None)
        except BaseException as error:
            self._put("error", error)

    def _put(self, kind: str, value: Any) -> None:
        while not self._is_stopped:
            if self._room.acquire(timeout=_PATIENCE):
                return self._line.put((kind, value))

    def _take(self) -> Iterator[Any]:
        while True:
            try:
                kind, value = self._line.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
            self._room.release()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value
