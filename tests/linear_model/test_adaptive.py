"""AdaptiveRidge: the gradient is that of the error, and following it pays where groups differ."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import STORAGES, needs_jit
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg
from fastreg import AdaptiveElasticNet, AdaptiveRidge, ElasticNet, Ridge
from fastreg.design import as_design
from fastreg.selection.adaptive import HeldOut, HeldOutNet, folds_of
from fastreg.selection.cross_validation import Validation
from fastreg.selection.folds import as_splits
from fastreg.selection.group_kernels import HeldOutByKernels

GROUPS = np.repeat([0, 1, 2], [3, 5, 4])


def data(m=90, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, 12)) * np.geomspace(0.1, 10, 12) + 2.0
    y = X[:, :3] @ [5.0, -3.0, 2.0] + 0.1 * X[:, 4] + rng.standard_normal(m)
    return X, y, rng


def held_out(X, y, weights=None, folds=4):
    splits = as_splits(KFold(folds).split(X), len(y))
    validation = Validation(as_design(X), y, weights, splits, True)
    return HeldOut(*folds_of(validation.parts), GROUPS)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rho", [np.zeros(3), np.array([3.0, -2.0, 5.0])])
def test_hypergradients_equal_finite_differences(weighted, rho):
    X, y, rng = data()
    error = held_out(X, y, rng.random(90) + 0.1 if weighted else None)
    _, gradient = error(rho)
    h = 1e-4
    for g in range(3):
        step = h * np.eye(3)[g]
        # A central difference of fourth order.
        near, far = (
            error(rho + step)[0] - error(rho - step)[0],
            error(rho + 2 * step)[0] - error(rho - 2 * step)[0],
        )
        np.testing.assert_allclose(gradient[g], (8 * near - far) / (12 * h), rtol=1e-6)


def test_the_error_is_that_of_ridges_fitted_to_each_training_set():
    X, y, _ = data()
    rho = np.array([1.0, 4.0, -1.0])
    value, _ = held_out(X, y)(rho)
    root = np.exp(-rho[GROUPS] / 2)  # a ridge with one strength on columns scaled by these
    errors = []
    for train, test in KFold(4).split(X):
        model = Ridge(1.0, tol=1e-12).fit(X[train] * root, y[train])
        errors.append(((y[test] - model.predict(X[test] * root)) ** 2).mean())
    np.testing.assert_allclose(value, np.mean(errors), rtol=1e-9)


@pytest.mark.parametrize("storage", ["C", "F", "csr", "float32"])
def test_groups_part_and_the_error_falls(storage):
    X, y, _ = data()
    X = X.astype(np.float32).astype(float)
    model = AdaptiveRidge(groups=GROUPS, cv=4).fit(STORAGES[storage](X), y)
    assert model.error_ <= model.equal_error_ * (1 + 1e-12)
    assert model.group_alphas_[0] < model.group_alphas_[2]
    inside = (model.group_alphas_ > 2e-6) & (model.group_alphas_ < 5e8)
    assert np.abs(model.error_gradient_[inside]).max() < 1e-4 * model.error_
    np.testing.assert_array_equal(model.alpha_, model.group_alphas_[GROUPS])
    root = 1.0 / np.sqrt(model.alpha_)
    scaled = Ridge(1.0, tol=1e-12).fit(X * root, y)
    np.testing.assert_allclose(model.coef_, scaled.coef_ * root, rtol=1e-5, atol=1e-7)
    assert model.certificate_.converged


def test_a_single_group_is_cross_validated_ridge():
    X, y, _ = data()
    model = AdaptiveRidge(cv=5).fit(X, y)
    grid = model.alpha_[0] * np.geomspace(0.5, 2.0, 41)
    errors = [
        np.mean([
            ((y[b] - Ridge(alpha, tol=1e-11).fit(X[a], y[a]).predict(X[b])) ** 2).mean()
            for a, b in KFold(5).split(X)
        ])
        for alpha in grid
    ]  # fmt: skip
    np.testing.assert_allclose(model.error_, errors[20], rtol=1e-8)
    assert np.argmin(errors) in (19, 20, 21)


def test_the_article_s_evidence():
    np.random.seed(0)  # noqa: NPY002 (as the article has it)
    X = np.random.randn(100, 1)  # noqa: NPY002
    y = (2 * X + 1 + 0.5 * np.random.randn(100, 1))[:, 0]  # noqa: NPY002
    model = AdaptiveRidge(method="evidence").fit(X, y)
    assert model.alpha_[0] == pytest.approx(0.0638, abs=5e-5)
    assert len(model.history_) <= 17


def test_evidence_is_a_fixed_point_in_any_units():
    X, y, rng = data()
    model = AdaptiveRidge(method="evidence", tol=1e-12).fit(X, y)
    alpha, Z = model.alpha_[0], X - X.mean(axis=0)
    values = np.linalg.eigvalsh(Z.T @ Z)
    gamma = (values / (values + alpha)).sum()
    residual = y - model.predict(X)
    noise = residual @ residual / (90 - gamma - 1)
    np.testing.assert_allclose(alpha, noise * gamma / (model.coef_ @ model.coef_), rtol=1e-6)
    np.testing.assert_allclose(model.error_, noise, rtol=1e-6)
    scaled = AdaptiveRidge(method="evidence", tol=1e-12).fit(X * 1e50, y * 1e-30)
    np.testing.assert_allclose(scaled.coef_ * 1e80, model.coef_, rtol=1e-6)
    w = rng.integers(1, 3, 90)
    weighted = AdaptiveRidge(method="evidence", tol=1e-12).fit(X, y, w)
    repeated = AdaptiveRidge(method="evidence", tol=1e-12).fit(
        np.repeat(X, w, axis=0), np.repeat(y, w)
    )
    np.testing.assert_allclose(weighted.alpha_, repeated.alpha_, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": [1, 2]}, r"groups must have shape \(12,\)"),
        ({"alpha_bounds": (1.0, 0.1)}, "alpha_bounds must be 0 < least < largest"),
        ({"cv": TimeSeriesSplit(3)}, "cv must leave each row out once"),
        ({"max_features": 5}, "max_features=5 is less than"),
        ({"method": "evidence", "groups": GROUPS}, "needs a single group"),
        ({"fit_intercept": False}, "fit_intercept must be True"),
        ({"tol": 0.0}, "'tol' parameter"),
    ],
)
def test_faulty_parameters_are_refused(options, message):
    X, y, _ = data()
    with pytest.raises(ValueError, match=message):
        AdaptiveRidge(**options).fit(X, y)


@parametrize_with_checks([AdaptiveRidge(cv=3), AdaptiveRidge(method="evidence")])
def test_estimator_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_a_singular_training_set_in_large_units():
    rng = np.random.default_rng(0)
    X = 1e5 * rng.standard_normal((50, 120))
    model = AdaptiveRidge(cv=5).fit(X, X[:, 0] / 1e5 + rng.standard_normal(50))
    assert np.isfinite(model.coef_).all() and model.certificate_.converged


def test_many_features_beside_rows_are_gathered_all_the_same(monkeypatch):
    from fastreg.selection import cross_validation

    monkeypatch.setattr(cross_validation, "_WIDEST", 0)
    X, y, _ = data()
    assert AdaptiveRidge(cv=3).fit(X, y).certificate_.converged


def test_weights_that_sum_to_one_are_no_rows():
    X, y, _ = data()
    with pytest.raises(ValueError, match="sample_weight counts as rows in method='evidence'"):
        AdaptiveRidge(method="evidence").fit(X, y, np.full(90, 1e-3))


# ---------------------------------------------------------------- wide data


@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
@pytest.mark.parametrize("weighted", [False, True])
def test_group_kernels_give_the_error_and_gradient_of_moments(weighted, storage):
    X, y, rng = data()
    weights = 5.0 * rng.random(90) if weighted else None
    if weighted:
        weights[::7] = 0.0
    splits = as_splits(KFold(4, shuffle=True, random_state=0).split(X), 90)
    design = as_design(STORAGES[storage](X))
    validation = Validation(design, y, weights, splits, True)
    by_moments = HeldOut(*folds_of(validation.parts), GROUPS)
    by_kernels = HeldOutByKernels(design, y, weights, splits, GROUPS)
    for rho in (np.zeros(3), np.array([3.0, -2.0, 5.0])):
        value, gradient = by_moments(rho)
        other, slopes = by_kernels(rho)
        np.testing.assert_allclose(other, value, rtol=1e-9)
        np.testing.assert_allclose(slopes, gradient, rtol=1e-7, atol=1e-10 * np.abs(gradient).max())


@needs_jit
def test_features_may_be_far_more_than_rows():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 4000)) + 3.0
    y = X[:, :20] @ rng.standard_normal(20) + 0.1 * rng.standard_normal(40)
    groups = np.repeat([0, 1], [20, 3980])
    model = AdaptiveRidge(groups=groups).fit(X, y)
    assert model.error_ < 0.5 * model.equal_error_
    assert model.group_alphas_[1] > 100 * model.group_alphas_[0]
    assert model.certificate_.converged
    with pytest.raises(ValueError, match="each row out once"):
        AdaptiveRidge(groups=groups, cv=TimeSeriesSplit(3)).fit(X, y)
    with pytest.raises(ValueError, match="all rows of a test fold"):
        AdaptiveRidge(groups=groups).fit(X, y, np.repeat([0.0, 1.0], [8, 32]))
    with pytest.raises(ValueError, match="max_features=3000"):
        AdaptiveElasticNet().fit(X, y)
    with pytest.raises(ValueError, match="max_features=3000"):
        AdaptiveRidge(method="evidence").fit(X, y)


# ---------------------------------------------------------------- elastic nets


def held_out_net(X, y, weights=None, folds=4, groups=GROUPS):
    splits = as_splits(KFold(folds).split(X), len(y))
    validation = Validation(as_design(X), y, weights, splits, True)
    found = HeldOutNet(*folds_of(validation.parts), groups, 1.0)
    found.units[:] = 1.0
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "rho", [np.full(6, -5.0), np.array([-5.0, -1.0, -2.0, 1.0, -4.0, 0.5])], ids=["equal", "apart"]
)
def test_hypergradients_of_a_net_equal_finite_differences(weighted, rho):
    """Away from kinks: no feature enters or leaves within the steps."""
    X, y, rng = data()
    error = held_out_net(X, y, rng.random(90) + 0.1 if weighted else None)
    _, gradient = error(rho)
    assert np.count_nonzero(gradient) >= 5
    h = 1e-4
    for g in range(6):
        step = h * np.eye(6)[g]
        near, far = (
            error(rho + step)[0] - error(rho - step)[0],
            error(rho + 2 * step)[0] - error(rho - 2 * step)[0],
        )
        np.testing.assert_allclose(
            gradient[g], (8 * near - far) / (12 * h), rtol=1e-6, atol=1e-9 * abs(gradient).max()
        )


def test_the_error_is_that_of_nets_fitted_to_each_training_set():
    X, y, _ = data()
    l1, l2 = 0.3, 0.2
    value, _ = held_out_net(X, y, groups=np.zeros(12, int))(np.log([l1, l2]))
    errors = []
    for train, test in KFold(4).split(X):
        model = ElasticNet(l1 + l2, l1_ratio=l1 / (l1 + l2), tol=1e-13).fit(X[train], y[train])
        errors.append(((y[test] - model.predict(X[test])) ** 2).mean())
    np.testing.assert_allclose(value, np.mean(errors), rtol=1e-9)


@needs_jit
@pytest.mark.parametrize("storage", ["C", "csr", "float32"])
@pytest.mark.parametrize("groups", [None, GROUPS])
@pytest.mark.thorough
def test_a_net_is_no_worse_than_its_grid(storage, groups):
    X, y, _ = data()
    X = X.astype(np.float32).astype(float)
    model = AdaptiveElasticNet(groups=groups, cv=4).fit(STORAGES[storage](X), y)
    assert model.error_ <= model.equal_error_ * (1 + 1e-12)
    assert model.equal_error_ <= model.history_[:60].min() * (1 + 1e-12)
    assert model.certificate_.converged
    assert model.l1_.shape == model.l2_.shape == (12,)
    if groups is None:
        alpha = model.l1_[0] + model.l2_[0]
        plain = ElasticNet(alpha, l1_ratio=model.l1_[0] / alpha, tol=1e-12).fit(X, y)
        np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-5, atol=1e-7)
        assert "selective" in str(model.summary(STORAGES[storage](X), y))


@needs_jit
def test_groups_of_noise_are_left_out():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((120, 60))
    y = X[:, :20] @ rng.standard_normal(20) + rng.standard_normal(120)
    groups = np.repeat(["signal", "noise"], [20, 40])
    model = AdaptiveElasticNet(groups=groups).fit(X, y)
    kept = model.coef_ != 0
    assert kept[:20].sum() >= 17 and kept[20:].sum() <= 5
    assert model.error_ < 0.8 * model.equal_error_


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": (1.0, 0.5)}, "bounds must be 0 < least < largest"),
        ({"groups": [1, 2]}, "groups must have shape"),
        ({"max_features": 5}, "max_features=5 is less than"),
    ],
)
def test_a_net_names_what_is_not_acceptable(options, message):
    X, y, _ = data()
    with pytest.raises(ValueError, match=message):
        AdaptiveElasticNet(**options).fit(X, y)


@needs_jit
@parametrize_with_checks([AdaptiveElasticNet(cv=3)])
@pytest.mark.thorough
def test_a_net_follows_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("value", [0.1, 7.3, -1e6 / 3])
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix])
@pytest.mark.parametrize("name", ["AdaptiveRidge", "AdaptiveElasticNet"])
def test_a_constant_column_beside_an_empty_one_of_a_sparse_matrix(value, kind, name, rng):
    X = rng.standard_normal((60, 5)) * (rng.random((60, 5)) < 0.5)
    X[:, 1], X[:, 2] = value, 0.0
    y = X[:, 0] + 0.1 * rng.standard_normal(60)
    expected = getattr(fastreg, name)(cv=3).fit(X, y)
    found = getattr(fastreg, name)(cv=3).fit(kind(X), y)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.coef_[1:3], 0.0, atol=1e-12)
