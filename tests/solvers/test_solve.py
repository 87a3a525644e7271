"""Solvers agree with one another, with identities, with NIST, and follow a change of units."""

import re

import numpy as np
import pytest
from conftest import JIT, NIST, STORAGES, matrix, needs_jit
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fastreg import set_num_threads, solvers
from fastreg.design import as_design, storages
from fastreg.objectives import Objective
from fastreg.penalties import L1, non_negative
from fastreg.problems.in_memory import standardise
from fastreg.solvers import METHODS, conjugate_gradient, solve, spectrum


def objective(l2=0.0, l1=0.0, **options):
    return Objective(np.atleast_2d(l2), options.pop("kind", L1)(l1), **options)


@pytest.mark.parametrize("shape", [(40, 6), (8, 15)])
@pytest.mark.parametrize("method", [each for each in METHODS if each != "proximal Newton"])
@pytest.mark.parametrize("intercept", [False, True])
def test_every_method_finds_the_ridge_solution(shape, method, intercept, rng):
    A, Y, w = matrix(*shape), rng.standard_normal((shape[0], 2)), rng.random(shape[0])
    l2 = np.array([[0.1, 0.3]])
    options = {"tol": 1e-15, "method": method, "max_iter": 20_000}
    found = solve(as_design(A), Y, objective(l2, weights=w, fit_intercept=intercept), **options)
    w = w / w.sum()
    x, y = (w @ A, w @ Y) if intercept else (np.zeros(shape[1]), np.zeros(2))
    for t in range(2):
        G = (A - x).T @ (w[:, None] * (A - x)) + l2[0, t] * np.eye(shape[1])
        expected = np.linalg.solve(G, (A - x).T @ (w * (Y[:, t] - y[t])))
        # The objective rises by λ/2·‖δ‖² at least: the gap bounds the distance to the minimiser.
        reach = np.sqrt(2 * found.certificate.gap[t] / l2[0, t]) + 1e-12
        assert np.linalg.norm(found.coef[:, t] - expected) <= reach
        np.testing.assert_allclose(found.coef[:, t], expected, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.intercept[t], y[t] - x @ expected, atol=1e-7)
    assert found.certificate.converged


@pytest.mark.parametrize("shape", [(40, 6), (12, 30)])
@pytest.mark.parametrize("kind", [L1, non_negative])
def test_every_storage_gives_the_same_lasso(store, shape, kind, rng):
    A, y = matrix(*shape), rng.standard_normal(shape[0])
    expected, answer = (
        solve(as_design(X), y[:, None], objective(0.01, 0.05, kind=kind), tol=1e-12)
        for X in (A, store(A))
    )
    assert expected.certificate.converged
    np.testing.assert_allclose(answer.coef, expected.coef, atol=1e-7)
    np.testing.assert_allclose(answer.intercept, expected.intercept, atol=1e-7)


@given(
    seed=st.integers(0, 2**20),
    x_exponent=st.integers(-660, 660),
    y_exponent=st.integers(-300, 300),
    l1=st.sampled_from([0.0, 0.05]),
    l2=st.sampled_from([0.0, 0.05]),
    storage=st.sampled_from(["C", "csr", "csc"]),
)
@settings(max_examples=100 if JIT else 8, deadline=None)
def test_the_answer_follows_a_change_of_units(seed, x_exponent, y_exponent, l1, l2, storage):
    """X·a, y·c, l1·a·c, l2·a² turn θ into θ·c/a, to the last bit, for powers of two."""
    if l2:
        x_exponent = int(np.clip(x_exponent, -500, 500))  # l2·a² must be a number
    assume(abs(x_exponent + y_exponent) < 900 and abs(y_exponent - x_exponent) < 900)
    rng = np.random.default_rng(seed)
    A, y = matrix(20, 5, seed), rng.standard_normal((20, 1))
    a, c = 2.0**x_exponent, 2.0**y_exponent
    plain = solve(as_design(STORAGES[storage](A)), y, objective(l2, l1), tol=1e-10)
    scaled = solve(
        as_design(STORAGES[storage](A * a)), y * c, objective(l2 * a * a, l1 * a * c), tol=1e-10
    )
    np.testing.assert_array_equal(scaled.coef, np.ldexp(plain.coef, y_exponent - x_exponent))
    np.testing.assert_array_equal(scaled.certificate.relative_gap, plain.certificate.relative_gap)


