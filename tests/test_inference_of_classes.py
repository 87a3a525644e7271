"""Standard errors of several classes: those of R's nnet, and of matrices made by differences."""

import numpy as np
import pytest
from conftest import needs_jit
from scipy.special import log_softmax
from sklearn.datasets import load_iris

import fastreg

pytestmark = needs_jit

# nnet 7.3, R 4.2: fixtures/r_multinom.R. Rows: classes; columns: intercept, length, width.
COEF = [
    [3.71608018267, 0.855822359083, -2.74121396408],
    [-2.67838861617, 1.974451054232, -2.87761072734],
]
ERRORS = [
    [1.92087164228, 0.225035843166, 0.453899939105],
    [2.05181115428, 0.263997586033, 0.517088073733],
]
DEVIANCE, AIC, LOG_LIKELIHOOD, NULL = 500.389778506, 512.389778506, -250.194889253, 659.087367867


def sepals():
    X, y = load_iris(return_X_y=True)
    labels = np.array(["a", "b", "c"])[(y + (np.arange(150) % 5 == 0)) % 3]
    return X[:, :2], labels, np.tile([1.0, 2.0, 3.0], 50)


def fitted(X, y, w, **options):
    model = fastreg.LogisticRegression(**{"C": np.inf, "tol": 1e-12} | options)
    return model.fit(X, y, sample_weight=w)


def test_the_numbers_of_r():
    X, y, w = sepals()
    found = fitted(X, y, w).summary(X, y, w)
    np.testing.assert_allclose(found.coef, np.ravel(COEF), rtol=1e-6)
    np.testing.assert_allclose(found.standard_error, np.ravel(ERRORS), rtol=1e-6)
    expected = DEVIANCE, AIC, LOG_LIKELIHOOD, NULL
    seen = found.deviance, found.aic, found.log_likelihood, found.null_deviance
    np.testing.assert_allclose(seen, expected, rtol=1e-10)
    assert (
        found.names[:2] == ("b: intercept", "b: x0") and found.features.tolist() == [-1, 0, 1] * 2
    )
    assert found.likelihood_ratio_p < 1e-30 and found.wald().dof == 4
    assert "differences from those of class 'a'" in str(found)


def test_weights_count_rows_and_clusters_of_one_row_are_hc0():
    X, y, w = sepals()
    model = fitted(X, y, w)
    rows = np.repeat(np.arange(150), w.astype(int))
    again = fitted(X[rows], y[rows], None).summary(X[rows], y[rows])
    np.testing.assert_allclose(
        model.summary(X, y, w).standard_error, again.standard_error, rtol=1e-6
    )
    each = model.summary(X, y, w, cluster=np.arange(150)).covariance
    np.testing.assert_allclose(each * 149 / 150, model.summary(X, y, w, method="HC0").covariance)
    hc1 = model.summary(X, y, w, method="sandwich").covariance
    np.testing.assert_allclose(hc1 * (150 - 6) / 150, each * 149 / 150, rtol=1e-6)


@pytest.mark.parametrize("method", ["classical", "bayesian"])
def test_ridges_by_matrices_of_differences(method):
    X, y, w = sepals()
    C, offset = 0.5, 0.2 * np.random.default_rng(0).standard_normal((150, 3))
    model = fastreg.LogisticRegression(C=C, tol=1e-12).fit(X, y, sample_weight=w, offset=offset)
    found = model.summary(X, y, w, offset, method=method)
    codes = np.searchsorted(model.classes_, y)

    def lost(theta):
        b, B = theta[:3], theta[3:].reshape(3, 2)
        return -w @ log_softmax(X @ B.T + b + offset, axis=1)[np.arange(150), codes]

    theta, h = np.append(model.intercept_, model.coef_.ravel()), 1e-4
    H, eye = np.zeros((9, 9)), np.eye(9) * h
    for i in range(9):
        for j in range(9):
            ends = [lost(theta + a * eye[i] + b * eye[j]) * a * b for a in (1, -1) for b in (1, -1)]
            H[i, j] = sum(ends) / (4 * h * h)
    held = H + np.diag([0.0] * 3 + [1.0 / C] * 6)
    inverse = np.linalg.pinv(held, rcond=1e-8)
    whole = inverse @ H @ inverse if method == "classical" else inverse
    contrast = np.zeros((6, 9))
    places = np.column_stack([np.arange(3), np.arange(3, 9).reshape(3, 2)])  # of each class
    for k in (1, 2):
        for j in range(3):
            contrast[3 * (k - 1) + j, places[[k, 0], j]] = 1.0, -1.0
    np.testing.assert_allclose(
        found.covariance, contrast @ whole @ contrast.T, rtol=2e-3, atol=1e-5
    )
    assert np.isnan(found.likelihood_ratio_p)


def test_names_sparse_rows_and_rows_without_a_weight():
    pd = pytest.importorskip("pandas")
    import scipy.sparse as sp

    X, y, w = sepals()
    frame = pd.DataFrame(X, columns=["length", "width"])
    found = fitted(frame, y, w).summary(frame, y, w)
    assert found.names[1] == "b: length"
    w[:20] = 0.0
    model = fitted(X, y, w)
    spoiled = X.copy()
    spoiled[:20] = 1e6
    np.testing.assert_allclose(
        model.summary(sp.csr_matrix(spoiled), y, w).standard_error,
        fitted(X[20:], y[20:], w[20:]).summary(X[20:], y[20:], w[20:]).standard_error, rtol=1e-6,
    )  # fmt: skip


def test_what_has_no_errors_is_refused_in_words():
    X, y, w = sepals()
    model = fitted(X, y, w)
    with pytest.raises(ValueError, match="standard errors from the minimum for these data"):
        model.summary(X[::-1], y, w)
    with pytest.raises(ValueError, match=r"of the classes .* of the fit"):
        model.summary(X, np.where(y == "a", "z", y), w)
    with pytest.raises(ValueError, match="method must be one of"):
        model.summary(X, y, w, method="exact")
    with pytest.raises(ValueError, match="one group of rows"):
        model.summary(X, y, w, cluster=np.zeros(150))
    with pytest.raises(ValueError, match="class_weight is not a count"):
        fitted(X, y, w, class_weight="balanced").summary(X, y, w)
    assert fitted(X, y, w, class_weight="balanced").summary(X, y, w, method="HC1").n_samples == 150
    twice = np.column_stack([X, X[:, 0] + X[:, 1]])
    with pytest.raises(ValueError, match="columns depend on one another"):
        fitted(twice, y, w, tol=1e-8).summary(twice, y, w)
    lasso = fastreg.LogisticRegression(C=0.05, l1_ratio=1.0).fit(X, y, w)
    with pytest.raises(ValueError, match="L1 penalty has left out"):
        lasso.summary(X, y, w)
    with pytest.raises(ValueError, match="for two classes"):
        model.residuals(X, y, w)
