"""Firth's term: exact cases, an optimiser of another kind, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.sparse as sp
from conftest import needs_jit
from scipy.special import expit

import fastreg
from fastreg.certificate.firth import Rows, value_and_slopes

pytestmark = needs_jit


def firth(**options):
    return fastreg.LogisticRegression(**{"C": np.inf, "firth": True, "max_iter": 300} | options)


def data(seed, m=60, n=3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) * 10.0 ** rng.uniform(-2, 2, n) + rng.standard_normal(n)
    z = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.standard_normal(n)
    return X, (rng.random(m) < expit(z)).astype(int)


def objective(theta, X, y, w, offset, ridge):
    """Σ w ℓ − ½ log det I + ½ ridge Σ β², by determinants."""
    A = np.column_stack([X, np.ones(len(X))])
    z = A @ theta + offset
    p = expit(z)
    information = (A * (w * p * (1 - p))[:, None]).T @ A
    lost = w @ (np.logaddexp(0, z) - y * z) - 0.5 * np.linalg.slogdet(information)[1]
    return lost + 0.5 * ridge * theta[:-1] @ theta[:-1]


@pytest.mark.parametrize("counts", [(10, 0, 3, 9), (5, 5, 1, 9), (7, 0, 0, 4)])
def test_of_a_table_it_adds_a_half_to_each_cell(counts):
    """A model of a two by two table has as many coefficients as there are proportions."""
    a, b, c, d = counts
    X = np.repeat([0.0, 0.0, 1.0, 1.0], counts)[:, None]
    y = np.repeat([0, 1, 0, 1], counts)
    model = firth().fit(X, y)
    low, high = np.log((b + 0.5) / (a + 0.5)), np.log((d + 0.5) / (c + 0.5))
    np.testing.assert_allclose(model.intercept_, low, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.coef_, [[high - low]], rtol=1e-6)
    error = np.sqrt(sum(1.0 / (each + 0.5) for each in counts))
    found = model.summary(X, y)
    expected = [  # the information of the fit, of cells by their totals
        1 / ((a + b) * expit(low) * expit(-low)), 1 / ((c + d) * expit(high) * expit(-high))
    ]  # fmt: skip
    np.testing.assert_allclose(
        found.standard_error, np.sqrt([expected[0], sum(expected)]), rtol=1e-5
    )
    assert error > 0 and np.isnan(found.likelihood_ratio_p)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("C", [np.inf, 2.0])
def test_it_is_the_minimum_that_another_optimiser_finds(seed, C):
    X, y = data(seed)
    rng = np.random.default_rng(seed)
    w, offset = rng.integers(1, 4, len(y)) * 1.0, 0.3 * rng.standard_normal(len(y))
    model = firth(C=C).fit(X, y, sample_weight=w, offset=offset)
    assert model.certificate_.converged and model.certificate_.kind == "stationarity"
    theta = np.append(model.coef_[0], model.intercept_)
    given = X, y, w, offset, 1.0 / C
    centre, size = X.mean(axis=0), X.std(axis=0)

    def standardised(t):
        return np.append(t[:-1] / size, t[-1] - centre @ (t[:-1] / size))

    own = np.append(theta[:-1] * size, theta[-1] + centre @ theta[:-1])
    found = scipy.optimize.minimize(
        lambda t: objective(standardised(t), *given), np.zeros(4), options={"gtol": 1e-7}
    )
    assert objective(theta, *given) <= found.fun + 1e-9
    np.testing.assert_allclose(own, found.x, atol=1e-4)
    np.testing.assert_allclose(model.certificate_.objective, objective(theta, *given) / w.sum())


def test_slopes_are_differences_of_the_objective(rng):
    X, y = data(1)
    rows = Rows(
        np.column_stack([X, np.ones(len(X))]), y * 1.0, rng.random(60), np.zeros(60),
        np.array([0.1, 0.2, 0.3, 0.0]),
    )  # fmt: skip
    theta, step = np.array([0.1, -0.01, 0.3, 0.2]), 1e-6
    _, slope = value_and_slopes(rows, theta)
    for j in range(4):
        move = step * (np.arange(4) == j)
        move[3] -= (j < 3) * step * (rows.s @ X)[min(j, 2)] / rows.s.sum()
        ends = [value_and_slopes(rows, theta + side * move)[0] for side in (1, -1)]
        np.testing.assert_allclose(slope[j], (ends[0] - ends[1]) / (2 * step), rtol=1e-5, atol=1e-9)


def test_separated_classes_have_finite_coefficients_without_a_warning():
    X = np.arange(20.0)[:, None]
    y = (X[:, 0] > 9.5).astype(int)
    model = firth().fit(X, y)
    assert 0.1 < model.coef_[0, 0] < 10.0 and model.certificate_.converged
    assert model.summary(X, y).standard_error[1] < np.inf
    np.testing.assert_allclose(firth().fit(-X, y).coef_, -model.coef_, rtol=1e-5)


def test_weights_are_repeated_rows_and_rows_without_one_are_as_good_as_gone():
    X, y = data(2)
    w = np.arange(60) % 3
    model = firth().fit(X, y, sample_weight=w * 1.0)
    again = firth().fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    np.testing.assert_allclose(model.coef_, again.coef_, rtol=1e-5)
    few = firth().fit(X[w > 0], y[w > 0], sample_weight=w[w > 0] * 1.0)
    np.testing.assert_allclose(model.coef_, few.coef_, rtol=1e-9)


def test_sparse_frames_and_saved_models(tmp_path):
    X, y = data(3)
    X[X < 0] = 0.0
    model = firth().fit(X, y)
    np.testing.assert_allclose(firth().fit(sp.csr_matrix(X), y).coef_, model.coef_, rtol=1e-9)
    framed = firth().fit(pd.DataFrame(X, columns=list("abc")), y)
    np.testing.assert_allclose(framed.coef_, model.coef_)
    fastreg.save_model(framed, tmp_path / "m.json")
    again = fastreg.load_model(tmp_path / "m.json")
    assert again.firth and again.certificate_.kind == "stationarity"
    np.testing.assert_array_equal(again.coef_, framed.coef_)


def test_what_it_does_not_take_is_said():
    X, y = data(4)
    for options, part in (
        ({"l1_ratio": 0.5, "C": 1.0}, "takes no L1 penalty: set l1_ratio=0"),
        ({"positive": True}, "takes no bounds"),
    ):
        with pytest.raises(ValueError, match=part):
            firth(**options).fit(X, y)
    with pytest.raises(ValueError, match="is for two classes, and y has 3"):
        firth().fit(X, np.arange(60) % 3)
    with pytest.raises(ValueError, match="firth=True needs rows in memory"):
        firth().fit(fastreg.read([(X, y * 1.0)], memory=0))
    frame = pd.DataFrame(X, columns=list("abc")).assign(twice=2.0 * X[:, 0])
    with pytest.raises(ValueError, match=r"sums of others.*leave out (a|twice)"):
        firth().fit(frame, y)
    with pytest.warns(
        fastreg.ConvergenceWarning if hasattr(fastreg, "ConvergenceWarning") else UserWarning
    ):
        firth(max_iter=1).fit(X, y)


def test_a_constant_column_with_a_ridge_is_no_intercept(rng):
    X = rng.standard_normal((60, 2)) + 1.0
    X[:, 1] = 2.0
    y = (X[:, 0] + rng.logistic(size=60) > 0).astype(int)
    model = firth(C=1.0, fit_intercept=False).fit(X, y)
    assert model.certificate_.converged
    rows = Rows(X, y * 1.0, np.ones(60), np.zeros(60), np.full(2, 1.0 / 60))
    _, slope = value_and_slopes(rows, model.coef_[0])
    assert np.abs(slope).max() < 1e-7
