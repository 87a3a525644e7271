"""Blocks on threads: all of them, once, with faults and interrupts passed on."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import matrix, needs_jit

import fastreg
from fastreg._jit import get_num_threads, run_blocks, set_num_threads, single_threaded_blas


@pytest.fixture(autouse=True)
def _restore():
    yield
    set_num_threads(None)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 64])
@pytest.mark.parametrize("step", [None, 1, 3])
def test_every_block_is_worked_once(threads, count, step):
    set_num_threads(threads)
    seen = np.zeros(count, int)

    def work(first, last):
        seen[first:last] += 1

    run_blocks(work, count, step=step)
    assert (seen == 1).all()


@pytest.mark.parametrize("culprit", [0, 6])
def test_a_fault_in_any_block_is_raised(culprit):
    set_num_threads(3)

    def work(first, last):
        if first <= culprit < last:
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        run_blocks(work, 7, step=1)


@pytest.mark.parametrize("bad", [0, -1, True, 1.5, "2"])
def test_a_bad_count_is_refused(bad):
    with pytest.raises(ValueError, match="count must be a positive integer"):
        set_num_threads(bad)


@pytest.mark.parametrize("name", ["FASTREG_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"])
def test_the_environment_caps_the_threads(monkeypatch, name):
    for each in ("FASTREG_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "1")
    assert get_num_threads() == 1


def test_blas_is_restored_after_overlapping_users():
    from threadpoolctl import threadpool_info

    def threads():
        return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

    with single_threaded_blas:
        pass
    before = threads()
    inside = threading.Barrier(2)

    def user():
        with single_threaded_blas:
            inside.wait()
            assert set(threads()) == {1}

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(user), pool.submit(user)]:
            future.result()
    assert threads() == before


@needs_jit
def test_fits_from_several_threads_give_the_same_bits(rng, monkeypatch):
    monkeypatch.setattr("fastreg.design.storages.BLOCK_ENTRIES", 4096)
    X, y = matrix(4000, 40), rng.standard_normal(4000)

    def fit(_):
        return fastreg.Lasso(alpha=0.01).fit(X, y).coef_.tobytes()

    expected = fit(0)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(fit, range(16))) == {expected}


@needs_jit
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_fits_after_a_parallel_fit_of_its_parent():
    program = """
import os, sys, numpy as np, fastreg
X = np.random.default_rng(0).standard_normal((20000, 20)); y = X[:, 0]
fastreg.set_num_threads(4)
expected = fastreg.Ridge().fit(X, y).coef_.tobytes()
child = os.fork()
if child == 0:
    os._exit(0 if fastreg.Ridge().fit(X, y).coef_.tobytes() == expected else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=120, check=False)
    assert done.returncode == 0


@needs_jit
@pytest.mark.timed
@pytest.mark.skipif(os.name == "nt", reason="signals differ")
def test_an_interrupt_ends_a_long_descent_within_half_a_second():
    program = """
import signal, threading, time, numpy as np, fastreg
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
X = np.random.default_rng(0).standard_normal((300, 100)); y = X[:, 0]
fastreg.descend(X, y, lam=1.0, n_iter=5)
sent = []
def interrupt():
    time.sleep(1.0); sent.append(time.perf_counter()); signal.raise_signal(signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
try:
    fastreg.descend(X, y, lam=1.0, n_iter=100_000_000 // 50)
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.5


def test_blocks_within_blocks_are_served_in_turn():
    """A pool whose only thread waits for itself would stand still."""
    seen = []

    def inner(first, last):
        seen.extend(range(first, last))

    set_num_threads(2)
    try:
        run_blocks(lambda first, last: run_blocks(inner, 10), 8, step=1)
    finally:
        set_num_threads(None)
    assert sorted(seen) == sorted(list(range(10)) * 8)
