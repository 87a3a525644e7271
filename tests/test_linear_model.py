"""The estimators: scikit-learn's surface, scale and attributes."""

import json
import os
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from conftest import DATA, STORAGES, matrix, needs_jit
from sklearn import linear_model as peers
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import estimator_checks

import fastreg
from fastreg import ElasticNet, Lasso, LinearRegression, Ridge

ESTIMATORS = [Ridge, Lasso, ElasticNet]
VARIANTS = [
    *(cls(**options) for cls in ESTIMATORS for options in ({}, {"alpha": 1e-3})),
    Ridge(positive=True),
    Lasso(positive=True, alpha=1e-3),
    Ridge(solver="sparse_cg"),
    Ridge(solver="svd"),
    Ridge(alpha=0.0),
    LinearRegression(),
    LinearRegression(positive=True),
]


@needs_jit
@estimator_checks.parametrize_with_checks(VARIANTS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Can't check:sklearn.exceptions.SkipTestWarning")
@pytest.mark.thorough
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# These are run by scikit-learn on its own estimators only; a fourth,
# check_get_feature_names_out_error, on those that have get_feature_names_out.
@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize(
    "check",
    [
        "check_param_validation",
        "check_dataframe_column_names_consistency",
        "check_inplace_ensure_writeable",
    ],
)
def test_scikit_learns_own_checks(cls, check):
    for alpha in (1.0, 1e-3):
        getattr(estimator_checks, check)(cls.__name__, cls(alpha=alpha))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_the_check_of_feature_names_out_does_not_apply(cls):
    assert not hasattr(cls, "get_feature_names_out")
    assert not hasattr(getattr(peers, cls.__name__), "get_feature_names_out")


def scaled_objective(X, y, coef, intercept, l1, l2):
    """P in float64, of any model: ours or scikit-learn's."""
    coef = np.asarray(coef, float)
    r = X @ coef + float(intercept) - y
    return r @ r / (2 * len(y)) + l1 * np.abs(coef).sum() + l2 / 2 * coef @ coef


def bundled():
    for name, load in (
        ("diabetes", load_diabetes),
        ("breast cancer", load_breast_cancer),
        ("digits", load_digits),
    ):
        yield pytest.param(*load(return_X_y=True), id=name)


def from_data_folder():
    if not (DATA / "MANIFEST.json").exists():
        return [pytest.param(None, marks=pytest.mark.skip("no data folder"))]
    manifest = json.loads((DATA / "MANIFEST.json").read_text())
    return [d["name"] for d in manifest if d["task"] in ("regression", "count")]


def compare(X, y, ours, theirs, l1, l2):
    """Equal objectives to 1e-9; a peer that warns of no convergence may have a higher one."""
    ours = ours.fit(X, y)
    wide = np.float64(1) * X if sp.issparse(X) else np.asfortranarray(X, dtype=np.float64)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        theirs = theirs.fit(wide, y)
    mine = scaled_objective(wide, y, ours.coef_, ours.intercept_, l1, l2)
    peer = scaled_objective(wide, y, theirs.coef_, theirs.intercept_, l1, l2)
    assert ours.certificate_.converged
    assert mine <= peer * (1 + 1e-9)
    if not any(issubclass(each.category, ConvergenceWarning) for each in caught):
        assert mine >= peer * (1 - 1e-9)


# Epochs granted to scikit-learn: it needs 20 000 on some sets, for minutes.
PEER_EPOCHS = int(os.environ.get("FASTREG_TEST_PEER_EPOCHS", "200"))


def agree_with_scikit_learn(X, y):
    m = X.shape[0]
    centred = y - y.mean()
    mean = np.asarray(X.mean(axis=0), float).ravel()
    top = np.abs(np.asarray(X.T @ centred, float).ravel() - mean * centred.sum()).max() / m
    options = {"tol": 1e-10}
    compare(X, y, Ridge(alpha=1.0, **options), peers.Ridge(alpha=1.0, tol=1e-12), 0, 1 / m)
    for ratio in (0.1, 0.01):
        for cls, l1_ratio in ((Lasso, 1.0), (ElasticNet, 0.5)):
            alpha = ratio * top / l1_ratio
            compare(
                X,
                y,
                cls(alpha=alpha, **options),
                getattr(peers, cls.__name__)(alpha=alpha, max_iter=PEER_EPOCHS, **options),
                alpha * l1_ratio,
                alpha * (1 - l1_ratio),
            )


@needs_jit
@pytest.mark.parametrize(("X", "y"), list(bundled()))
def test_objectives_agree_with_scikit_learn_on_bundled_data(X, y):
    agree_with_scikit_learn(X, y.astype(float))


@needs_jit
@pytest.mark.parametrize("name", from_data_folder())
@pytest.mark.thorough
def test_objectives_agree_with_scikit_learn_on_real_data(name, monkeypatch):
    monkeypatch.syspath_prepend(str(DATA))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    from loader import load

    X, y, _ = load(DATA / f"{name}.npz")
    agree_with_scikit_learn(X, np.asarray(y, float))


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("targets", [None, 1, 3])
def test_shapes_and_types_are_scikit_learns(cls, targets, rng):
    X = matrix(30, 4)
    y = rng.standard_normal(30 if targets is None else (30, targets))
    ours, theirs = cls(alpha=0.1).fit(X, y), getattr(peers, cls.__name__)(alpha=0.1).fit(X, y)
    assert ours.coef_.shape == theirs.coef_.shape
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    assert np.shape(ours.predict(X)) == np.shape(theirs.predict(X))
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-3)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=2e-2)
    if cls is not Ridge and targets in (None, 1):
        assert isinstance(ours.dual_gap_, float)
        np.testing.assert_array_equal(ours.sparse_coef_.toarray().ravel(), ours.coef_.ravel())


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_storage_predicts_the_same(cls, store, rng):
    A, y = matrix(), rng.standard_normal(37)
    expected, found = (cls(alpha=0.05, tol=1e-10).fit(X, y).predict(X) for X in (A, store(A)))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_integer_weights_equal_repeated_rows(cls, rng):
    X, y, w = matrix(), rng.standard_normal(37), rng.integers(0, 4, 37)
    weighted = cls(alpha=0.1, tol=1e-12).fit(X, y, sample_weight=w)
    repeated = cls(alpha=0.1, tol=1e-12).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-9)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, atol=1e-9)