def test_least_squares_does_not_depend_on_the_units_of_columns(rng):
    A, y = matrix(60, 6), rng.standard_normal((60, 1))
    units = 2.0 ** np.array([-40, -20, 0, 13, 27, 40])
    plain = solve(as_design(A), y, objective(0.0, 0.0), tol=1e-10)
    scaled = solve(as_design(A * units), y, objective(0.0, 0.0), tol=1e-10)
    np.testing.assert_allclose(scaled.coef[:, 0] * units, plain.coef[:, 0], rtol=1e-12)


@pytest.mark.parametrize("name", ["C", "F", "strided", "csr", "csc"])
@pytest.mark.parametrize("shape", [(600, 5), (6, 9)])
def test_an_offset_of_1e8_costs_nothing(name, shape, rng, monkeypatch):
    monkeypatch.setattr(storages, "BLOCK_ENTRIES", 64)
    A, y = rng.integers(-8, 8, shape) / 8.0, rng.standard_normal((shape[0], 1))
    offsets = [(float, 1e8), (np.float32, 1e5)] if name in "CF" else [(float, 1e7)]
    for l2, l1 in [(0.0, 0.0), (0.1, 0.0), (0.0, 0.02)]:
        if shape[0] < shape[1] and not l2 + l1:
            continue
        plain = solve(as_design(A), y, objective(l2, l1), tol=1e-12)
        for dtype, offset in offsets:
            X = as_design(STORAGES[name]((A + offset).astype(dtype)))
            far = solve(X, y, objective(l2, l1), tol=1e-7)
            np.testing.assert_allclose(far.coef, plain.coef, atol=1e-6)
            assert far.certificate.converged


@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
def test_constant_zero_and_duplicate_columns_are_certified(storage, rng):
    A = np.hstack([matrix(40, 3), np.full((40, 1), 7.0), np.zeros((40, 1))])
    A = np.hstack([A, A[:, :2]])
    y = rng.standard_normal((40, 1))
    X = as_design(STORAGES[storage](A))
    for l2, l1, kind in [(0.1, 0.0, L1), (0.0, 0.01, L1), (0.01, 0.01, non_negative), (0, 0, L1)]:
        found = solve(X, y, objective(l2, l1, kind=kind), tol=1e-10)
        assert found.certificate.converged, found.certificate
        np.testing.assert_allclose(found.coef[3:5], 0.0, atol=1e-10)


def test_huge_constant_column_is_ignored(rng):
    A = np.hstack([matrix(40, 3), np.full((40, 1), 1e16)])
    y = rng.standard_normal((40, 1))
    plain = solve(as_design(A[:, :3]), y, objective(0.1, 0.02), tol=1e-10)
    found = solve(as_design(A), y, objective(0.1, 0.02), tol=1e-10)
    np.testing.assert_allclose(found.coef[:3], plain.coef, atol=1e-9)
    assert found.certificate.converged and found.coef[3, 0] == 0.0


def test_least_norm_among_the_exact_fits(rng):
    A, y = rng.standard_normal((5, 12)), rng.standard_normal((5, 1))
    found = solve(as_design(A), y, objective(fit_intercept=False), tol=1e-10)
    np.testing.assert_allclose(found.coef, np.linalg.pinv(A) @ y, atol=1e-10)


def test_start_at_the_answer_needs_no_further_work(rng):
    A, y = matrix(60, 6), rng.standard_normal((60, 1))
    first = solve(as_design(A), y, objective(0.0, 0.02), tol=1e-8)
    again = solve(as_design(A), y, objective(0.0, 0.02), tol=1e-6, start=first.coef)
    np.testing.assert_array_equal(again.coef, first.coef)
    assert again.n_iter == 1


