"""Losses that are no squares: paths, their certificates, and what refuses them."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
import scipy.special
from conftest import JIT, needs_jit
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

import fastreg
from fastreg import kernels, reference
from fastreg.certificate import losses as certified
from fastreg.certificate.intercept import null_model
from fastreg.losses import Logistic, Poisson, Squared, traits
from fastreg.objectives import Objective
from fastreg.penalties import L1, Bounded
from fastreg.solvers import select_solver
from tests import smooth
from tests.judge import HAS_EXTENDED

PACKAGE = Path(fastreg.__file__).parent
LOSSES = [Squared(), Logistic(), Poisson()]


def binary(rng, m=80, n=6):
    X = rng.standard_normal((m, n)) * [1.0, 10.0, 0.1, 1.0, 1.0, 1.0][:n]
    y = (rng.random(m) < 1.0 / (1.0 + np.exp(-X[:, 0]))).astype(float)
    y[:2] = 0.0, 1.0
    return X, y


# ------------------------------------------------------------------ formulas


@pytest.mark.parametrize("loss", LOSSES)
def test_derivatives_are_those_of_the_value(loss, rng):
    from fastreg import losses

    step = 1e-5
    for z, y in zip(rng.uniform(-5, 5, 20), rng.uniform(0, 1, 20), strict=True):
        ends = [losses.value(loss, z + side, y) for side in (step, -step)]
        room = 1e-8 + 4.0 * np.finfo(float).eps * abs(ends[0]) / step
        assert losses.derivative(loss, z, y) == pytest.approx(
            (ends[0] - ends[1]) / 2 / step, abs=room
        )
        ends = [losses.derivative(loss, z + side, y) for side in (step, -step)]
        assert losses.curvature(loss, z, y) == pytest.approx(
            (ends[0] - ends[1]) / 2 / step, abs=room
        )
        for name in ("value", "curvature"):
            own = getattr(certified, name)(loss, np.array([z]), np.array([y]))[0]
            assert getattr(losses, name)(loss, z, y) == pytest.approx(own, rel=1e-13)


@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_agree_with_reference(loss, rng):
    z, y = rng.uniform(-30, 30, 100), rng.uniform(0, 1, 100)
    np.testing.assert_allclose(
        kernels.slopes(loss, z, y), reference.slopes(loss, z, y), rtol=1e-13, atol=1e-15
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_conjugates_against_brute_force(loss, rng):
    for y in (0.0, 0.3, 1.0):
        for u in rng.uniform(-y + 1e-6, 1.0 - y - 1e-6, 10):

            def below(z, u=u, y=y):
                return float(certified.value(loss, np.array(z), y)) - u * z

            found = scipy.optimize.minimize_scalar(
                below, bounds=(-40.0, 40.0), method="bounded", options={"xatol": 1e-10}
            )
            mine = float(certified.conjugate(loss, np.array(u), y))
            assert mine == pytest.approx(-found.fun, abs=1e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_divergences_are_what_they_say_and_never_negative(loss, rng):
    y, z = rng.uniform(0, 1, 200), rng.uniform(-30, 30, 200)
    u = rng.uniform(-y, 1.0 - y)
    direct = certified.value(loss, z, y) + certified.conjugate(loss, u, y) - u * z
    found = certified.divergence(loss, z, u, y)
    assert (found >= 0.0).all()
    np.testing.assert_allclose(found, direct, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        certified.divergence(loss, z, certified.slope(loss, z, y), y), 0.0, atol=1e-15
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_dual_points_are_mixed_within_the_domain(loss, rng):
    y, w = rng.uniform(0, 1, (50, 1)), rng.uniform(0.1, 1.0, 50)
    w = w / w.sum()
    low, high = certified.ends(loss, y)
    assert (low <= 0.0).all() and (high >= 0.0).all()
    for e in (low, high):
        assert np.isfinite(certified.conjugate(loss, e, y)).all()
    u = certified.slope(loss, rng.standard_normal((50, 4)), y)
    for q, total in enumerate(w @ u):
        e = low if total > 0.0 else high
        t = total / (total - w @ e[:, 0])
        mixed = (1.0 - t) * u[:, [q]] + t * e
        assert 0.0 <= t <= 1.0 and w @ mixed[:, 0] == pytest.approx(0.0, abs=1e-15)
        assert np.isfinite(certified.conjugate(loss, mixed, y)).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_divergences_are_no_larger_than_their_bound(loss, rng):
    y, z = rng.integers(0, 2, (500, 1)) * 1.0, rng.uniform(-8, 8, (500, 1))
    slope, bend = certified.slope(loss, z, y), certified.curvature(loss, z, y)
    low, high = certified.ends(loss, y)
    for s in (0.0, 0.3, 0.9, 0.999):
        for e in (np.zeros(y.shape), low, high):
            u = s * slope + (1.0 - s) * e
            bound = certified.roundness(loss) * (u - slope) ** 2 / bend
            assert (certified.divergence(loss, z, u, y) <= bound * (1 + 1e-9) + 1e-13).all()


# ------------------------------------------------------------------ paths


@needs_jit
def test_a_path_is_scikit_learns_minimum():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    path = fastreg.path(X, y, family="binomial", alphas=12, tol=1e-10)
    assert path.certificate.converged and path.certificate.kind == "gap"

    def P(coef, b, alpha):
        z = X @ coef + b
        return np.mean(np.logaddexp(0.0, z) - y * z) + alpha * np.abs(coef).sum()

    for k in (3, 7, 11):
        alpha = path.alphas[k]
        peer = LogisticRegression(
            l1_ratio=1.0, C=1.0 / (alpha * len(y)), solver="saga", tol=1e-10, max_iter=2000
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it stops, its P is the larger one
            theirs = peer.fit(X, y)
        least = P(theirs.coef_[0], theirs.intercept_[0], alpha)
        assert P(path.coefs[:, k], path.intercepts[k], alpha) <= least + 1e-9
    np.testing.assert_allclose(path.predict(X)[:, 5], X @ path.coefs[:, 5] + path.intercepts[5])


@pytest.mark.parametrize("make", [np.asfortranarray, sp.csr_matrix, sp.csc_matrix])
def test_storages_agree(make, rng):
    X, y = binary(rng)
    X[rng.random(X.shape) < 0.4] = 0.0
    options = {
        "family": "binomial", "alphas": 8, "tol": 1e-10, "sample_weight": rng.uniform(0.5, 2.0, 80),
        "offset": rng.standard_normal(80),
    }  # fmt: skip
    one, other = fastreg.path(X, y, **options), fastreg.path(make(X), y, **options)
    assert one.certificate.converged and other.certificate.converged
    np.testing.assert_allclose(other.alphas, one.alphas, rtol=1e-9)
    np.testing.assert_allclose(other.coefs, one.coefs, atol=1e-5 * np.abs(one.coefs).max())


@needs_jit
def test_a_sparse_matrix_of_several_blocks_of_rows(rng):
    X = sp.random(40_000, 30, 0.3, format="csr", random_state=0)
    y = (rng.random(40_000) < 1.0 / (1.0 + np.exp(-3.0 * X[:, :1].toarray()[:, 0]))).astype(float)
    path = fastreg.path(X, y, family="binomial", alphas=3, eps=0.1)
    assert path.certificate.converged and path.coefs[0, -1] > 1.0


def test_weights_are_repeated_rows_and_bounds_hold(rng):
    X, y = binary(rng)
    w = rng.integers(0, 3, 80)
    w[:2] = 1
    rows = np.repeat(np.arange(80), w)
    bounds = {"bounds": (-0.2, 0.3), "family": "binomial", "alphas": [0.05, 0.001], "tol": 1e-12}
    one = fastreg.path(X, y, sample_weight=w.astype(float), **bounds)
    other = fastreg.path(X[rows], y[rows], **bounds)
    np.testing.assert_allclose(one.coefs, other.coefs, atol=1e-6)
    assert one.coefs.min() >= -0.2 and one.coefs.max() <= 0.3


def test_what_is_not_penalised_is_certified_by_stationarity(rng):
    X, y = binary(rng)
    path = fastreg.path(X, y, family="binomial", alphas=5, penalty_factor=[0, 1, 1, 1, 1, 1])
    assert path.certificate.converged and path.certificate.kind == "stationarity"
    assert (path.coefs[0] != 0.0).all() and not path.coefs[1:, 0].any()


@pytest.mark.parametrize("size", [-700.0, -300.0, -30.0, 0.0, 30.0, 300.0, 700.0])
def test_the_null_model_of_counts_beside_an_offset_is_in_closed_form(size, rng):
    """Σ w y = e^b Σ w e^o: from 300 above Newton's method comes down by 1 a step."""
    offset, w = size + 3.0 * rng.standard_normal(40), rng.uniform(0.5, 2.0, 40)
    y = rng.poisson(3.0, 40).astype(float)
    level, z = null_model(Poisson(), y[:, None], w, offset)
    expected = np.log(w @ y) - np.log(w @ np.exp(offset - size)) - size
    assert level == pytest.approx(expected, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(w @ (np.exp(z[:, 0]) - y), 0.0, atol=1e-9)
    share = y / y.max()
    level, z = null_model(Logistic(), share[:, None], w, offset)
    np.testing.assert_allclose(w @ (scipy.special.expit(z[:, 0]) - share), 0.0, atol=1e-9)


@pytest.mark.parametrize("size", [-700.0, -300.0, 300.0, 700.0])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_an_offset_far_from_the_answer_without_an_intercept(size, ratio, rng):
    """Every row is where its loss is flat, and Newton's step would be 1e130 long."""
    X, y = binary(rng)
    X[:, 0] = 1.0 + 0.1 * rng.standard_normal(len(X))
    options = {"alphas": [1e-3, 1e-5], "l1_ratio": ratio, "fit_intercept": False}
    offset = np.full(len(y), size)
    path = fastreg.path(X, y, family="binomial", offset=offset, **options)
    assert path.certificate.converged and path.n_iter < 200
    with_level = fastreg.path(X, y, family="binomial", offset=offset, alphas=[1e-3, 1e-5])
    assert with_level.certificate.converged and with_level.n_iter < 20


def test_an_offset_whose_loss_leaves_float64_is_refused(rng):
    X, _ = binary(rng)
    y, offset = rng.poisson(1.0, len(X)) + 1.0, np.full(len(X), 709.0)
    with pytest.raises(ValueError, match="offset has rows whose loss"):
        fastreg.path(X, y, family="poisson", offset=offset, alphas=2, fit_intercept=False)
    path = fastreg.path(X, y, family="poisson", offset=offset, alphas=2)
    assert path.certificate.converged


@pytest.mark.parametrize("s", [1.0, 0.999, 0.5])
@pytest.mark.parametrize("z", [-749.0, -720.0, -690.0, 700.0, 740.0, 749.0])
def test_divergences_are_finite_where_probabilities_underflow(z, s):
    for y in (0.0, 0.3, 1.0):
        at, target = np.array([[z]]), np.array([[y]])
        u = s * certified.slope(Logistic(), at, target)
        found = certified.divergence(Logistic(), at, u, target)
        expected = (
            certified.value(Logistic(), at, target)
            + certified.conjugate(Logistic(), u, target) - u * at
        )  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.skipif(not HAS_EXTENDED, reason="the judge needs 80 bits")
@pytest.mark.thorough
def test_no_certificate_is_false():
    faults = [smooth.attack(seed) for seed in range(25 if JIT else 2)]
    assert not any(faults), faults


@pytest.mark.skipif(not HAS_EXTENDED, reason="the judge needs 80 bits")
def test_the_judge_sees_a_gap_that_is_too_small(monkeypatch):
    """Divergences a hundredth of what they are."""
    from fastreg.certificate.smooth import RowsFit

    scaled = RowsFit.scaled
    monkeypatch.setattr(RowsFit, "scaled", lambda self, s, r, most: 0.01 * scaled(self, s, r, most))
    assert any("falls" in smooth.attack(seed) for seed in range(60))


def test_objective_gradient_and_descent_of_another_loss(rng):
    X, y = binary(rng)
    theta, h = rng.standard_normal(6), 1e-6
    z = X @ theta + 0.3
    value = np.mean(np.logaddexp(0.0, z) - y * z) + 0.5 * theta @ theta / 160
    options = {"lam": 0.5, "family": "binomial"}
    assert fastreg.objective(X, y, theta, intercept=0.3, **options) == pytest.approx(value)
    slope, by_b = fastreg.gradient(X, y, theta, intercept=0.3, **options)
    for j in range(6):
        ends = [
            fastreg.objective(X, y, theta + side * np.eye(6)[j], intercept=0.3, **options)
            for side in (h, -h)
        ]
        assert slope[j] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-7)
    assert by_b == pytest.approx(np.mean(1.0 / (1.0 + np.exp(-z)) - y))
    steps = 2000 if JIT else 300
    run = fastreg.descend(X / X.std(axis=0), y, fit_intercept=True, n_iter=steps, **options)
    assert (np.diff(run.objectives) <= 1e-15).all()
    np.testing.assert_allclose(run.theta, run.optimum.theta, atol=1e-4 if JIT else 0.1)
    assert run.objectives[-1] - run.optimum.objective <= run.certificate.gap[0] + 1e-15


