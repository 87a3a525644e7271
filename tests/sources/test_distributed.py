"""A cluster of two processes: the same bits whatever happens to one of them."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
from conftest import needs_jit

import fastreg

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")

pytestmark = [pytest.mark.skipif(os.name == "nt", reason="SIGKILL"), needs_jit]
N_CHUNKS, ROWS, N = 24, 400, 8


@contextlib.contextmanager
def two_processes():
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 20}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        yield client


@pytest.fixture(scope="module")
def client():
    with two_processes() as client:
        yield client


def chunk(i, pause=0.0):
    time.sleep(pause)
    rng = np.random.default_rng(i)
    X = rng.standard_normal((ROWS, N)) + 5.0
    return X, X[:, 0] - X[:, 1] + rng.standard_normal(ROWS)


def arrays(pause=0.0):
    made = [dask.delayed(chunk, pure=True)(i, pause) for i in range(N_CHUNKS)]
    X = [da.from_delayed(each[0], (ROWS, N), float) for each in made]
    y = [da.from_delayed(each[1], (ROWS,), float) for each in made]
    return da.concatenate(X), da.concatenate(y)


def in_memory():
    X, y = zip(*(chunk(i) for i in range(N_CHUNKS)), strict=True)
    return np.concatenate(X), np.concatenate(y)


def keep_fit(found, X, y):
    found.append(fastreg.LassoCV(cv=4).fit(X, y))


def bits(model):
    return (
        model.coef_.tobytes() + model.mse_path_.tobytes() + np.float64(model.intercept_).tobytes()
    )


# dask 2024.8 warns of threads beside a client; newer ones do not.
@pytest.mark.filterwarnings("ignore:Running on a single-machine scheduler")
def test_a_cluster_gives_the_bits_of_threads_and_the_answer_of_memory(client):
    found = fastreg.LassoCV(cv=4).fit(*arrays())
    with dask.config.set(scheduler="threads", num_workers=3):
        assert bits(fastreg.LassoCV(cv=4).fit(*arrays())) == bits(found)
    expected = fastreg.LassoCV(cv=4).fit(*in_memory())
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.mse_path_, expected.mse_path_, rtol=1e-9)


@pytest.mark.parametrize("trial", range(4))
@pytest.mark.thorough
def test_a_worker_that_is_killed_in_the_middle_changes_no_bit(trial, client):
    """Each time in a cluster of its own: dask does not always start a killed worker again."""
    expected = bits(fastreg.LassoCV(cv=4).fit(*arrays()))
    with two_processes() as killed:
        X, y = arrays(pause=0.02)
        found = []
        fit = threading.Thread(target=keep_fit, args=(found, X, y))
        pids = list(killed.run(os.getpid).values())
        fit.start()
        time.sleep(0.05 + 0.06 * trial)
        assert fit.is_alive(), "the fit was over before a worker was killed"
        os.kill(pids[trial % len(pids)], signal.SIGKILL)
        fit.join(timeout=120)
        assert found and bits(found[0]) == expected


@pytest.mark.thorough
def test_a_logistic_fit_loses_a_worker_and_no_bit(client):
    def fit(X, y):
        model = fastreg.LogisticRegressionCV(Cs=2, l1_ratios=[1.0], cv=2, tol=1e-2)
        model.fit(X, (y > 0) * 1.0)
        return model.coef_.tobytes() + model.scores_.tobytes()

    expected = fit(*arrays())
    with dask.config.set(scheduler="threads", num_workers=3):
        assert fit(*arrays()) == expected
    with two_processes() as killed:
        X, y = arrays(pause=0.02)
        found = []
        work = threading.Thread(target=lambda: found.append(fit(X, y)))
        pid = min(killed.run(os.getpid).values())
        work.start()
        time.sleep(0.6)
        assert work.is_alive(), "the fit was over before a worker was killed"
        os.kill(pid, signal.SIGKILL)
        work.join(timeout=120)
        assert found == [expected]


def test_faults_on_a_worker_are_told_with_their_place(client):
    X, y = arrays()
    bad = da.where(da.arange(len(X), chunks=ROWS)[:, None] == 1234, np.nan, X)
    with pytest.raises(ValueError, match="Input X contains NaN: chunk 3, row 1234, column 0"):
        fastreg.Ridge().fit(bad, y)


def test_little_travels(client):
    """Sums of n² numbers, and not rows: a chunk of 26 kB becomes a message of 1 kB and a half."""
    from fastreg.gathering import Gather
    from fastreg.sources import cluster
    from fastreg.sources.row_folds import Folds

    source = fastreg.read(*arrays())
    work = Gather(source.layout, Folds(1))
    part = cluster._worked(work, next(source.blocks()), 0)
    sent = len(pickle.dumps(part))
    assert sent < 8 * (N + 1) * (N + 5) + 1500 < 8 * ROWS * N / 8
