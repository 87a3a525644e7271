"""Threads: serial kernels without the GIL, run over ranges of blocks by one small pool.

Blocks are cut by shape alone and summed in order, so the answer does not depend on
the number of threads. Compared with `prange`: as fast from 8 MB of data on, a third
of the compile time, safe to enter from several threads at once, alive after a fork,
and interruptible between calls (`docs/decisions/0001-threads.md`).
"""

from __future__ import annotations

import _thread
import functools
import os
import queue
import threading
import time
from collections.abc import Callable, Generator
from numbers import Integral
from typing import Any

from fastreg._interrupts import interrupt, interruptible, protected

_lock = threading.Lock()
_busy = threading.local()
# .inside: this thread's passes are serial; .crew: for whom it works; .blas: users of one thread
_shares: queue.SimpleQueue[_Share] = queue.SimpleQueue()
_pool_size = 0
_PATIENCE = 0.1  # seconds between two looks for a signal
# Seconds to look for the end of a thread before sleeping until it comes: a sleeper wakes in 80 µs.
_AWAKE = 1e-4
_requested: int | None = None


def _default_threads() -> int:
    """Processors this process may use, capped by the variables that workers are given."""
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
    else:
        available = os.cpu_count() or 1
    for name in ("FASTREG_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        setting = os.environ.get(name, "")
        if setting.isdigit() and int(setting) > 0:
            return min(int(setting), available)
    return available


def get_num_threads() -> int:
    """Return the number of threads that a large pass over X uses.

    Returns
    -------
    int
        The last number given to `set_num_threads`. Without one, ``FASTREG_NUM_THREADS``; without
        that, the number of cores that this process may use.

    Examples
    --------
    >>> import fastreg
    >>> fastreg.get_num_threads() >= 1
    True
    """
    return _requested if _requested is not None else _default_threads()


def set_num_threads(count: Any) -> None:
    """Set the number of threads that a large pass over X uses.

    The answer has the same bits for every number.

    Parameters
    ----------
    count : int or None
        At least 1. None goes back to ``FASTREG_NUM_THREADS`` or the number of cores.

    Raises
    ------
    ValueError
        If `count` is no positive integer and not None.

    Examples
    --------
    >>> import fastreg
    >>> fastreg.set_num_threads(2)
    >>> fastreg.get_num_threads()
    2
    >>> fastreg.set_num_threads(None)
    """
    global _requested
    if count is not None:
        whole = isinstance(count, Integral) and not isinstance(count, bool)
        if not whole or count < 1:
            raise ValueError(f"count must be a positive integer or None, got {count!r}")
        count = int(count)
    _requested = count


def run_blocks(work: Callable[[int, int], Any], count: int, *, step: int | None = None) -> None:
    """Call `work(first, last)` until [0, count) is covered, on all threads.

    Each call gets `step` blocks at most, and an interrupt is seen between calls. A thread
    that is free takes the next ones: where another pool still spins on a core, as BLAS does
    for 0.1 s after a product, the other threads do more. `work` must release the GIL to
    gain anything. It may be a generator: the fault of another thread is then seen at each `yield`
    too. An interrupt goes on to all threads, and is raised once they have ended.

    Within `work` a further call is serial: a pool whose threads wait for one another stands still.
    It ends between its calls where another thread has failed.
    """
    alone = count <= 1 or getattr(_busy, "inside", False)
    threads = 1 if alone else min(get_num_threads(), count)
    chunk = min(step or count, -(-count // max(threads, 1)))
    crew = _Crew(work, count, max(chunk, 1))
    if threads <= 1:
        crew.take()
        return
    others = [_Share(crew) for _ in range(1, threads)]
    try:
        for each in others:
            _hand_out(each)
        with _Serial(crew):
            crew.take()
        for each in others:
            each.join()
    except BaseException as fault:
        # Nobody may still be writing into the caller's buffers when it hears of the fault.
        crew.is_stopped = True
        _end(others, at_once=not isinstance(fault, (Exception, _Unwanted)))
        if not isinstance(fault, _Unwanted):
            raise
    for each in others:
        if each.fault is not None and not isinstance(each.fault, _Unwanted):
            raise each.fault
    crew.check()


class _Unwanted(BaseException):
    """Nobody waits for this work any more: a thread that does another part of it has failed."""


class _Crew:
    """What the threads share that are at work for one `run_blocks`."""

    def __init__(self, work: Callable[[int, int], Any], count: int, chunk: int) -> None:
        self.is_stopped = False
        self._work, self._count, self._chunk = work, count, chunk
        self._starts, self._lock = iter(range(0, count, chunk)), threading.Lock()
        self._above: _Crew | None = getattr(_busy, "crew", None)
        self.blas = getattr(_busy, "blas", 0)  # which the caller keeps single-threaded for all

    def take(self) -> None:
        """Do what is left, a call after the other."""
        while True:
            self.check()
            with self._lock:
                first = next(self._starts, None)
            if first is None:
                return
            steps = self._work(first, min(first + self._chunk, self._count))
            if isinstance(steps, Generator):
                for _ in steps:
                    self.check()

    def check(self) -> None:
        """Raise `_Unwanted` if this thread's work, or that of which it is a part, has failed."""
        crew: _Crew | None = self
        while crew is not None:
            if crew.is_stopped:
                raise _Unwanted
            crew = crew._above


class _Share:
    """What another thread does for a `run_blocks`.

    Bare locks only: an interrupt between the steps of a Condition, of which futures are made,
    leaves it locked. Whether it has ended is a flag, for the same reason: the lock wakes.
    """

    def __init__(self, crew: _Crew) -> None:
        self.fault: BaseException | None = None
        self.is_over = False  # ended, or dropped before it began
        self._crew, self._guard, self._wake = crew, threading.Lock(), threading.Lock()
        self._thread: int | None = None
        self._is_begun = False
        self._wake.acquire()

    def __call__(self) -> None:
        try:
            self._run()
        except BaseException as fault:  # nothing is called here: an interrupt comes within calls
            self.fault, self._crew.is_stopped = fault, True
        while not self.is_over:
            try:
                self._leave()
            except KeyboardInterrupt:
                continue

    def _run(self) -> None:
        with self._guard:
            if self.is_over:
                return
            self._is_begun, self._thread = True, threading.get_ident()
        _busy.blas = self._crew.blas
        with _Serial(self._crew):
            self._crew.take()

    def _leave(self) -> None:
        with self._guard:
            self._thread = None
        # What was sent before comes at one of these steps. It cannot be taken back: CPython 3.11
        # would look for it at each call from then on, and stand still where calls are traced.
        for _ in range(2):
            pass
        self.is_over = True
        self._wake.release()

    def join(self) -> None:
        """Wait for its end; signals are seen meanwhile, whichever thread they came to."""
        until = time.perf_counter() + _AWAKE
        while not self.is_over and time.perf_counter() < until:
            time.sleep(0)  # lets go of the interpreter
        while not self.is_over:
            self._wait()

    def _wait(self) -> None:
        self._wake.acquire(timeout=_PATIENCE)

    def end(self, *, at_once: bool) -> None:
        """Drop it if it has not begun; else wait for its end a little.

        `at_once` interrupts it at its next step in Python: an interrupt may be lost in a finaliser,
        so there is another with each call.
        """
        with self._guard:
            if not self._is_begun:
                self.is_over = True
            elif at_once and self._thread is not None:
                interrupt(self._thread)
        if not self.is_over:
            self._wait()


@protected
def _end(shares: list[_Share], *, at_once: bool) -> None:
    """Wait for the end of all, whatever interrupts come; each makes them end at once."""
    for each in shares:
        while not each.is_over:
            try:
                each.end(at_once=at_once or interruptible.is_due)
            except KeyboardInterrupt:
                at_once = True


def serial() -> _Serial:
    """A context in which passes of this thread are serial: whoever calls has threads of its own."""
    return _Serial(None)


class _Serial:
    """The same, and the thread works for a crew."""

    def __init__(self, crew: _Crew | None) -> None:
        self._crew = crew

    @protected
    def __enter__(self) -> None:
        self._outside = getattr(_busy, "inside", False), getattr(_busy, "crew", None)
        _busy.inside, _busy.crew = True, self._crew or self._outside[1]

    @protected
    def __exit__(self, *exception: object) -> None:
        _busy.inside, _busy.crew = self._outside


def _hand_out(share: _Share) -> None:
    """Let a thread of the pool do it, or this one where there can be no more threads."""
    global _pool_size
    with _lock:
        while _pool_size < max(get_num_threads() - 1, 1):
            try:
                _thread.start_new_thread(_serve, (_shares,))
            except RuntimeError:  # the interpreter is shutting down
                break
            _pool_size += 1
        alive = _pool_size > 0
    if alive:
        _shares.put(share)
    else:
        share()


def _serve(shares: queue.SimpleQueue[_Share]) -> None:
    """What a thread of the pool does as long as the process lives."""
    while True:
        shares.get()()


def _forget_pool() -> None:
    """In a forked child the pool's threads are gone: start afresh."""
    global _shares, _pool_size, _lock
    _shares, _pool_size, _lock = queue.SimpleQueue(), 0, threading.Lock()
    single_threaded_blas.__init__()  # type: ignore[misc]  # its lock may have been held


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


@functools.cache
def _blas() -> Any:
    import scipy.linalg  # noqa: F401  (its BLAS must be loaded to be found)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def _take_control() -> None:
    """threadpoolctl of late lets only the thread that set a limit first change it, and
    ignores the others silently; here the last of several users restores it."""
    import threadpoolctl

    controller = getattr(threadpoolctl, "OpenBLASController", None)
    clear = getattr(controller, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


class _SingleThreadedBlas:
    """Counts the threads that use it, so that fits from several restore the number once. Within,
    no interrupt of the main thread is lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limit: Any = None

    @protected
    def __enter__(self) -> None:
        interruptible.__enter__()
        depth = getattr(_busy, "blas", 0)
        if depth == 0:
            self._limit_it()
        _busy.blas = depth + 1

    @protected
    def __exit__(self, *exception: Any) -> None:
        _busy.blas -= 1
        if _busy.blas == 0:
            self._restore_it()
        interruptible.__exit__(*exception)

    def _limit_it(self) -> None:
        with self._lock:
            if self._users == 0:
                _take_control()
                self._limit = _blas().limit(limits=1)
            self._users += 1

    def _restore_it(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                _take_control()
                self._limit.restore_original_limits()
                _take_control()


# Cap BLAS to one thread: two pools at once were measured four times slower, and a
# product's bits must not depend on how many threads shared it.
single_threaded_blas = _SingleThreadedBlas()
