"""Passes over X agree with the reference, for every storage."""

import numpy as np
import pytest
from conftest import JIT, STORAGES, matrix, needs_jit
from hypothesis import given, settings
from hypothesis import strategies as st

from fastreg import kernels, losses, penalties, reference, set_num_threads
from fastreg.design import as_design
from fastreg.design import storages as kinds
from fastreg.kernels.rows import Workspace

EPS = np.finfo(float).eps


@pytest.fixture(params=["one block", "many blocks", "many blocks of rows"])
def rows(request, monkeypatch):
    """A number of rows; with the larger one every pass has several blocks: of columns where X
    lies by columns, in the last case of rows for a dense X."""
    if request.param == "one block":
        return 37
    monkeypatch.setattr(kinds, "BLOCK_ENTRIES", 64)
    if request.param == "many blocks of rows":
        monkeypatch.setattr(kinds, "SHORT", 0)
    return 400


@pytest.fixture(params=["plain", "weighted", "shifted", "both"])
def options(request, rng, rows):
    options = {}
    if request.param in ("weighted", "both"):
        options["weights"] = rng.random(rows)
    if request.param in ("shifted", "both"):
        options["shift"] = rng.standard_normal(6)
    return options


def checked(X, rows):
    """The storage of X, after making sure that it has the blocks it should have."""
    X = as_design(X).storage
    assert (Workspace(X).count > 1) == (rows == 400 and not kinds.by_columns(X))
    return X


def test_gradient_agrees_with_reference(store, options, penalty, rng, rows):
    X = checked(store(matrix(rows)), rows)
    y, theta = rng.standard_normal(rows), np.abs(rng.standard_normal(6))
    arguments = {"offset": 0.25, "scale": 1 / rows, "l2": 0.1, "penalty": penalty, **options}
    out, expected = np.empty(6), np.empty(6)
    value = kernels.gradient(X, y, theta, out=out, **arguments)
    reference_value = reference.gradient(X, y, theta, out=expected, **arguments)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(value, reference_value, rtol=1e-12, atol=1e-13)


def test_predict_and_project_agree_with_reference(store, options, rng, rows):
    X = checked(store(matrix(rows)), rows)
    shift = {key: value for key, value in options.items() if key == "shift"}
    cases = [("predict", rng.standard_normal(6), rows), ("project", rng.standard_normal(rows), 6)]
    for name, vector, size in cases:
        out, expected = np.empty(size), np.empty(size)
        getattr(kernels, name)(X, vector, out=out, **shift)
        getattr(reference, name)(X, vector, out=expected, **shift)
        np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("n", [6, 8, 29])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_wide_rows_advance_to_the_same_gradient(n, dtype, options, rng, rows, monkeypatch):
    A = matrix(rows, n).astype(dtype)
    X = as_design(A).storage
    options = {**options, "shift": rng.standard_normal(n)} if "shift" in options else options
    y, theta = rng.standard_normal(rows), rng.standard_normal(n)
    out, expected = np.empty(n), np.empty(n)
    wanted = reference.gradient(X, y, theta, out=expected, offset=0.5, **options)
    monkeypatch.setattr(kinds, "ADVANCING", 1)
    assert kinds.is_wide(X)
    found = kernels.gradient(X, y, theta, out=out, offset=0.5, **options)
    np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found, wanted, rtol=1e-11)


@pytest.mark.parametrize("k", [1, 3, 8, 11])
def test_several_right_hand_sides_agree_with_one_after_the_other(store, penalty, rng, rows, k):
    X = checked(store(matrix(rows)), rows)
    y, theta = rng.standard_normal((rows, k)), np.abs(rng.standard_normal((6, k)))
    arguments = {
        "offset": rng.standard_normal(k),
        "shift": rng.standard_normal(6),
        "weights": rng.integers(0, 3, (rows, k)).astype(float),
        "scale": rng.random(k),
        "l2": rng.random((6, k)),
        "penalty": penalty,
    }
    out, expected = np.empty((6, k)), np.empty((6, k))
    found = kernels.gradient(X, y, theta, out=out, **arguments)
    wanted = reference.gradient(X, y, theta, out=expected, **arguments)
    np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)
    for name, vectors, size in (("predict", theta, rows), ("project", y, 6)):
        out, expected = np.empty((size, k)), np.empty((size, k))
        getattr(kernels, name)(X, vectors, shift=arguments["shift"], out=out)
        getattr(reference, name)(X, vectors, shift=arguments["shift"], out=expected)
        np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-10)


