"""Interrupts that are not lost, in the main thread and in others.

Python raises KeyboardInterrupt in the main thread, at whatever step that is at. Raised in a
finaliser or in a callback of C code it is printed and forgotten; raised within a context manager's
exit it leaves half of the work undone. While `interruptible` is entered, its handler of SIGINT
calls the one before it, keeps what that raised, and raises it again every tenth of a second until
it has left. Within a `protected` function it waits for the function's end.
"""

from __future__ import annotations

import _thread
import ctypes
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NoReturn, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
T = TypeVar("T")
_AGAIN = 0.1  # seconds to the next try
_PATIENCE = 1.0  # seconds in which another signal is the same interrupt
_protected: set[CodeType] = set()


def interrupt(thread: int) -> None:
    """Raise KeyboardInterrupt in a thread, by its identifier, at its next step in Python."""
    kind = ctypes.py_object(KeyboardInterrupt)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)


def protected(function: Function) -> Function:
    """The function, whose calls the main thread's interrupts wait for, within `interruptible`."""
    _protected.add(function.__code__)
    return function


class Interruptible:
    """The context in which the main thread loses no interrupt; nothing in other threads."""

    def __init__(self) -> None:
        self._depth = 0
        self._lock = threading.Lock()
        self._is_again = False  # what comes next is the same signal, not another
        self._forget()

    def _forget(self) -> None:
        self._since: float | None = None  # when the signal came that has not left yet
        self._raised: BaseException | None = None

    @protected
    def __enter__(self) -> None:
        if not _is_main():
            return
        if self._depth == 0:
            self._forget()
            self._install()
        self._depth += 1

    @protected
    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        if not _is_main():
            return
        self._depth = max(self._depth - 1, 0)
        if self._depth == 0:
            self._leave(fault)
        elif self._since is not None:  # it came within a protected function, perhaps this one
            self._raise(signal.SIGINT, None)

    @property
    def is_due(self) -> bool:
        """Whether a signal waits for the end of a protected function."""
        return self._since is not None and _is_main()

    def _install(self) -> None:
        before = signal.getsignal(signal.SIGINT)
        if callable(before) and not isinstance(before, Interruptible):
            self._before = before
            signal.signal(signal.SIGINT, self)

    def _leave(self, fault: BaseException | None) -> None:
        with self._lock:  # nobody tries again from here on
            current: Any = signal.getsignal(signal.SIGINT)
            if current is self:
                signal.signal(signal.SIGINT, self._before)
            due, raised = self._since is not None, self._raised
            self._forget()
        if raised is not None and not isinstance(fault, type(raised)):
            raise raised
        if due and raised is None:
            self._before(signal.SIGINT, None)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """What SIGINT calls, in the main thread."""
        if self._is_again:
            self._is_again = False
        elif self._since is None:
            self._since = time.monotonic()
            _thread.start_new_thread(self._insist, (self._since,))
        elif time.monotonic() - self._since < _PATIENCE:
            return
        else:  # the cleaning up stands still
            self._raised = None
        if self._since is not None and not _is_protected(frame):
            self._raise(number, frame)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if self._raised is None:
            try:
                self._before(number, frame)
            except BaseException as fault:
                self._raised = fault
                raise
            self._since = None  # it was not to be raised
        elif not _is_handled(self._raised):
            raise self._raised

    def _insist(self, since: float) -> None:
        """Try again until the interrupt has left."""
        while True:
            time.sleep(_AGAIN)
            with self._lock:
                if self._since != since or self._depth == 0:
                    return
                self._is_again = True
                _thread.interrupt_main()


def _is_main() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def _is_protected(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in _protected:
            return True
        frame = frame.f_back
    return False


def _is_handled(fault: BaseException) -> bool:
    """Whether it is on its way: this is called from a `finally`, or from a context's exit."""
    current = sys.exc_info()[1]
    while current is not None and current is not fault:
        current = current.__context__
    return current is not None


interruptible = Interruptible()


def out_of_main(act: Callable[[], T]) -> T:
    """What `act` gives. Another thread runs it, and interrupts of the main thread wait for its end.

    It is for short work of a library that puts a handler of its own in the place of Python's where
    the main thread calls it. `pyarrow.csv.read_csv` does, and lost 1 to 5 of 100 interrupts.
    """
    if not _is_main():
        return act()
    with interruptible:
        return _by_another_thread(act)


@protected
def _by_another_thread(act: Callable[[], T]) -> T:
    answers: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

    def answer() -> None:
        try:
            found = act()
        except BaseException as error:
            fault = error
            answers.put(lambda: _raised(fault))
        else:
            answers.put(lambda: found)

    _thread.start_new_thread(answer, ())
    return answers.get()()


def _raised(fault: BaseException) -> NoReturn:
    raise fault
