"""Products of columns and rows agree with the reference."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import STORAGES, matrix, needs_jit

from fastreg import kernels, reference, set_num_threads
from fastreg.design import as_design
from fastreg.kernels import products

ALL = np.arange(6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shifted", [False, True])
def test_cross_gram_agrees_with_reference(store, weighted, shifted, rng):
    X = as_design(store(matrix())).storage
    options = {
        "weights": rng.random(37) if weighted else None,
        "shift": rng.standard_normal(6) if shifted else None,
        "scale": 2.0 ** rng.integers(-3, 3, 6),
    }
    for left, right in [(ALL, ALL), (np.array([4, 1]), np.array([0, 1, 5]))]:
        out = kernels.cross_gram(X, left, right, **options)
        expected = reference.cross_gram(X, left, right, **options)
        np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-11)


def test_row_gram_agrees_with_reference(store, rng):
    X = as_design(store(matrix())).storage
    options = {"shift": rng.standard_normal(6), "scale": 2.0 ** rng.integers(-3, 3, 6)}
    np.testing.assert_allclose(
        kernels.row_gram(X, **options), reference.row_gram(X, **options), rtol=1e-11, atol=1e-11
    )


def test_fill_agrees_with_reference(store, rng):
    X = as_design(store(matrix())).storage
    options = {"shift": rng.standard_normal(6), "weights": rng.random(37)}
    columns = np.array([5, 0, 3])
    out, expected = np.empty((20, 3)), np.empty((20, 3))
    kernels.fill(X, 10, 30, columns=columns, out=out, **options)
    reference.fill(X, 10, 30, columns=columns, out=expected, **options)
    np.testing.assert_allclose(out, expected, rtol=1e-14)


@pytest.fixture(params=["serial", "pieces", "strips"])
def schedule(request, monkeypatch):
    """One of the ways in which threads may share a product."""
    if request.param != "serial":
        monkeypatch.setattr(products, "_SERIAL", 1)
    if request.param == "strips":
        monkeypatch.setattr(products, "row_pieces", lambda packing, n_folds=1: 1)


@pytest.mark.parametrize("n", [41, 6, 7, 16])
@pytest.mark.parametrize("name", ["C", "F", "float32-F", "strided-F"])
def test_every_schedule_gives_the_same_products(schedule, name, n, rng):
    A = matrix(700, n)
    w, shift, scale = rng.random(700), rng.standard_normal(n), rng.random(n)
    X, every, some = as_design(STORAGES[name](A)).storage, np.arange(n), rng.permutation(n)
    for left, right in [(every, every), (some, some), (some, every[:3]), (every[:3], some)]:
        out = kernels.cross_gram(X, left, right, shift=shift, scale=scale, weights=w)
        expected = reference.cross_gram(X, left, right, shift=shift, scale=scale, weights=w)
        np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_folds", [1, 4])
def test_moments_agree_with_reference(store, schedule, weighted, n_folds, rng):
    X, Y = as_design(store(matrix(97))).storage, rng.standard_normal((97, 2))
    options = {
        "folds": rng.integers(0, n_folds, 97) if n_folds > 1 else None,
        "n_folds": n_folds,
        "shift": rng.standard_normal(6),
        "scale": 2.0 ** rng.integers(-3, 3, 6),
        "weights": rng.random(97) if weighted else None,
    }
    out = kernels.moments(X, Y, **options)
    np.testing.assert_allclose(out, reference.moments(X, Y, **options), rtol=1e-10, atol=1e-10)


ORDERS = {  # of the rows of folds: in eights that are neighbours, in part, and not at all
    "one after the other": lambda m, rng: np.arange(m) * 5 // m,
    "in runs": lambda m, rng: np.arange(m) // 11 % 5,
    "shuffled": lambda m, rng: rng.integers(0, 5, m),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["F", "C", "strided-F"])
def test_rows_in_any_order_give_the_moments_of_folds(name, order, rng):
    X, Y = as_design(STORAGES[name](matrix(403, 29))).storage, rng.standard_normal((403, 1))
    options = {
        "folds": ORDERS[order](403, rng),
        "n_folds": 5,
        "shift": rng.standard_normal(29),
        "scale": 2.0 ** rng.integers(-3, 3, 29),
        "weights": rng.random(403),
    }
    out = kernels.moments(X, Y, **options)
    np.testing.assert_allclose(out, reference.moments(X, Y, **options), rtol=1e-10, atol=1e-9)


def test_moments_of_folds_add_up_and_an_empty_fold_is_zero(rng):
    X, Y = as_design(matrix(200, 9)).storage, rng.standard_normal((200, 1))
    folds = rng.choice([0, 1, 3], 200)
    parts = kernels.moments(X, Y, folds=folds, n_folds=4)
    np.testing.assert_allclose(parts.sum(axis=0), kernels.moments(X, Y)[0], rtol=1e-12, atol=1e-11)
    assert not parts[2].any()
    assert [part[-1, -1] for part in parts] == [*np.bincount(folds, minlength=4)]


@needs_jit
@pytest.mark.parametrize("shape", [(3000, 700), (900, 40), (130, 1100)])
def test_large_products_are_symmetric_and_right(shape):
    A = matrix(*shape)
    X, columns = as_design(A).storage, np.arange(shape[1])
    G = kernels.cross_gram(X, columns, columns)
    np.testing.assert_array_equal(G, G.T)
    np.testing.assert_allclose(G, A.T @ A, rtol=1e-12)
    K = kernels.row_gram(X) if shape[0] <= 1000 else None
    if K is not None:
        np.testing.assert_array_equal(K, K.T)
        np.testing.assert_allclose(K, A @ A.T, rtol=1e-12)


@needs_jit
@pytest.mark.parametrize("name", ["C", "F", "csr"])
def test_gram_bits_do_not_depend_on_threads(name):
    X, columns = as_design(STORAGES[name](matrix(2000, 300))).storage, np.arange(300)
    results = set()
    for threads in (1, 2, 5):
        set_num_threads(threads)
        results.add(kernels.cross_gram(X, columns, columns).tobytes())
    set_num_threads(None)
    assert len(results) == 1


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_matrix])
def test_columns_on_both_sides_of_a_far_sparse_product(make):
    rng = np.random.default_rng(0)
    X = make(1e8 + np.round(rng.standard_normal((40, 6)) * 2**20) / 2**20)
    shift, scale = X.toarray().mean(axis=0), np.full(6, 0.5)
    V = (X.toarray() - shift) * scale
    for left, right in ((np.array([0, 1, 3]), np.array([3])), (np.arange(6), np.array([5, 2]))):
        found = kernels.cross_gram(
            as_design(X).storage, left, right, shift=shift, scale=scale, by_blocks=True
        )
        np.testing.assert_allclose(found, V[:, left].T @ V[:, right], atol=1e-12)