@pytest.mark.parametrize("cls", [Lasso, ElasticNet])
@pytest.mark.parametrize("factor", [1e300, 1e-300, 7.0])
def test_the_scale_of_weights_does_not_matter(cls, factor, rng):
    X, y, w = matrix(), rng.standard_normal(37), rng.random(37) + 0.1
    plain = cls(alpha=0.1, tol=1e-10).fit(X, y, sample_weight=w)
    scaled = cls(alpha=0.1, tol=1e-10).fit(X, y, sample_weight=w * factor)
    np.testing.assert_allclose(scaled.coef_, plain.coef_, atol=1e-10)


def test_ridge_weights_and_alpha_scale_together(rng):
    X, y, w = matrix(), rng.standard_normal(37), rng.random(37) + 0.1
    plain = Ridge(alpha=1.0).fit(X, y, sample_weight=w)
    for factor in (1e300, 1e-300):
        scaled = Ridge(alpha=factor).fit(X, y, sample_weight=w * factor)
        np.testing.assert_allclose(scaled.coef_, plain.coef_, rtol=1e-9, atol=1e-12)


def test_the_ends_of_l1_ratio(rng):
    X, y = matrix(), rng.standard_normal(37)
    lasso = Lasso(alpha=0.1, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(
        ElasticNet(alpha=0.1, l1_ratio=1.0, tol=1e-12).fit(X, y).coef_, lasso.coef_, atol=1e-12
    )
    ridge = Ridge(alpha=0.1 * 37).fit(X, y)
    np.testing.assert_allclose(
        ElasticNet(alpha=0.1, l1_ratio=0.0, tol=1e-12).fit(X, y).coef_, ridge.coef_, atol=1e-9
    )


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_positive_coefficients(cls, rng):
    X, y = matrix(), rng.standard_normal(37)
    ours = cls(alpha=0.05, positive=True, tol=1e-10).fit(X, y)
    theirs = getattr(peers, cls.__name__)(alpha=0.05, positive=True, tol=1e-10).fit(X, y)
    assert (ours.coef_ >= 0).all()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)


def test_one_alpha_a_target(rng):
    X, Y = matrix(), rng.standard_normal((37, 2))
    both = Ridge(alpha=[0.1, 10.0]).fit(X, Y)
    for t, alpha in enumerate((0.1, 10.0)):
        np.testing.assert_allclose(both.coef_[t], Ridge(alpha=alpha).fit(X, Y[:, t]).coef_)
    with pytest.raises(ValueError, match="alpha has 3 entries for 2 targets"):
        Ridge(alpha=[1.0, 2.0, 3.0]).fit(X, Y)