def test_several_right_hand_sides_share_target_weights_and_ridge(rng):
    X, theta, w = as_design(matrix()).storage, rng.standard_normal((6, 2)), rng.random(37)
    y, l2 = rng.standard_normal(37), rng.random(6)
    out, expected = np.empty((6, 2)), np.empty((6, 2))
    values = kernels.gradient(X, y, theta, weights=w, l2=l2, out=out)
    wanted = reference.gradient(X, y, theta, weights=w, l2=l2, out=expected)
    np.testing.assert_allclose(out, expected, rtol=1e-12)
    np.testing.assert_allclose(values, wanted, rtol=1e-12)


SIDES = [
    (losses.Squared(), None),
    (losses.Squared(), 3),
    (losses.Logistic(), None),
    (losses.Logistic(), 11),
    (losses.Poisson(), None),
    (losses.Poisson(), 8),
]


@pytest.mark.parametrize(("loss", "k"), SIDES)
def test_a_base_of_every_row_is_added_to_predictions(store, loss, rng, rows, k):
    X, side = checked(store(matrix(rows)), rows), () if k is None else (k,)
    theta = 0.1 * rng.standard_normal((6, *side))
    arguments = {
        "offset": 0.25 if k is None else rng.standard_normal(k),
        "shift": rng.standard_normal(6),
        "weights": rng.random((rows, *side)),
        "base": rng.standard_normal(rows),
        "loss": loss,
        "scale": 1 / rows,
        "l2": 0.1,
    }
    y = rng.random((rows, *side))
    out, expected = np.empty(theta.shape), np.empty(theta.shape)
    found = kernels.gradient(X, y, theta, out=out, **arguments)
    wanted = reference.gradient(X, y, theta, out=expected, **arguments)
    np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)


def test_a_row_of_weight_zero_adds_nothing_to_any_right_hand_side():
    A = matrix()
    y = np.column_stack([np.full(37, 1e200), np.zeros(37)])
    weights = np.ones((37, 2))
    weights[:, 0] = 0.0
    out = np.empty((6, 2))
    values, slopes = kernels.gradient(
        as_design(A).storage, y, np.full((6, 2), 1e200), weights=weights, out=out
    )
    assert values[0] == slopes[0] == 0.0 and not out[:, 0].any()


@given(
    m=st.integers(1, 40),
    n=st.integers(1, 20),
    seed=st.integers(0, 2**20),
    exponent=st.integers(-60, 60),
    storage=st.sampled_from(["C", "F", "csr", "csc", "float32", "strided"]),
)
@settings(max_examples=60 if JIT else 10, deadline=None)
def test_gradient_stays_within_the_componentwise_bound(m, n, seed, exponent, storage):
    """│ĝ − g│ ≤ c·(m + n)·ε·(│X│ᵀ(│X││θ| + │y│)): holds for every scale and both dtypes."""
    rng = np.random.default_rng(seed)
    A = (matrix(m, n, seed) * 2.0**exponent).astype(np.float32).astype(float)
    y, theta = rng.standard_normal(m), rng.standard_normal(n)
    out, exact = np.empty(n), np.empty((2, n + 1))
    kernels.gradient(as_design(STORAGES[storage](A)).storage, y, theta, out=out)
    reference.compensated_gradient(as_design(A).storage, y, theta, out=exact)
    B = np.abs(A)
    bound = 4 * (m + n) * EPS * (B.T @ (B @ np.abs(theta) + np.abs(y)))
    assert np.all(np.abs(out - exact[0, :n]) <= bound)


def test_float32_accumulates_in_float64():
    A = np.full((3000, 1), 1.0, np.float32)
    A[0] = 2.0**24
    out = np.empty(1)
    kernels.project(as_design(A).storage, np.ones(3000), out=out)
    assert out[0] == 2.0**24 + 2999


@needs_jit
@pytest.mark.parametrize("name", ["C", "F", "csr", "csc", "float32"])
def test_bits_do_not_depend_on_threads(name, rng, monkeypatch):
    monkeypatch.setattr(kinds, "BLOCK_ENTRIES", 4096)
    if name == "F, by rows":
        monkeypatch.setattr(kinds, "SHORT", 0)
    X = as_design(STORAGES[name.split(",")[0]](matrix(5000, 60))).storage
    blocks = Workspace(X).columns if kinds.by_columns(X) else Workspace(X).bounds
    assert len(blocks) > {"csr": 10, "csc": 10, "F": 5}.get(name, 20)
    y, theta = rng.standard_normal(5000), rng.standard_normal(60)
    results = []
    for threads in (1, 2, 3, 8):
        set_num_threads(threads)
        out, predicted = np.empty(60), np.empty(5000)
        value = kernels.gradient(X, y, theta, out=out)
        kernels.predict(X, theta, out=predicted)
        results.append((value, out.tobytes(), predicted.tobytes()))
    set_num_threads(None)
    assert len(set(results)) == 1


STRIPS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": STORAGES["strided"],
    "strided-F": STORAGES["strided-F"],
}
WIDE = 8203 if JIT else 523  # the last of the strips of 512 columns is narrow, and no multiple of 8


