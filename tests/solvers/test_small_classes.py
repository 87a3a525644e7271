"""Newton's method on small ridges of several classes, beside an answer to all digits."""

import numpy as np
import pytest
from conftest import needs_jit
from scipy.special import softmax

import fastreg
from fastreg.solvers import several_outputs, small_classes

pytestmark = needs_jit


def data(seed, m=60, n=5, classes=3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) * 10.0 ** rng.uniform(-3, 3, n) + rng.standard_normal(n)
    z = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.standard_normal((n, classes))
    return X, (z + rng.gumbel(size=z.shape)).argmax(axis=1), rng.integers(0, 3, m) * 1.0


def slopes(model, X, y, w, C):
    """Of the objective, times C, relative to the columns' sizes."""
    P = softmax(X @ model.coef_.T + model.intercept_, axis=1)
    R = (P - np.eye(P.shape[1])[y]) * w[:, None]
    return (C * X.T @ R + model.coef_.T) / np.abs(X).sum(axis=0)[:, None], R.sum(axis=0)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("C", [1e-3, 1.0, 1e3])
def test_slopes_vanish(seed, C):
    X, y, w = data(seed)
    model = fastreg.LogisticRegression(C=C, tol=1e-10).fit(X, y, sample_weight=w)
    assert model.certificate_.method == "Newton" and model.certificate_.converged
    along, level = slopes(model, X, y, w, C)
    assert np.abs(along).max() < 1e-7 * max(1.0, C) and np.abs(level).max() < 1e-8


def test_it_is_the_answer_of_both_other_ways(monkeypatch):
    X, y, w = data(3, m=200)
    offset = 0.3 * np.random.default_rng(1).standard_normal((200, 3))
    fits = []
    for limit in (1 << 60, 0):
        monkeypatch.setattr(several_outputs, "_LITTLE", limit)
        model = fastreg.LogisticRegression(tol=1e-12)
        fits.append(model.fit(X, y, sample_weight=w, offset=offset))
    monkeypatch.setattr(several_outputs, "_LITTLE", 1 << 60)
    monkeypatch.setattr(small_classes, "_newton", lambda _, theta, *more: (theta, 0, False))
    fits.append(fastreg.LogisticRegression(tol=1e-12).fit(X, y, sample_weight=w, offset=offset))
    for each in fits[1:]:
        np.testing.assert_allclose(each.coef_, fits[0].coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(each.intercept_, fits[0].intercept_, rtol=1e-6, atol=1e-9)
    assert [each.certificate_.converged for each in fits] == [True] * 3


def test_weights_are_repeated_rows_to_the_last_digits():
    X, y, w = data(4)
    counted = np.repeat(np.arange(60), w.astype(int))
    model = fastreg.LogisticRegression().fit(X, y, sample_weight=w)
    again = fastreg.LogisticRegression().fit(X[counted], y[counted])
    np.testing.assert_allclose(model.predict_proba(X), again.predict_proba(X), atol=1e-10)


def test_rows_without_a_weight_hold_whatever_they_hold():
    X, y, w = data(5)
    own = fastreg.LogisticRegression().fit(X, y, sample_weight=w)
    spoiled = np.where(w[:, None] > 0.0, X, 1e300)
    found = fastreg.LogisticRegression().fit(spoiled, y, sample_weight=w)
    np.testing.assert_allclose(found.coef_, own.coef_, rtol=1e-9)


def test_steps_are_counted_and_limited():
    X, y, _ = data(6)
    with pytest.warns(fastreg.ConvergenceWarning, match="raise max_iter, now 1"):
        model = fastreg.LogisticRegression(max_iter=1, tol=1e-10).fit(X, y)
    assert model.n_iter_[0] <= 2
