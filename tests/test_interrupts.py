"""Interrupts: raised once, soon, whatever they meet, in every thread; nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import needs_jit

import fastreg
from fastreg._interrupts import interruptible, out_of_main, protected
from fastreg._jit import run_blocks, set_num_threads, single_threaded_blas

SOON = 1.0  # seconds; half of that on a machine that others do not keep busy

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(os.name == "nt", reason="signals differ"),
    pytest.mark.timed,
]


@pytest.fixture(autouse=True)
def _as_before():
    # A shell without job control starts what is in its background with the signal ignored.
    outside = signal.signal(signal.SIGINT, signal.default_int_handler)
    set_num_threads(2)
    yield
    set_num_threads(None)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    time.sleep(0.15)  # nobody tries again
    signal.signal(signal.SIGINT, outside)


def busy(seconds=10.0):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


class Loses:
    """What is raised while it is deleted is printed, not raised."""

    def __init__(self, act):
        self.act = act

    def __del__(self):
        self.act()


def interrupt_now():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_within_a_finaliser_is_raised_all_the_same():
    begin = time.perf_counter()

    def act():
        Loses(interrupt_now)
        busy()

    with pytest.raises(KeyboardInterrupt), interruptible:
        act()
    assert time.perf_counter() - begin < SOON


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_lost_at_the_end_is_raised_there():
    with pytest.raises(KeyboardInterrupt), interruptible:
        Loses(interrupt_now)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_thread_that_loses_its_interrupt_gets_another():
    main, begin, ended = threading.get_ident(), time.perf_counter(), []

    def work(first, last):
        if threading.get_ident() == main:
            time.sleep(0.2)
            interrupt_now()
        try:
            Loses(lambda: busy(0.4))
            busy()
        finally:
            ended.append(time.perf_counter())

    with pytest.raises(KeyboardInterrupt), interruptible:
        run_blocks(work, 2, step=1)
    assert len(ended) == 1 and time.perf_counter() - begin < 0.4 + SOON


def test_cleaning_up_is_not_interrupted_again():
    cleaned = []

    def act():
        try:
            interrupt_now()
        finally:
            interrupt_now()
            busy(0.3)
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt), interruptible:
        act()
    assert cleaned


def test_an_interrupt_waits_for_the_end_of_a_protected_function():
    done = []

    @protected
    def whole():
        interrupt_now()
        busy(0.2)
        done.append(True)

    def act():
        whole()
        busy()

    with pytest.raises(KeyboardInterrupt), interruptible:
        act()
    assert done


def test_a_handler_of_the_users_own_is_called_once():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(True))
    try:
        with interruptible:
            interrupt_now()
            busy(0.3)
        with interruptible, interruptible:
            interrupt_now()
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(seen) == 2


def test_out_of_main_gives_what_the_function_gives():
    def work():
        ran.append(threading.get_ident())
        return "found"

    def boom():
        raise RuntimeError("boom")

    ran = []
    assert out_of_main(work) == "found"
    assert ran[0] != threading.get_ident()
    with pytest.raises(RuntimeError, match="boom"):
        out_of_main(boom)


def test_out_of_main_ends_before_an_interrupt_is_raised():
    def work():
        os.kill(os.getpid(), signal.SIGINT)
        busy(0.3)
        done.append(True)

    done = []
    with pytest.raises(KeyboardInterrupt):
        out_of_main(work)
    assert done


def test_a_handler_raises_what_it_likes():
    class Enough(Exception):
        pass

    def handler(*_):
        raise Enough

    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(Enough), interruptible:
            interrupt_now()
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("seed", range(3))
def test_blas_has_its_threads_again(seed):
    from threadpoolctl import threadpool_info

    def threads():
        return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

    with single_threaded_blas:
        pass

    def act(timer):
        timer.start()
        while True:
            with single_threaded_blas:
                pass

    before, rng = threads(), np.random.default_rng(seed)
    for wait in rng.uniform(0.0, 0.02, 20):
        timer = threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt), interruptible:
            act(timer)
        assert threads() == before


@pytest.mark.parametrize("by_main", [True, False])
def test_a_failed_block_ends_those_beside_it_and_those_within_them(by_main):
    main, begin, count = threading.get_ident(), time.perf_counter(), [0]
    together = threading.Barrier(2)

    def small(first, last):
        count[0] += 1
        time.sleep(0.01)

    def work(first, last):
        if first < 2:
            together.wait(10)
        if (threading.get_ident() == main) == by_main:
            raise RuntimeError("boom")
        run_blocks(small, 1000, step=1)

    with pytest.raises(RuntimeError, match="boom"):
        run_blocks(work, 10, step=1)
    assert count[0] < 100 and time.perf_counter() - begin < SOON


RUN = """
import os, signal, sys, threading, time
import numpy as np, fastreg
sent = []
def interrupt_after(seconds):
    def interrupt():
        time.sleep(seconds)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
