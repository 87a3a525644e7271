"""Factorisations in pieces: LAPACK's accuracy, LAPACK's call where short, and no long wait."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
from conftest import needs_jit
from hypothesis import given, settings
from hypothesis import strategies as st

from fastreg import _factor
from fastreg._factor import orthogonal, symmetric, triangular, tridiagonal
from fastreg._jit.cache import cache_directory


@pytest.fixture(autouse=True)
def _in_pieces(monkeypatch):
    """As if matrices of some tens of rows were large."""
    for module in (orthogonal, symmetric, triangular, tridiagonal):
        monkeypatch.setattr(module, "WHOLE", 30)
    for module in (orthogonal, symmetric):
        monkeypatch.setattr(module, "_LAST", 20)
    monkeypatch.setattr(triangular, "_PANEL", 24)
    monkeypatch.setattr(triangular, "_WORK", 1e4)


def gram(n, seed=0, rows=None):
    X = np.random.default_rng(seed).standard_normal((rows or n + 10, n))
    return X.T @ X / n


def indefinite(n):
    A = np.random.default_rng(1).standard_normal((n, n))
    return A + A.T


SYMMETRIC = {
    "gram": gram,
    "indefinite": indefinite,
    "of rank 20": lambda n: gram(n, rows=20),
    "identity": np.eye,
    "zero": lambda n: np.zeros((n, n)),
    "ones": lambda n: np.ones((n, n)),
    "nearly ones": lambda n: 1.0 + 1e-9 * indefinite(n),
    "clusters": lambda n: np.eye(n) + np.kron(np.eye(3), np.ones((n // 3 + 1,) * 2))[:n, :n],
    "tridiagonal": lambda n: np.diag(np.arange(n) % 5.0) + np.eye(n, k=1) + np.eye(n, k=-1),
    "graded": lambda n: gram(n) * np.outer(*[10.0 ** -np.linspace(0, 12, n)] * 2),
    "tiny": lambda n: gram(n) * 1e-250,
    "huge": lambda n: gram(n) * 1e250,
}


@pytest.mark.parametrize("n", [31, 61, 64, 130, 257])
@pytest.mark.parametrize("kind", SYMMETRIC)
def test_eigenvectors_are_as_good_as_lapacks(kind, n):
    A = SYMMETRIC[kind](n)
    before = A.copy()
    values, vectors = _factor.eigh(A)
    expected = np.linalg.eigvalsh(A)
    size, eps = np.abs(expected).max() or 1.0, np.finfo(float).eps
    np.testing.assert_array_equal(A, before)
    assert np.all(np.diff(values) >= 0.0)
    np.testing.assert_allclose(values / size, expected / size, atol=n * eps)
    np.testing.assert_allclose(_factor.eigvalsh(A) / size, expected / size, atol=n * eps)
    assert np.abs(vectors.T @ vectors - np.eye(n)).max() <= 20 * eps * np.sqrt(n)
    assert np.abs((A / size) @ vectors - vectors * (values / size)).max() <= 20 * eps


@settings(deadline=None, max_examples=40)
@given(st.integers(31, 150), st.integers(0, 2**31), st.sampled_from([0.0, 1e-16, 1e-8, 1.0]))
def test_eigenvectors_of_tridiagonal_matrices(n, seed, weakest):
    """Any weak coupling, any repeated diagonal: what deflation has to see."""
    rng = np.random.default_rng(seed)
    d = rng.integers(-2, 3, n) * rng.choice([1.0, 1e-3])
    e = rng.standard_normal(n - 1) * rng.choice([weakest, 1.0], n - 1)
    values, vectors = tridiagonal.eigen_tridiagonal(d, e)
    T = np.diag(d) + np.diag(e, 1) + np.diag(e, -1)
    size = np.abs(values).max() or 1.0
    np.testing.assert_allclose(values, np.linalg.eigvalsh(T), atol=1e-14 * size)
    assert np.abs(vectors.T @ vectors - np.eye(n)).max() <= 1e-13
    assert np.abs(T @ vectors - vectors * values).max() <= 1e-14 * size * np.sqrt(n)
    least = int(rng.integers(0, n))
    some, columns = tridiagonal.eigen_tridiagonal(d, e, least)
    np.testing.assert_array_equal(some, values[least:])
    np.testing.assert_allclose(columns, vectors[:, least:], atol=1e-15)


@pytest.mark.parametrize("n", [31, 64, 130])
@pytest.mark.parametrize("m", [31, 64, 200])
def test_singular_values_are_as_good_as_lapacks(m, n):
    A = np.random.default_rng(2).standard_normal((m, n)) * 10.0 ** -np.linspace(0, 6, n)
    sigma, Vt = _factor.singular(A)
    _, expected, _ = np.linalg.svd(A, full_matrices=False)
    np.testing.assert_allclose(sigma, expected, atol=1e-15 * n * expected[0])
    np.testing.assert_allclose((Vt.T * sigma**2) @ Vt, A.T @ A, atol=1e-14 * expected[0] ** 2)
    keep = sigma > 1e-3 * sigma[0]
    np.testing.assert_allclose(Vt[keep] @ Vt[keep].T, np.eye(keep.sum()), atol=1e-11)


def test_singular_values_tell_the_rank():
    rng = np.random.default_rng(3)
    A = rng.standard_normal((130, 20)) @ rng.standard_normal((20, 130))
    sigma, Vt = _factor.singular(A)
    assert np.count_nonzero(sigma > 1e-13 * sigma[0]) == 20
    np.testing.assert_allclose(A @ Vt[:20].T @ Vt[:20], A, atol=1e-12)
    np.testing.assert_array_equal(_factor.singular(np.zeros((40, 40)))[0], np.zeros(40))


@pytest.mark.parametrize("shape", [(200, 130), (130, 130), (60, 130), (40, 20)])
def test_the_triangular_factor_has_the_same_products(shape):
    A = np.random.default_rng(4).standard_normal(shape)
    R = _factor.triangular_factor(A)
    assert R.shape == (min(shape), shape[1])
    np.testing.assert_array_equal(R, np.triu(R))
    np.testing.assert_allclose(R.T @ R, A.T @ A, atol=1e-12)


PIVOTED = {
    "normal": lambda A: A,
    "graded": lambda A: A * 10.0 ** -np.linspace(0, 14, A.shape[1]),
    "huge": lambda A: A * 1e200,
    "of rank 10": lambda A: A[:, :10] @ A[:10],
    "zero": lambda A: 0.0 * A,
}


@pytest.mark.parametrize("shape", [(200, 130), (130, 130), (60, 130), (40, 20)])
@pytest.mark.parametrize("kind", PIVOTED)
def test_pivoted_columns_are_lapacks(kind, shape):
    A = PIVOTED[kind](np.random.default_rng(6).standard_normal(shape))
    Q, R, pivots = _factor.pivoted(A)
    _, expected, order = scipy.linalg.qr(A, mode="economic", pivoting=True)
    size = np.abs(A).max() or 1.0
    np.testing.assert_allclose(Q @ (R / size), A[:, pivots] / size, atol=1e-13)
    np.testing.assert_allclose(Q.T @ Q, np.eye(min(shape)), atol=1e-14)
    np.testing.assert_array_equal(R, np.triu(R))
    assert sorted(pivots) == list(range(shape[1]))
    if kind in ("normal", "graded"):
        np.testing.assert_array_equal(pivots, order)
        np.testing.assert_allclose(R, expected, rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("rank", [10, 130])
def test_least_norm(rank):
    A, rng = gram(130, rows=rank) + (rank == 130) * np.eye(130), np.random.default_rng(7)
    for B in (A @ rng.standard_normal(130), A @ rng.standard_normal((130, 3))):
        expected = np.linalg.pinv(A, rcond=1e-12, hermitian=True) @ B
        found = _factor.least_norm(A, B, 1e-12)
        np.testing.assert_allclose(A @ found, A @ expected, atol=1e-10)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("lower", [True, False])
def test_triangles(lower):
    A = np.linalg.cholesky(gram(130) + np.eye(130))
    A, B = A if lower else A.T, np.random.default_rng(8).standard_normal((130, 70))
    for b in (B, B[:, 0]):
        np.testing.assert_allclose(A @ _factor.solve_triangular(A, b, lower=lower), b, atol=1e-12)


@pytest.mark.parametrize("order", "CF")
def test_cholesky(order):
    A = gram(130) + np.eye(130)
    L = _factor.cholesky(np.array(A, order=order))
    np.testing.assert_allclose(np.tril(L), np.linalg.cholesky(A), rtol=1e-12, atol=1e-14)
    B = np.random.default_rng(5).standard_normal((130, 70))
    np.testing.assert_allclose(A @ _factor.solve_cholesky(L, B), B, atol=1e-11)
    np.testing.assert_allclose(A @ _factor.solve_cholesky(L, B[:, 0]), B[:, 0], atol=1e-11)


@pytest.mark.parametrize("n", [20, 130])
def test_what_is_not_definite_has_no_factor(n):
    for A in (gram(n, rows=10) - 1e-3 * np.eye(n), np.full((n, n), np.nan)):
        assert _factor.cholesky(A.copy()) is None
        with pytest.raises(np.linalg.LinAlgError):
            _factor.definite(A.copy())


def test_short_factorisations_are_lapacks_own(monkeypatch):
    """To the bit: nothing changes where one call is short."""
    for module in (orthogonal, symmetric, triangular, tridiagonal):
        monkeypatch.setattr(module, "WHOLE", 1000)
    A = gram(60)
    for mine, numpys in zip(_factor.eigh(A), np.linalg.eigh(A), strict=True):
        np.testing.assert_array_equal(mine, numpys)
    np.testing.assert_array_equal(_factor.triangular_factor(A), np.linalg.qr(A, mode="r"))
    np.testing.assert_array_equal(_factor.singular(A)[1], np.linalg.svd(A)[2])


LATENCY = """
import os, signal, sys, threading, time
import numpy as np
from fastreg import _factor
from fastreg._jit import single_threaded_blas
n = 2000
A = np.random.default_rng(0).standard_normal((n, n))
G, B = A.T @ A / n, np.vstack([A, A])
work = {
    "eigh": lambda: _factor.eigh(G), "singular": lambda: _factor.singular(A),
    "triangular_factor": lambda: _factor.triangular_factor(B),
    "solve_cholesky": lambda: _factor.solve_cholesky(G, A), "pivoted": lambda: _factor.pivoted(A),
}[sys.argv[1]]
waits, sent, seen = [], [0.0], threading.Event()
def note(*_):
    waits.append(time.perf_counter() - sent[0])
    seen.set()