@needs_jit
@pytest.mark.parametrize("name", ["C", "csr", "csc"])
@pytest.mark.parametrize(("l2", "l1"), [(0.1, 0.0), (0.0, 0.05)])
def test_bits_do_not_depend_on_threads(name, l2, l1, rng, monkeypatch):
    monkeypatch.setattr(storages, "BLOCK_ENTRIES", 4096)
    X = as_design(STORAGES[name](matrix(3000, 150)))
    y = rng.standard_normal((3000, 1))
    results = set()
    for threads in (1, 2, 4):
        set_num_threads(threads)
        results.add(solve(X, y, objective(l2, l1), tol=1e-8).coef.tobytes())
    set_num_threads(None)
    assert len(results) == 1


@needs_jit
def test_more_features_than_the_set_starts_with(rng):
    A = rng.standard_normal((80, 1500))
    y = (A[:, :5] @ np.ones(5) + 0.1 * rng.standard_normal(80))[:, None]
    found = solve(as_design(A), y, objective(0.0, 0.05), tol=1e-10)
    assert found.certificate.converged
    assert set(range(5)) <= set(np.flatnonzero(found.coef))


# NIST Statistical Reference Datasets, linear regression: digits of the worst coefficient.
# Filip's ceiling is that of its tenth powers rounded to float64.
CEILING = {"Filip": 7.5}


def nist(path):
    lines = path.read_text().splitlines()

    def section(title):
        first, last = re.search(
            title + r"\s*\(lines\s+(\d+)\s+to\s+(\d+)\)", "\n".join(lines[:20])
        ).groups()
        return lines[int(first) - 1 : int(last)]

    data = np.array([[float(v) for v in line.split()] for line in section("Data") if line.strip()])
    rows = (re.match(r"\s*B\d+\s+(\S+)", line) for line in section("Certified Values"))
    return data[:, 0], data[:, 1:], np.array([float(row[1]) for row in rows if row])


@pytest.mark.parametrize(
    "path",
    sorted(NIST.glob("*.dat")) or [pytest.param(None, marks=pytest.mark.skip("no NIST data"))],
)
def test_nist_sets_come_out_at_their_ceiling(path):
    y, x, certified = nist(path)
    intercept = not path.stem.startswith("NoInt")
    if x.shape[1] == 1 and len(certified) > 2:
        x = np.multiply.accumulate(np.repeat(x, len(certified) - 1, axis=1), axis=1)  # exact
    found = solve(as_design(x), y[:, None], objective(fit_intercept=intercept), tol=1e-4)
    coef = np.append(found.intercept, found.coef) if intercept else found.coef[:, 0]
    digits = -np.log10(np.maximum(np.abs(coef - certified) / np.abs(certified), 1e-16))
    assert digits.min() >= CEILING.get(path.stem, 13.0)
    assert found.certificate.converged


def test_an_unknown_or_unfit_method_is_refused(rng):
    X, y = as_design(matrix()), rng.standard_normal((37, 1))
    with pytest.raises(ValueError, match="method must be one of auto, direct"):
        solve(X, y, objective(0.1), tol=1e-4, method="typo")
    with pytest.raises(ValueError, match="'gram' knows no penalty but the ridge"):
        solve(X, y, objective(0.1, 0.1), tol=1e-4, method="gram")


@pytest.mark.parametrize("seed", range(40))
def test_non_negative_least_squares_with_duplicates(seed):
    """scipy's active set is the oracle; duplicates make the inner problem singular."""
    from scipy.optimize import nnls

    rng = np.random.default_rng(seed)
    m, n = rng.integers(3, 25), rng.integers(3, 40)
    A, b = rng.standard_normal((m, n)) * (rng.random((m, n)) < 0.5), rng.standard_normal(m)
    A[:, rng.integers(n)] = A[:, rng.integers(n)] * (1 + rng.choice([0, 1e-12, 1e-8]))
    nothing = objective(kind=non_negative, fit_intercept=False)
    found = solve(as_design(A), b[:, None], nothing, tol=1e-8)
    _, residual = nnls(A, b)
    np.testing.assert_allclose(
        found.certificate.objective[0], residual**2 / (2 * m), rtol=1e-7, atol=1e-14
    )
    assert found.certificate.converged