def test_max_iter_warns_with_the_gap_reached_and_the_gap_asked(rng):
    X, y = rng.standard_normal((60, 40)), rng.standard_normal(60)
    model = Lasso(alpha=1e-3, tol=1e-9, max_iter=1)
    with pytest.warns(ConvergenceWarning, match=r"gap of \d.*e-0\d in 1 iterations, 1.00e-09 was"):
        model.fit(X, y)
    assert not model.certificate_.converged and model.n_iter_ == 1
    assert model.certificate_.relative_gap[0] > 1e-9


def test_tol_zero_runs_to_working_precision_without_a_warning(rng):
    X, y = matrix(), rng.standard_normal(37)
    for cls in ESTIMATORS:
        assert cls(alpha=0.05, tol=0.0).fit(X, y).certificate_.relative_gap[0] < 1e-13


def test_warm_start_goes_on_from_the_last_fit(rng):
    X, y = rng.standard_normal((60, 40)), rng.standard_normal(60)
    model = Lasso(alpha=0.01, tol=1e-8, warm_start=True).fit(X, y)
    first = model.n_iter_
    assert model.fit(X, y).n_iter_ == 1 < first
    model.fit(X[:, :7], y)  # fewer columns: starts from zero
    assert model.coef_.shape == (7,)


def test_a_failed_fit_leaves_the_fitted_state_whole(rng):
    X, y = matrix(), rng.standard_normal(37)
    model = Ridge().fit(X, y)
    before = {k: pickle.dumps(v) for k, v in vars(model).items()}
    bad = np.hstack([X, X])
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"Input X contains NaN\. The first is in row 3, column 2"):
        model.fit(bad, y)
    assert {k: pickle.dumps(v) for k, v in vars(model).items()} == before


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_clone_pickle_and_repr(cls, rng):
    X, y = matrix(), rng.standard_normal(37)
    model = clone(cls(alpha=0.2)).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert repr(model) == f"{cls.__name__}(alpha=0.2)"


def test_feature_names_are_kept_and_checked(rng):
    frame = pd.DataFrame(matrix(), columns=list("abcdef"))
    model = Ridge().fit(frame, rng.standard_normal(37))
    assert model.feature_names_in_.tolist() == list("abcdef")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("bacdef")])
    with pytest.raises(ValueError, match="X has 2 features, but Ridge is expecting 6"):
        Ridge().fit(matrix(), np.ones(37)).predict(matrix()[:, :2])


def test_certificate_counts_the_passes_over_X(rng):
    X, y = matrix(), rng.standard_normal(37)
    certificate = Ridge(alpha=1.0).fit(X, y).certificate_
    assert isinstance(certificate, fastreg.Certificate)
    assert certificate.passes == 2  # one to copy what is small, one to certify
    certificate = Ridge(alpha=1.0, solver="cholesky").fit(X, y).certificate_
    # one to survey, Gram, two to four refinements, one to certify
    assert 5 <= certificate.passes <= 7


@needs_jit
@pytest.mark.parametrize("name", ["C", "F", "csr", "csc", "strided"])
@pytest.mark.parametrize("cls", [Ridge, Lasso])
@pytest.mark.thorough
def test_no_copy_of_X_is_made(name, cls, rng):
    """Beyond the Gram matrix, vectors of m and blocks of constant size."""
    import tracemalloc

    X = STORAGES[name](rng.standard_normal((100_000, 60)) * (rng.random((100_000, 60)) < 0.9))
    y = rng.standard_normal(100_000)
    cls(alpha=0.1).fit(X, y)
    tracemalloc.start()
    cls(alpha=0.1).fit(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    bytes_of_X = 8 * 100_000 * 60
    vectors, blocks = 12 * 8 * 100_000, 3 * (4 << 20)
    assert peak < 0.05 * bytes_of_X + vectors + blocks


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_predict_refuses_nan_in_columns_that_do_not_count(kind):
    X = sp.random(30, 4, 0.5, format=kind, random_state=0)
    model = fastreg.Lasso(alpha=1e3).fit(X, np.arange(30.0))
    X = X.copy()
    X.data[0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.predict(X)