signal.signal(signal.SIGUSR1, note)
def ask():
    while True:
        seen.clear()
        sent[0] = time.perf_counter()
        os.kill(os.getpid(), signal.SIGUSR1)
        seen.wait()
        time.sleep(0.01)
with single_threaded_blas:
    threading.Thread(target=ask, daemon=True).start()
    begin = time.perf_counter()
    work()
    print(time.perf_counter() - begin, max(waits))
"""


@pytest.mark.timed
@pytest.mark.skipif(os.name == "nt", reason="signals differ")
@pytest.mark.parametrize(
    "name", ["eigh", "singular", "pivoted", "triangular_factor", "solve_cholesky"]
)
@pytest.mark.thorough
def test_a_signal_is_seen_in_the_middle(name):
    done = subprocess.run(
        [sys.executable, "-c", LATENCY, name], capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    whole, longest = map(float, done.stdout.split())
    assert longest < max(0.5, 0.25 * whole)  # the latter on a machine that others keep busy


INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np, fastreg
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
rng = np.random.default_rng(0)
kind = sys.argv[1]
n = 2200
X = rng.standard_normal((n + 300, n))
if kind == "wide":
    X = X.T.copy()
if kind == "dependent":
    X[:, 1100:] = X[:, :1100] + 1e-9 * X[:, 1100:]
y = X[:, 0] + rng.standard_normal(len(X))
rows = slice(0, 700 if kind in ("wide", "kernel") else 1300)
fit = {
    "leave-one-out": lambda X, y: fastreg.RidgeCV(alphas=np.geomspace(1, 1e4, 30)).fit(X, y),
    "wide": lambda X, y: fastreg.RidgeCV(alphas=np.geomspace(1, 1e4, 30)).fit(X, y),
    "dependent": lambda X, y: fastreg.Ridge(alpha=0.0, solver="svd").fit(X, y),
    "kernel": lambda X, y: fastreg.Ridge(alpha=0.0).fit(X[:2000], y[:2000]),
    "folds": lambda X, y: fastreg.LassoCV(cv=5).fit(X, y),
    "path": lambda X, y: fastreg.path(X, y, alphas=100, tol=1e-12),
}[kind]
fit(X[rows, :1100], y[rows])  # compiled: the same kernels, which no small problem takes
sent = []
def interrupt(delay):
    time.sleep(delay)
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
for delay in map(float, sys.argv[2:]):
    threading.Thread(target=interrupt, args=(delay,), daemon=True).start()
    try:
        while True:
            fit(X, y)
    except KeyboardInterrupt:
        took, before = time.perf_counter() - sent[-1], time.process_time()
        time.sleep(0.3)
        print(took, time.process_time() - before)
"""


def compiled():
    """Kernels on disk."""
    return set(cache_directory().iterdir())


@needs_jit
@pytest.mark.timed
@pytest.mark.skipif(os.name == "nt", reason="signals differ")
@pytest.mark.parametrize("kind", ["leave-one-out", "wide", "dependent", "kernel", "folds", "path"])
@pytest.mark.thorough
def test_an_interrupt_ends_a_long_fit_and_all_its_threads(kind):
    found = []
    for _ in range(2):
        kept = compiled()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", INTERRUPTED, kind, "0.4", "1.1", "2.5"],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
        assert len(found) == 3
        if compiled() == kept:  # else an interrupt waited for the compiler: once more
            break
    for took, afterwards in found:  # half a second, and as much on a machine that others keep busy
        assert took < 1.0
        assert afterwards < 0.1