def test_a_spoilt_rescaling_is_not_certified(rng, monkeypatch):
    """The solver's arithmetic for units is not the certificate's."""
    monkeypatch.setattr(solvers.small, "suits", lambda *_: False)
    from fastreg import penalties

    monkeypatch.setattr(
        penalties, "rescale", lambda penalty, scale, unit: L1(1e3 * penalty.l1 * scale / unit)
    )
    A, y = matrix(), rng.standard_normal((37, 1))
    found = solve(as_design(A), y, objective(0.0, 0.01), tol=1e-6)
    assert not found.certificate.converged and found.certificate.relative_gap[0] > 1e-3


@pytest.mark.parametrize("penalised", [0.0, 1e-20])
def test_iterations_on_a_singular_problem_do_not_diverge(penalised, rng):
    A, y = rng.standard_normal((5, 11)), rng.standard_normal((5, 1))
    found = solve(as_design(A), y, objective(penalised), tol=0.0, method="conjugate gradients")
    assert found.certificate.kkt[0] < 1e-9 and np.abs(found.coef).max() < 10


def test_columns_of_very_different_units_in_a_wide_matrix(rng):
    A = rng.standard_normal((15, 20)) * 10.0 ** np.linspace(-6, 6, 20)
    y = (A[:, 0] / 1e-6 + A[:, 10])[:, None]
    for l2 in (0.0, 1e-6, 1.0, 1e3):
        assert solve(as_design(A), y, objective(l2), tol=1e-4).certificate.converged


def test_targets_share_one_gram_matrix(rng, monkeypatch):
    from fastreg import kernels

    calls = []
    original = kernels.cross_gram
    monkeypatch.setattr(kernels, "cross_gram", lambda *a, **k: calls.append(1) or original(*a, **k))
    solve(as_design(matrix()), rng.standard_normal((37, 4)), objective(0.0, 0.02), tol=1e-6)
    assert len(calls) == 1


@pytest.mark.parametrize("kind", [L1, non_negative])
def test_proximal_gradient_reaches_the_same_minimum(kind, rng):
    X, y = as_design(rng.standard_normal((60, 30))), rng.standard_normal((60, 1))
    options = objective(0.01, 0.05, kind=kind)
    exact = solve(X, y, options, tol=1e-12)
    found = solve(X, y, options, tol=1e-9, method="proximal gradient", max_iter=5000)
    assert found.certificate.converged
    np.testing.assert_allclose(found.coef, exact.coef, atol=1e-4)


def test_a_set_without_room_hands_over_to_proximal_gradient(rng, monkeypatch):
    from fastreg.solvers import working_set

    monkeypatch.setattr(working_set, "MOST", 20)
    monkeypatch.setattr(working_set, "WHOLE", 4)
    X, y = as_design(rng.standard_normal((60, 30))), rng.standard_normal((60, 1))
    strengths = np.geomspace(0.3, 1e-3, 6)
    path = Objective(np.full((1, 1), 0.1), L1(1.0), strength=strengths)
    found = solve(X, y, path, tol=1e-7, max_iter=5000)
    assert found.certificate.converged and "proximal" in found.certificate.method


def test_an_answer_that_rounding_has_ruined_gives_way_to_the_null_model(rng, monkeypatch):
    """As happens to a sparse X whose offset dwarfs its spread; and the certificate says so."""
    monkeypatch.setattr(solvers.small, "suits", lambda *_: False)
    X, y = as_design(matrix()), rng.standard_normal((37, 1))
    original = solvers._minimise

    def ruined(*arguments):
        found = original(*arguments)
        return found._replace(beta=found.beta * 1e40)

    monkeypatch.setattr(solvers, "_minimise", ruined)
    found = solve(X, y, objective(0.0, 0.01), tol=1e-4)
    assert not found.coef.any()
    np.testing.assert_allclose(found.intercept, y.mean(), rtol=1e-12)
    assert not found.certificate.converged
    assert 0.0 < found.certificate.relative_gap[0] <= 1.0


