"""What chooses is certified: errors of folds, rows left out, and the certificates that say so."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import JIT
from sklearn.linear_model import Ridge as SkRidge
from sklearn.model_selection import GridSearchCV, KFold

import fastreg
from fastreg import moments, probes
from fastreg.certificate import held_out_losses
from fastreg.design import as_design
from fastreg.selection.choice import Errors
from fastreg.selection.leave_one_out import leave_one_out
from tests import choices, choices_of_losses
from tests.judge import HAS_EXTENDED

ATTACKS = choices.ATTACKS | {"losses": choices_of_losses.losses}
needs_extended = pytest.mark.skipif(not HAS_EXTENDED, reason="the judge needs 80 bits")


@needs_extended
@pytest.mark.parametrize("what", ATTACKS)
@pytest.mark.thorough
def test_no_error_is_wrong_in_silence(what):
    count = {"losses": 25}.get(what, 60) if JIT else 6
    found = [ATTACKS[what](seed) for seed in range(count)]
    found = [each for each in found if each is not None]
    assert len(found) > 0.8 * count
    assert not [each for each in found if each.fault], choices.report(found)


@needs_extended
def test_the_judge_sees_a_deviance_outside_of_its_bound(monkeypatch):
    own = held_out_losses.bounds
    monkeypatch.setattr(held_out_losses, "bounds", lambda *given: 0.5 * own(*given))
    found = [choices_of_losses.losses(seed) for seed in range(12)]
    assert any(each.fault for each in found if each is not None)


@needs_extended
@pytest.mark.parametrize(
    ("seed", "most"),
    [
        (10244, 1e-8),  # dummies of one row each: columns that nothing else varies in
        (10378, 1e-8),  # a column 1e13 times its ridge, in one row
        (14235, 1e-8),  # columns of 1e-7 and 1e12 beside alphas of 1e-21
        (12146, 1e-3),  # condition 2e9: wrong by 3e-7
        (14080, 1e-3),  # condition 4e10
    ],
)
def test_rows_left_out_are_as_certain_as_their_bound(seed, most):
    found = choices.loo(seed)
    assert found is not None
    assert found.error <= found.bound <= most
    assert not found.fault


@needs_extended
@pytest.mark.parametrize("seed", [22751, 23326, 24417])
def test_folds_are_as_certain_as_their_bound(seed):
    """Without an intercept, columns far from zero: an origin that is added to moments rounds; an
    inverse of 1e21, for which a Gram matrix of test rows is nothing but rounding. And three rows
    of equal columns without a penalty, whose Gram matrix is flat by rounding alone."""
    found = choices.folds(seed)
    assert found is not None and not found.fault
    assert found.error <= found.bound


@needs_extended
def test_the_judge_sees_what_is_wrong(monkeypatch):
    """An error of 1e-3 that nobody tells is a fault."""

    def wrong(*args, **options):
        found = leave_one_out(*args, **options)
        found.mse[:] *= 1.001
        return found

    monkeypatch.setattr(choices, "leave_one_out", wrong)
    assert any(each.fault for each in map(choices.loo, range(5)) if each is not None)


def rounded(rng, *shape):
    """Numbers that an offset of 1e8 leaves exact."""
    return np.round(rng.standard_normal(shape) * 2**10) / 2**10


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix, sp.csc_matrix])
@pytest.mark.parametrize(("m", "n"), [(60, 6), (12, 10), (8, 10)])
@pytest.mark.parametrize("offset", [1e3, 1e8])
def test_an_offset_changes_no_error_of_a_fold(make, m, n, offset):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        Z = rounded(rng, m, n)
        y = Z[:, 0] - Z[:, 1] + 0.1 * rng.standard_normal(m)
        splits = [(rng.integers(0, m, m), rng.integers(0, m, max(1, m // 3))) for _ in range(3)]
        options = {"alphas": [0.1, 0.01, 0.001], "cv": splits, "tol": 1e-8}
        near = fastreg.LassoCV(**options).fit(Z, y)
        far = fastreg.LassoCV(**options).fit(make(Z + offset), y)
        np.testing.assert_allclose(far.mse_path_, near.mse_path_, rtol=1e-6)
        assert far.alpha_ == near.alpha_
        assert far.cv_certificate_.converged


def test_a_column_that_jumps_keeps_its_digits(rng):
    X = rng.standard_normal((1500, 3))
    y = -2 * X[:, 1] + 3 * X[:, 2] + rng.standard_normal(1500)
    X[300:, 0] += 1e8
    alphas = [0.3, 0.1, 0.03, 0.01]
    chosen = fastreg.LassoCV(cv=5, alphas=alphas, tol=1e-8).fit(X, y)
    for k, alpha in enumerate(alphas):
        own = fastreg.Lasso(alpha=alpha, tol=1e-10).fit(X[300:], y[300:])
        error = np.mean((y[:300] - own.predict(X[:300])) ** 2)
        np.testing.assert_allclose(chosen.mse_path_[k, 0], error, rtol=1e-6)
    source = fastreg.read(
        lambda: ((X[i : i + 100], y[i : i + 100]) for i in range(0, 1500, 100)), memory=0
    )
    stats = fastreg.SufficientStatistics.collect(source, cv=5)
    for part in stats._parts:  # folds of a stream are dealt out in turn
        assert part.echo is not None


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix, sp.csc_matrix])
@pytest.mark.parametrize(("m", "n"), [(60, 4), (6, 10), (20, 20), (21, 20)])
@pytest.mark.parametrize("alpha", [1.0, 1e-4])
def test_an_offset_changes_no_row_left_out(make, m, n, alpha):
    rng = np.random.default_rng(m + n)
    X = rounded(rng, m, n)
    y = np.round((X[:, 0] + 0.3 * rng.standard_normal(m)) * 2**10) / 2**10
    near, far = (
        fastreg.RidgeCV(alphas=[alpha], store_cv_results=True).fit(make(X + off), y + off)
        for off in (0.0, 1e8)
    )
    np.testing.assert_allclose(np.sqrt(far.cv_results_), np.sqrt(near.cv_results_), rtol=1e-8)
    assert far.cv_certificate_.converged


@pytest.mark.parametrize(
    ("m", "n", "unit"), [(20, 20, 1.0), (21, 20, 1.0), (20, 20, 1e7), (10, 30, 1.0)]
)
@pytest.mark.parametrize("alpha", [1e-12, 1e-8, 1e-4, 1.0])
def test_rows_left_out_where_rows_are_few(m, n, unit, alpha):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, n)) * unit
    y = X[:, 0] / unit + rng.standard_normal(m)
    a, errors = alpha * unit**2, []
    for i in range(m):
        rest = np.arange(m) != i
        Z, mean = X[rest] - X[rest].mean(axis=0), y[rest].mean()
        theta = Z.T @ np.linalg.solve(Z @ Z.T + a * np.eye(m - 1) + unit**2, y[rest] - mean)
        errors.append(y[i] - mean - (X[i] - X[rest].mean(axis=0)) @ theta)
    found = fastreg.RidgeCV(alphas=[a], store_cv_results=True).fit(X, y)
    np.testing.assert_allclose(found.cv_results_[:, 0], np.square(errors), rtol=1e-5)
    assert found.cv_certificate_.converged


def test_raw_units_leave_rows_out_as_80_bits_do():
    """252 × 751 columns of 1e-7 to 1e8: a kernel matrix of these is rounding alone."""
    rng = np.random.default_rng(3)
    m, n = 40, 90
    X = rng.standard_normal((m, n)) * 10.0 ** rng.uniform(-7, 8, n)
    X += 10.0 ** rng.uniform(-7, 8, n)
    y = 10 * rng.standard_normal(m) + 50
    alphas = np.array([0.1, 1.0, 10.0])
    found = leave_one_out(as_design(X), y[:, None], None, alphas, centred=True)
    problem = choices.Problem(X, X, y, None, True, "raw units")
    for q, alpha in enumerate(alphas):
        truth = choices._left_out(problem, np.ones(m), alpha)
        if truth is not None:
            assert abs(found.mse[q, 0] / float(truth[0]) - 1) <= max(found.bound[q, 0], 1e-9)
    assert np.all(found.bound <= 1e-4)


def test_rows_of_weight_zero_are_none(rng):
    X, y = rng.standard_normal((30, 4)), rng.standard_normal(30)
    w = np.r_[np.ones(20), np.zeros(10)]
    some = fastreg.RidgeCV(alphas=[0.1, 1.0, 10.0]).fit(X[:20], y[:20])
    whole = fastreg.RidgeCV(alphas=[0.1, 1.0, 10.0]).fit(X, y, w)
    np.testing.assert_allclose(whole.best_score_, some.best_score_, rtol=1e-12)
    wide = rng.standard_normal((30, 50))
    some = fastreg.RidgeCV(alphas=[0.1, 1.0]).fit(wide[:20], y[:20])
    whole = fastreg.RidgeCV(alphas=[0.1, 1.0], store_cv_results=True).fit(wide, y, w)
    np.testing.assert_allclose(whole.best_score_, some.best_score_, rtol=1e-12)


def test_an_echo_shows_wrong_moments(rng):
    X, Y = rng.standard_normal((400, 5)), rng.standard_normal((400, 1))
    (part,) = moments.gather(
        as_design(X), Y, None, None, 1, moments.Frame.of(as_design(X), Y, None)
    )
    assert part.doubts().max() <= 1e-10 * part.weight
    part.scatter[1, 2] *= 1 + 1e-6
    assert part.doubts()[1] >= abs(part.scatter[1, 2]) * 1e-6
    assert probes.direction(6).shape == (6,)


def test_fits_that_stop_early_are_told(rng):
    X = rng.standard_normal((60, 300))
    y = X[:, :20] @ rng.standard_normal(20) + 0.1 * rng.standard_normal(60)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = fastreg.LassoCV(cv=3, max_iter=1, tol=1e-10).fit(X, y)
    assert any("errors that choose alpha" in str(each.message) for each in told)
    certificate = model.cv_certificate_
    assert not certificate.converged and "NOT reached" in str(certificate)
    assert certificate.bound.shape == certificate.gap.shape == model.mse_path_.shape


def test_every_estimator_that_chooses_has_a_certificate(rng):
    X = rng.standard_normal((80, 12))
    y = X[:, 0] - X[:, 1] + 0.5 * rng.standard_normal(80)
    for model in (
        fastreg.LassoCV(tol=0.0), fastreg.ElasticNetCV(l1_ratio=[0.5, 1.0], tol=0.0),
        fastreg.RidgeCV(), fastreg.RidgeCV(cv=4), fastreg.RidgeCV(cv=4, scoring="r2"),
        fastreg.AdaptiveRidge(), fastreg.AdaptiveElasticNet(),
    ):  # fmt: skip
        certificate = model.fit(X, y).cv_certificate_
        assert certificate.converged and certificate.bound.max() <= 1e-6, model
        assert "reached" in str(certificate)
    selected = fastreg.path(X, y, tol=0.0).select("cv")
    assert selected.certificate.bound.max() <= 1e-6
    relaxed = fastreg.path(X, y, tol=0.0).relax(0.3).select("cv")
    assert relaxed.certificate.bound.max() <= 1e-6
    stats = fastreg.SufficientStatistics(12, n_folds=4).update(X, y, fold=np.arange(80) % 4)
    assert stats.cross_validate().cv_certificate.converged


def test_blocks_leave_rows_out_with_a_bound(rng):
    X = rng.standard_normal((300, 8)) + 1e4
    y = X[:, 0] + rng.standard_normal(300)
    source = fastreg.read(
        lambda: ((X[i : i + 50], y[i : i + 50]) for i in range(0, 300, 50)), memory=0
    )
    blocks = fastreg.RidgeCV(alphas=[0.1, 1.0]).fit(source)
    rows = fastreg.RidgeCV(alphas=[0.1, 1.0]).fit(X, y)
    np.testing.assert_allclose(blocks.best_score_, rows.best_score_, rtol=1e-9)
    assert blocks.cv_certificate_.converged


@pytest.mark.parametrize("shape", [(60, 5), (30, 50), (40, 5000)])
@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error", "neg_root_mean_squared_error"])
@pytest.mark.parametrize("k", [0, 3])
def test_ridges_by_folds_are_those_of_a_grid_search_with_a_bound(rng, shape, scoring, k):
    if k and shape[1] == 5000 and not JIT:
        pytest.skip("the same for one target")
    X = rng.standard_normal(shape) + 3.0
    Y = X[:, : max(k, 1)] + rng.standard_normal((len(X), max(k, 1)))
    Y = Y if k else Y[:, 0]
    alphas = [1.0, 0.1, 100.0]
    mine = fastreg.RidgeCV(alphas, cv=4, scoring=scoring).fit(X, Y)
    search = GridSearchCV(SkRidge(), {"alpha": alphas}, cv=KFold(4), scoring=scoring).fit(X, Y)
    assert mine.alpha_ == search.best_params_["alpha"]
    np.testing.assert_allclose(mine.best_score_, search.best_score_, rtol=1e-9)
    assert mine.cv_certificate_.bound.shape == ((3, 4, 3) if k else (3, 4))
    assert mine.cv_certificate_.bound.max() <= 1e-6


def test_ridges_by_folds_with_weights_or_other_scores_have_no_bound(rng):
    X = rng.standard_normal((40, 3))
    y, w = X[:, 0] + rng.standard_normal(40), rng.uniform(0.5, 1.0, 40)
    assert not hasattr(fastreg.RidgeCV(cv=4).fit(X, y, w), "cv_certificate_")
    other = fastreg.RidgeCV(cv=4, scoring="neg_mean_absolute_error").fit(X, y)
    assert not hasattr(other, "cv_certificate_")
    source = fastreg.read(lambda: [(X, y)], memory=0)
    blocks = fastreg.RidgeCV(cv=4).fit(source)
    assert blocks.cv_certificate_.bound.shape == (3, 4) and blocks.cv_certificate_.converged


def test_the_largest_strength_wins_a_tie_up_to_rounding():
    mse = np.array([[0.5, 0.5], [0.1, 0.2], [0.3 - 1e-16, 0.0], [0.3 - 1e-16, 0.0]])
    errors = Errors(mse, np.zeros((4, 2)), np.zeros((4, 2)), np.ones((4, 2), bool))
    assert errors.mean[2] < errors.mean[1] and errors.choose() == 1
    assert errors.choose("1se") == 1
    mse[3] *= 0.99
    assert errors.choose() == 3
