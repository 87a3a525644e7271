"""`LinearRegression`: scikit-learn's numbers, shapes and predictions, with a certificate."""

import numpy as np
import pytest
from conftest import STORAGES
from sklearn import linear_model as peers

import fastreg
from fastreg import LinearRegression


def _table(rng, m=80, n=6, k=None):
    X = rng.standard_normal((m, n)) * np.geomspace(1e-2, 1e2, n) + 3.0
    return X, rng.standard_normal(m if k is None else (m, k)) + X[:, :1].sum()


def _agree(ours, theirs, X, tol=1e-10):
    scale = np.abs(theirs.coef_).max()
    assert ours.coef_.shape == theirs.coef_.shape
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=tol, atol=tol * scale)
    assert ours.predict(X).shape == theirs.predict(X).shape
    size = np.abs(theirs.predict(X)).max()
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=tol, atol=tol * size)
    assert ours.certificate_.converged and (ours.certificate_.kkt <= 1e-7).all()


@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("targets", [None, 1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_numbers_are_scikit_learns(storage, intercept, targets, weighted, rng):
    X, y = _table(rng, k=targets)
    w = rng.random(len(X)) if weighted else None
    ours = LinearRegression(fit_intercept=intercept).fit(STORAGES[storage](X), y, w)
    _agree(ours, peers.LinearRegression(fit_intercept=intercept).fit(X, y, w), X)


@pytest.mark.parametrize("targets", [None, 2])
def test_coefficients_without_a_sign(targets, rng):
    X, y = rng.standard_normal((60, 5)), rng.standard_normal((60, 2) if targets else 60)
    ours = LinearRegression(positive=True, tol=1e-12).fit(X, y)
    theirs = peers.LinearRegression(positive=True).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
    assert (ours.coef_ >= 0.0).all() and (ours.coef_ == 0.0).any()


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("targets", [None, 2])
def test_fewer_rows_than_columns_give_the_answer_of_least_norm(intercept, targets, rng):
    X, y = rng.standard_normal((20, 50)), rng.standard_normal((20, 2) if targets else 20)
    ours = LinearRegression(fit_intercept=intercept).fit(X, y)
    _agree(ours, peers.LinearRegression(fit_intercept=intercept).fit(X, y), X, 1e-9)


def test_dependent_columns_predict_what_scikit_learn_predicts(rng):
    X = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 6)) + 1.0
    y = rng.standard_normal(60)
    ours, theirs = LinearRegression().fit(X, y), peers.LinearRegression().fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-10)
    assert ours.certificate_.converged
    # Of least norm in columns of length 1: as `LinearRegression` says.
    centred = X - X.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    scaled = np.linalg.pinv(centred / length, rcond=1e-10) @ (y - y.mean())
    np.testing.assert_allclose(ours.coef_, scaled / length, atol=1e-9)


def test_it_is_ridge_without_a_penalty(rng):
    X, y = _table(rng)
    ridge, ours = fastreg.Ridge(alpha=0.0, tol=1e-6).fit(X, y), LinearRegression().fit(X, y)
    np.testing.assert_array_equal(ours.coef_, ridge.coef_)
    found, known = ours.summary(X, y), ridge.summary(X, y)
    assert str(found) == str(known)
    column = LinearRegression().fit(X, y[:, None])
    assert str(column.summary(X, y)) == str(known)
    with pytest.raises(ValueError, match="summary needs a fit to one target, this fit has 2"):
        LinearRegression().fit(X, np.stack([y, y], 1)).summary(X, y)


def test_a_source_is_read_in_blocks(rng, tmp_path):
    X, y = _table(rng)
    blocks = [(X[:30], y[:30]), (X[30:], y[30:])]
    ours = LinearRegression().fit(fastreg.read(blocks, memory=0))
    theirs = peers.LinearRegression().fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    stats = fastreg.SufficientStatistics(X.shape[1]).update(X, y)
    np.testing.assert_allclose(LinearRegression().fit(stats).coef_, ours.coef_, rtol=1e-9)


def test_parameters_of_scikit_learn_are_taken():
    known = peers.LinearRegression().get_params()
    assert LinearRegression().get_params() == known
    with pytest.raises(ValueError, match="'tol' parameter of LinearRegression"):
        LinearRegression(tol=-1.0).fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match="'tol' parameter of LinearRegression"):
        LinearRegression(tol=np.inf).fit([[0.0], [1.0]], [0.0, 1.0])