def outcome(act):
    try:
        act()
        return "no interrupt"
    except KeyboardInterrupt:
        took, before = time.perf_counter() - sent[-1], time.process_time()
    time.sleep(0.25)
    return took, time.process_time() - before
"""


def outcomes(program, *arguments):
    """(seconds to the interrupt, processor seconds after it) of each line that a program prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN + program, *arguments],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return [eval(line) for line in done.stdout.splitlines()]


SLEEPS = """
def blocks():
    for k in range(10):
        if k == 3:
            interrupt_after(0.2)
            time.sleep(10)
        yield np.ones((20, 2)) * [[k, k * k]], np.arange(20.0)
print(outcome(lambda: fastreg.Ridge().fit(blocks)))
print(time.perf_counter())
"""


@needs_jit
def test_a_stream_that_sleeps_is_left_and_the_process_ends():
    begin = time.perf_counter()
    (took, afterwards), _ = outcomes(SLEEPS)
    assert took < SOON and afterwards < 0.1
    assert time.perf_counter() - begin < 9.0


FITS = """
rng = np.random.default_rng(int(sys.argv[2]))
X = rng.standard_normal((900, 600))
y = X[:, :5].sum(axis=1) + rng.standard_normal(len(X))
rows = {"csv": 1_000_000, "small csv": 1_000}.get(sys.argv[1], 0)
if rows:
    with open("table.csv", "w") as file:
        file.write("a,b,y\\n" + "".join(f"{k % 97},x{k % 11},{k % 3}\\n" for k in range(rows)))
fit = {
    "csv": lambda: fastreg.Ridge().fit(fastreg.read("table.csv", target="y")),
    "small csv": lambda: fastreg.Ridge().fit(fastreg.read("table.csv", target="y")),
    "LassoCV": lambda: fastreg.LassoCV(cv=5, alphas=30).fit(X, y),
    "RidgeCV": lambda: fastreg.RidgeCV(alphas=np.geomspace(1, 1e4, 5)).fit(X, y),
    "path": lambda: fastreg.path(X, y, alphas=60, tol=1e-10),
}[sys.argv[1]]
fit()
def fits():
    while True:
        fit()
for wait in rng.uniform(0, 0.5, 8) if rows != 1_000 else rng.uniform(0, 0.1, 100):
    interrupt_after(wait)
    print(outcome(fits))
assert not [each for each in threading.enumerate() if each.name.startswith("fastreg")]
"""


@needs_jit
@pytest.mark.parametrize("name", ["LassoCV", "RidgeCV", "path", "csv", "small csv"])
@pytest.mark.thorough
def test_fits_are_interrupted_at_any_moment(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for took, afterwards in outcomes(FITS, name, "0"):
        assert took < SOON and afterwards < 0.1


BROKEN = """
import threading
from fastreg.selection.cross_validation import Validation
whole, main = Validation._fold, threading.get_ident()
def fold(self, f, asked):
    if (threading.get_ident() == main) == (sys.argv[1] == "main"):
        raise RuntimeError("boom")
    return whole(self, f, asked)
Validation._fold = fold
fastreg.set_num_threads(2)
rng = np.random.default_rng(0)
X = rng.standard_normal((600, 400))
try:
    fastreg.LassoCV(cv=5, alphas=20).fit(X, X[:, 0] + rng.standard_normal(600))
except RuntimeError as fault:
    print(repr(str(fault)))
"""


@needs_jit
@pytest.mark.parametrize("thread", ["main", "other"])
def test_a_fold_that_fails_lets_the_process_end(thread):
    assert outcomes(BROKEN, thread) == ["boom"]


@needs_jit
def test_a_fit_can_be_traced_after_another():
    """A debugger traces every call; one that looks for interrupts for ever stands still."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    model = fastreg.LassoCV(cv=3, alphas=5).fit(X, X[:, 0])
    calls = []
    sys.settrace(lambda frame, event, argument: calls.append(frame.f_code.co_name))
    try:
        model.fit(X, X[:, 1])
    finally:
        sys.settrace(None)
    assert "fit" in calls