def test_progress_and_reads_are_told_as_they_are(rng):
    X, y = binary(rng)
    told = []
    path = fastreg.path(
        X, y, family="binomial", alphas=6, tol=1e-13, callback=lambda *a: told.append(a)
    )
    assert told[-1] == (6, 6) and told == sorted(set(told))
    assert path.certificate.passes > path.n_iter


@needs_jit
@pytest.mark.parametrize("family", ["binomial", "poisson"])
@pytest.mark.parametrize("storage", [np.asarray, np.asfortranarray, sp.csr_matrix, sp.csc_matrix])
@pytest.mark.thorough
def test_columns_join_between_strengths_that_are_far_apart(family, storage):
    """Hundreds of columns join at one strength, in several rounds: points go on afresh each time,
    in whatever order columns came."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((300, 900)) * (rng.random((300, 900)) < 0.2)
    z = X[:, :200] @ rng.standard_normal(200) / 6.0
    y = (z > 0.0) * 1.0 if family == "binomial" else rng.poisson(np.exp(z / 2)) * 1.0
    path = fastreg.path(storage(X), y, family=family, alphas=3, eps=0.003, tol=1e-10)
    assert path.certificate.converged and np.count_nonzero(path.coefs[:, -1]) > 150
    few = fastreg.path(storage(X[:, :40]), y, family=family, alphas=3, eps=0.003, tol=1e-10)
    assert few.certificate.converged


@needs_jit
def test_flat_tails_throw_no_step_too_far():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((20, 5)) + 1.0, rng.poisson(50.0, 20) * 1.0
    path = fastreg.path(
        X, y, family="poisson", offset=np.full(20, -300.0), fit_intercept=False, alphas=4, eps=0.01
    )
    assert path.certificate.converged
    huge = fastreg.path(X, 1e9 * y, family="poisson", fit_intercept=False, alphas=4, eps=0.01)
    assert huge.certificate.converged
    far = fastreg.path(X, y, family="poisson", offset=rng.uniform(-700, -300, 20), alphas=3)
    assert far.certificate.converged


@needs_jit
@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_a_ridge_of_many_columns_is_that_of_its_rows(family):
    """600 columns on 40 rows, rotated, beside all columns by the active set."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((40, 600)) * 10.0 ** rng.uniform(-1, 1, 600) + 1.0
    y = (X[:, 0] > 1.0) * 1.0 if family == "binomial" else rng.poisson(3.0, 40) * 1.0
    alphas = [1.0, 0.1, 0.01]
    whole = fastreg.path(X, y, family=family, l1_ratio=0.0, alphas=alphas, tol=1e-7)
    bounds = (np.full(600, -1e3), np.full(600, 1e3))  # which no coefficient meets
    other = fastreg.path(X, y, family=family, l1_ratio=0.0, alphas=alphas, tol=1e-10, bounds=bounds)
    np.testing.assert_allclose(whole.coefs, other.coefs, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(whole.intercepts, other.intercepts, rtol=1e-4, atol=1e-4)


@needs_jit
@pytest.mark.parametrize("make", [np.asarray, sp.csc_array])
def test_a_wide_ridge_has_columns_that_it_leaves_free(make):
    """Three of 640 columns on 38 rows: at the minimum the slope along them is zero."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((38, 640)) * (rng.random((38, 640)) < 0.5)
    y = rng.poisson(np.exp(0.5 * X[:, 3]), 38) * 1.0
    factor = np.ones(640)
    factor[[3, 100, 639]] = 0.0
    path = fastreg.path(
        make(X), y, family="poisson", l1_ratio=0.0, alphas=[0.3, 0.03], penalty_factor=factor,
        tol=1e-10,
    )  # fmt: skip
    assert path.certificate.converged
    u = (np.exp(path.predict(X)) - y[:, None]) / 38
    right = factor[:, None] * path.coefs * path.alphas
    np.testing.assert_allclose(X.T @ u, -right, atol=1e-6)
    np.testing.assert_allclose(u.sum(axis=0), 0.0, atol=1e-7)
    assert (np.abs(path.coefs[3]) > 0.1).all()


# ------------------------------------------------------------------ words


def test_targets_that_are_none_of_the_family_are_refused(rng):
    X, y = binary(rng)
    with pytest.raises(ValueError, match=r"y of Logistic must lie in \[0, 1\], got 0 to 2"):
        fastreg.path(X, 2.0 * y, family="binomial")
    with pytest.raises(ValueError, match="y is 1 everywhere: no intercept is the best"):
        fastreg.path(X, np.ones(80), family="binomial")
    path = fastreg.path(X, np.ones(80), family="binomial", fit_intercept=False, alphas=3)
    assert path.certificate.converged  # without an intercept there is a minimum
    for call in (fastreg.objective, fastreg.gradient):
        with pytest.raises(ValueError, match="y of Logistic must lie in"):
            call(X, 2.0 * y, np.ones(6), 0.1, family="binomial")
    with pytest.raises(ValueError, match="family must be one of gaussian, binomial, poisson"):
        fastreg.path(X, y, family="cauchy")
    with pytest.raises(ValueError, match=r"'tweedie' needs a number: give fastreg.losses.Tweedie"):
        fastreg.path(X, y, family="tweedie")
    with pytest.raises(ValueError, match=r"y of Poisson must lie in \[0, inf\], got -2 to -1"):
        fastreg.path(X, -y - 1.0, family="poisson")
    with pytest.raises(ValueError, match="y is 0 everywhere: no intercept is the best"):
        fastreg.path(X, 0.0 * y, family="poisson")
    with pytest.raises(ValueError, match="offset is for other families"):
        fastreg.path(X, y, offset=y)
    with pytest.raises(ValueError, match="offset must hold 80 finite numbers"):
        fastreg.path(X, y, family="binomial", offset=y[:3])
    path = fastreg.path(X, y, family="binomial", alphas=3)
    with pytest.raises(ValueError, match="rss is for family='gaussian', this path is of Logistic"):
        _ = path.rss


def test_solvers_say_what_they_refuse():
    squares, odds = (Objective(np.zeros((1, 1)), L1(0.1), loss=loss) for loss in LOSSES[:2])
    assert select_solver(squares, (100, 10)) == "working set"
    assert select_solver(odds, (100, 10)) == "proximal Newton"
    ridge = Objective(np.ones((1, 1)), L1(0.0))
    assert select_solver(ridge, (100, 10)) == "direct"
    assert select_solver(ridge, (10_000, 10_000)) == "conjugate gradients"
    for method, objective, reason in (
        ("direct", squares, "knows no penalty but the ridge"),
        ("working set", odds, "knows no loss but squares, not Logistic"),
        ("proximal Newton", squares, "takes losses other than squares"),
    ):
        with pytest.raises(ValueError, match=f"method '{method}' {reason}"):
            select_solver(objective, (100, 10), method)
    with pytest.raises(ValueError, match="method must be one of auto, direct"):
        select_solver(squares, (100, 10), "magic")


def test_no_loss_and_no_penalty_is_known_by_its_type():
    """Outside of their own files nothing asks what a loss or a penalty is."""
    named = r"\b(L1|Bounded|Squared|Logistic|Poisson)\b"
    asked = re.compile(rf"isinstance\([^)]*{named}|\bis {named}|== {named}")
    for path in PACKAGE.rglob("*.py"):
        assert not asked.search(path.read_text(encoding="utf-8")), path


def test_traits_are_all_that_is_asked():
    assert traits(Squared()).quadratic and not traits(Logistic()).quadratic
    penalty = Bounded(np.ones(2), -np.ones(2), np.ones(2))
    assert select_solver(Objective(np.zeros((1, 1)), penalty, loss=Logistic()), (9, 2))