@pytest.mark.parametrize("k", [1, 3, 8, 16])
@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", STRIPS)
@pytest.mark.parametrize("shape", [(5, WIDE), (19, WIDE), (300, 13)])
def test_strips_of_columns_project_several_residuals(
    shape, name, dtype, shifted, k, rng, monkeypatch
):
    m, n = shape
    if n != WIDE or not JIT:
        monkeypatch.setattr(kinds, "NEAR", 1)
    A = rng.standard_normal(shape).astype(dtype)
    X, residual = as_design(STRIPS[name](A)).storage, rng.standard_normal((m, k))
    assert kinds.in_strips(X)
    shift = rng.standard_normal(n) if shifted else None
    out, expected = np.full((n, k), np.nan), np.empty((n, k))
    kernels.project(X, residual, shift=shift, out=out)
    reference.project(X, residual, shift=shift, out=expected)
    np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-11)


@needs_jit
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["C", "F"])
@pytest.mark.parametrize("k", [1, 3, 8, 16])
def test_bits_of_strips_do_not_depend_on_threads(k, name, dtype, rng):
    X = as_design(STRIPS[name](rng.standard_normal((33, 20_011)).astype(dtype))).storage
    residual, shift, results = rng.standard_normal((33, k)), rng.standard_normal(20_011), set()
    assert kinds.in_strips(X)
    for threads in (1, 2, 5):
        set_num_threads(threads)
        out = np.empty((20_011, k))
        kernels.project(X, residual, shift=shift, out=out)
        results.add(out.tobytes())
    set_num_threads(None)
    assert len(results) == 1


def test_blocks_cover_the_rows_and_spare_memory():
    for m, n in [(1, 1), (7, 3), (200_000, 4), (8, 100_000), (4000, 1000)]:
        X = kinds.DenseRows(np.broadcast_to(0.0, (m, n)))
        bounds = kinds.row_bounds(X)
        assert bounds[0] == 0 and bounds[-1] == m and np.all(np.diff(bounds) > 0)
        assert (len(bounds) - 1) * n <= max(n, m * n / 50)


@needs_jit
def test_out_and_workspace_make_calls_free_of_allocation():
    import tracemalloc

    X = as_design(matrix(2000, 50)).storage
    y, theta, out, work = np.ones(2000), np.ones(50), np.empty(50), Workspace(X)
    for _ in range(1000):  # until caches of small objects are full
        kernels.gradient(X, y, theta, out=out, workspace=work)
    tracemalloc.start()
    for _ in range(20):
        kernels.gradient(X, y, theta, out=out, workspace=work)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8000  # bytes: frames and closures, no array of m or K·n


def test_an_unknown_loss_or_penalty_fails_in_words():
    X, out = as_design(matrix()).storage, np.empty(6)
    with pytest.raises(TypeError, match="value is not defined for tuple; it is defined for"):
        kernels.gradient(X, np.ones(37), np.ones(6), penalty=(1.0,), out=out)
    with pytest.raises(TypeError, match="value is not defined for L1; it is defined for: Gamma"):
        kernels.gradient(X, np.ones(37), np.ones(6), loss=penalties.L1(1.0), out=out)


def test_loss_derivative_is_the_slope_of_its_value():
    h = 1e-6
    slope = (
        losses.value(losses.Squared(), 2 + h, 0.5) - losses.value(losses.Squared(), 2 - h, 0.5)
    ) / (2 * h)
    assert abs(slope - losses.derivative(losses.Squared(), 2.0, 0.5)) < 1e-8


@pytest.mark.parametrize("k", [None, 1, 3, 8, 11])
@pytest.mark.parametrize("name", ["F", "float32-F", "csc", "csc-repeated"])
@pytest.mark.parametrize("shifted", [False, True])
def test_a_product_follows_another_in_one_read_of_columns(name, k, shifted, rng, monkeypatch):
    monkeypatch.setattr(kinds, "BLOCK_ENTRIES", 64)
    monkeypatch.setattr("fastreg.kernels.two_products._NEAR", 100)
    m, n = 37, 29
    X = as_design(STORAGES[name](matrix(m, n))).storage
    side = () if k is None else (k,)
    r, base, factor = (rng.standard_normal((size, *side)) for size in (m, n, n))
    arguments = {"shift": rng.standard_normal(n) if shifted else None}
    found = {"out": np.empty((n, *side)), "image": np.empty((m, *side))}
    expected = {"out": np.empty((n, *side)), "image": np.empty((m, *side))}
    kernels.project_then_predict(X, r, base, factor, **arguments, **found)
    reference.project_then_predict(X, r, base, factor, **arguments, **expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-11, atol=1e-10)