@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc", "float32"])
@pytest.mark.parametrize("shape", [(60, 6), (9, 40)])
@pytest.mark.parametrize("intercept", [False, True])
def test_many_ridges_share_one_eigendecomposition(storage, shape, intercept, rng):
    from sklearn.linear_model import Ridge

    A, y, w = matrix(*shape) + 1.0, rng.standard_normal(shape[0]), rng.random(shape[0]) + 0.1
    strengths = np.geomspace(10.0, 1e-3, 30)
    own = objective(1.0, weights=w, fit_intercept=intercept, strength=strengths)
    found = solve(as_design(STORAGES[storage](A)), y[:, None], own, tol=1e-9)
    assert found.certificate.converged
    assert "eigendecomposition" in found.certificate.method
    for t in (0, 17, 29):
        model = Ridge(alpha=strengths[t] * w.sum(), fit_intercept=intercept).fit(A, y, w)
        np.testing.assert_allclose(found.coef[:, t], model.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.intercept[t], model.intercept_, atol=1e-8)


def test_an_eigendecomposition_that_is_rounding_is_not_used(rng):
    A = rng.standard_normal((50, 4))
    A = np.column_stack([A, A[:, 0] + 1e-7 * rng.standard_normal(50)])
    y = rng.standard_normal((50, 1))
    own = objective(1.0, strength=np.geomspace(1.0, 1e-13, 5))
    found = solve(as_design(A), y, own, tol=1e-10)
    assert found.certificate.converged
    assert "eigendecomposition" not in found.certificate.method


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
def test_conjugate_gradients_of_several_points_are_those_of_each(
    storage, weighted, rng, monkeypatch
):
    monkeypatch.setattr(storages, "BLOCK_ENTRIES", 64)  # by columns, which F is where it is large
    X, Y = as_design(STORAGES[storage](matrix(60, 9) + 0.5)), rng.standard_normal((60, 11))
    weights = np.where(np.arange(60) < 5, 0.0, rng.random(60)) if weighted else None
    own = objective(np.geomspace(1e-3, 1.0, 11)[None, :], weights=weights)
    problem = standardise(X, Y, own)
    together = np.zeros((9, 11), order="F")
    _steps, reached = conjugate_gradient.solve(problem, together, 1e-13, 500)
    assert reached
    direct = solve(X, Y, own, tol=1e-12, method="direct")
    coef, _ = problem.unscale(together)
    np.testing.assert_allclose(coef, direct.coef, atol=1e-6)


def test_eight_conjugate_gradients_read_X_together(rng):
    X, y = as_design(rng.standard_normal((80, 30))), rng.standard_normal((80, 1))
    passes = []
    for count in (1, 8):
        problem = standardise(X, y, objective(1.0, strength=np.full(count, 0.01)))
        conjugate_gradient.solve(problem, np.zeros((30, count), order="F"), 1e-10, 500)
        passes.append(problem.passes)
    assert passes[0] == passes[1]


def _hard(seed):
    """X, y, and a ridge: shifts, columns of other sizes, weights, a strength an entry, or none."""
    rng = np.random.default_rng(seed)
    m, n, k = rng.integers(3, 90), rng.integers(2, 90), rng.choice([1, 1, 3, 9])
    A = rng.standard_normal((m, n)) * (rng.random((m, n)) < rng.choice([0.2, 1.0]))
    if rng.random() < 0.3:
        A += 10.0 ** rng.integers(0, 7) * rng.standard_normal(n)
    if rng.random() < 0.3:
        A *= 10.0 ** rng.uniform(-3, 3, n)
    weights = rng.random(m) + 1e-3 if rng.random() < 0.5 else None
    l2 = 10.0 ** rng.uniform(-4, 1, (n if rng.random() < 0.5 else 1, k))
    own = objective(l2, weights=weights, fit_intercept=bool(rng.random() < 0.7))
    return A, rng.standard_normal((m, k)), own


