"""Threads: serial kernels without the GIL, run over ranges of blocks by one small pool.

Blocks are cut by shape alone and summed in order, so the answer does not depend on
the number of threads. Compared with `prange`: as fast from 8 MB of data on, a third
of the compile time, safe to enter from several threads at once, alive after a fork,
and interruptible between calls (`docs/decisions/0001-threads.md`).
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from numbers import Integral
from typing import Any

_lock = threading.Lock()
_busy = threading.local()  # .inside: this thread is at work for a `run_blocks`
_pool: ThreadPoolExecutor | None = None
_pool_size = 0
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
    """Threads that a large pass uses: the last `set_num_threads`, else the environment's."""
    return _requested if _requested is not None else _default_threads()


def set_num_threads(count: Any) -> None:
    """Use `count` (int ≥ 1) threads from now on; None goes back to the environment's number.

    The answer has the same bits for every count.

    Raises
    ------
    ValueError
        `count` is less than 1.
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
    gain anything. It may be a generator: an interrupt is then seen at each `yield` too.

    Within `work` a further call is serial: a pool whose threads wait for one another stands still.
    """
    threads = 1 if getattr(_busy, "inside", False) else min(get_num_threads(), count)
    chunk = min(step or count, -(-count // max(threads, 1)))
    starts = iter(range(0, count, max(chunk, 1)))
    lock, stop = threading.Lock(), threading.Event()

    def share(_: int) -> None:
        outside, _busy.inside = getattr(_busy, "inside", False), threads > 1
        try:
            take()
        finally:
            _busy.inside = outside

    def take() -> None:
        while not stop.is_set():
            with lock:
                first = next(starts, None)
            if first is None:
                return
            steps = work(first, min(first + chunk, count))
            if isinstance(steps, Generator):
                for _ in steps:
                    if stop.is_set():
                        return

    if threads <= 1:
        take()
        return
    futures: list[Future[None]] = []
    try:
        for t in range(1, threads):
            futures.append(_submit(share, t))  # noqa: PERF401  (an interrupt must find those begun)
        share(0)
        for future in futures:
            future.result()
    except BaseException:
        # Nobody may still be writing into the caller's buffers when it hears of the fault.
        stop.set()
        _await_end(futures)
        raise


def _await_end(futures: list[Future[None]]) -> None:
    """Cancel what has not begun and wait for the rest, whatever interrupts come meanwhile."""
    for future in futures:
        while not future.cancel() and not future.done():
            with contextlib.suppress(KeyboardInterrupt):
                wait([future])


@contextlib.contextmanager
def serial() -> Iterator[None]:
    """Passes of this thread are serial within: whoever calls has threads of its own."""
    outside, _busy.inside = getattr(_busy, "inside", False), True
    try:
        yield
    finally:
        _busy.inside = outside


def _submit(task: Callable[[int], None], argument: int) -> Future[None]:
    global _pool, _pool_size
    with _lock:
        wanted = max(get_num_threads() - 1, 1)
        if _pool is None or _pool_size < wanted:
            _pool, _pool_size = ThreadPoolExecutor(wanted, "fastreg"), wanted
        pool = _pool
    try:
        return pool.submit(task, argument)
    except RuntimeError:  # the interpreter is shutting down: no new threads
        task(argument)
        done: Future[None] = Future()
        done.set_result(None)
        return done


def _forget_pool() -> None:
    """In a forked child the pool's threads are gone: start afresh."""
    global _pool, _pool_size, _lock
    _pool, _pool_size, _lock = None, 0, threading.Lock()
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
    """Counts its users, so that fits from several threads restore the number once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                _take_control()
                self._limit = _blas().limit(limits=1)
            self._users += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                _take_control()
                self._limit.restore_original_limits()
                _take_control()


# Cap BLAS to one thread: two pools at once were measured four times slower, and a
# product's bits must not depend on how many threads shared it.
single_threaded_blas = _SingleThreadedBlas()