@needs_jit
@pytest.mark.thorough
def test_columns_that_are_read_once_are_solved_as_often_as_rows(monkeypatch):
    monkeypatch.setattr(storages, "BLOCK_ENTRIES", 64)
    options = {"tol": 1e-10, "method": "conjugate gradients", "max_iter": 3000}
    solved = dict.fromkeys(["C", "F", "csr", "csc"], 0)
    for seed in range(100):
        A, y, own = _hard(seed)
        for name in solved:
            found = solve(as_design(STORAGES[name](A)), y, own, **options)
            solved[name] += found.certificate.converged
    assert solved["F"] >= solved["C"] - 2 and solved["csc"] >= solved["csr"] - 2, solved
    assert solved["C"] >= 95, solved


@pytest.mark.parametrize("storage", ["C", "F", "csc"])
@pytest.mark.parametrize("size", [1e170, 1e-170])
def test_conjugate_gradients_in_units_whose_squares_are_no_numbers(storage, size, rng, monkeypatch):
    monkeypatch.setattr(storages, "BLOCK_ENTRIES", 64)
    A, y = rng.standard_normal((60, 9)), rng.standard_normal((60, 1))
    options = {"tol": 1e-10, "method": "conjugate gradients"}
    found = solve(as_design(STORAGES[storage](size * A)), y, objective(), **options)
    expected = solve(as_design(A), y, objective(), tol=1e-12, method="direct")
    np.testing.assert_allclose(found.coef * size, expected.coef, atol=1e-5)


@pytest.mark.parametrize("storage", ["C", "F", "csc"])
def test_conjugate_gradients_see_nothing_of_rows_of_weight_zero(storage, rng, monkeypatch):
    monkeypatch.setattr(storages, "BLOCK_ENTRIES", 64)
    A = rng.standard_normal((60, 9))
    y = A.sum(axis=1, keepdims=True)
    own = objective(0.1, weights=(np.arange(60) > 0) * 1.0)
    expected = solve(as_design(A), y, own, tol=1e-12)
    A[0] = 1.7e308
    options = {"tol": 1e-12, "method": "conjugate gradients"}
    found = solve(as_design(STORAGES[storage](A)), y, own, **options)
    np.testing.assert_allclose(found.coef, expected.coef, atol=1e-6)


@pytest.mark.parametrize("storage", ["F", "csc"])
def test_a_step_of_conjugate_gradients_reads_columns_once(storage, rng, monkeypatch):
    monkeypatch.setattr(storages, "BLOCK_ENTRIES", 64)
    X = as_design(STORAGES[storage](rng.standard_normal((80, 30))))
    problem = standardise(X, rng.standard_normal((80, 1)), objective(0.01))
    steps, reached = conjugate_gradient.solve(problem, np.zeros((30, 1), order="F"), 1e-12, 500)
    assert reached and problem.by_columns
    rounds = -(-steps // 12)  # one to begin with, one that looks, of each recursion
    assert problem.passes <= 1 + steps + 2 * (rounds + 1) + steps // 32


def test_ridge_terms_that_are_no_family_have_no_spectrum():
    X = as_design(matrix())
    each = Objective(np.arange(1.0, 13.0).reshape(6, 2), L1(0.0))
    assert spectrum.family(standardise(X, np.ones((37, 2)) * np.arange(37)[:, None], each)) is None


@pytest.mark.parametrize("targets", [1, 3])
def test_what_is_gone_to_at_once_and_missed_is_solved_from_there(targets, rng, monkeypatch):
    monkeypatch.setattr(solvers.small, "suits", lambda *_: False)
    from fastreg.solvers import working_set

    X, Y = as_design(matrix()), rng.standard_normal((37, targets))
    straight = solve(X, Y, objective(0.0, 0.01), tol=1e-10)
    whole, calls = working_set.sweep, []

    def spoiled(problem, beta, *arguments):
        steps = whole(problem, beta, *arguments)
        beta *= 0.5
        calls.append(steps)
        return steps

    monkeypatch.setattr(working_set, "sweep", spoiled)
    found = solve(X, Y, objective(0.0, 0.01), tol=1e-10)
    assert len(calls) == 1 and found.certificate.converged
    np.testing.assert_allclose(found.coef, straight.coef, atol=1e-6)
