"""What stands in a row of weight zero, however large or small, changes nothing."""

import numpy as np
import pytest

import fastreg
from tests.conftest import STORAGES

ESTIMATORS = {
    "Lasso": lambda: fastreg.Lasso(alpha=0.05, tol=1e-10),
    "Lasso, positive": lambda: fastreg.Lasso(alpha=0.05, tol=1e-10, positive=True),
    "Lasso, no intercept": lambda: fastreg.Lasso(alpha=0.05, tol=1e-10, fit_intercept=False),
    "ElasticNet": lambda: fastreg.ElasticNet(alpha=0.05, tol=1e-10),
    "Ridge": lambda: fastreg.Ridge(),
    "least squares": lambda: fastreg.Ridge(alpha=0.0),
    "LinearRegression": lambda: fastreg.LinearRegression(),
    "Ridge, svd": lambda: fastreg.Ridge(solver="svd"),
    "Ridge, sparse_cg": lambda: fastreg.Ridge(solver="sparse_cg", tol=1e-12),
    "path": lambda: _Path(l1_ratio=0.7),
    "ridge path": lambda: _Path(l1_ratio=0.0),
    "proximal gradient": lambda: _Path(l1_ratio=1.0, solver="proximal gradient"),
}


class _Path:
    def __init__(self, **options):
        self.options = options

    def fit(self, X, y, weights):
        options = {"alphas": [0.5, 0.05], "tol": 1e-10, **self.options}
        found = fastreg.path(X, y, sample_weight=weights, **options)
        self.coef_, self.certificate_ = found.coefs, found.certificate
        return self


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
@pytest.mark.parametrize("shape", [(40, 4), (15, 30)])
def test_rows_of_weight_zero_count_for_nothing(name, storage, shape, rng):
    X, y = rng.standard_normal(shape) + 3.0, rng.standard_normal(shape[0])
    w = rng.random(shape[0]) + 0.1
    dead = np.arange(shape[0]) % 4 == 1
    w[dead] = 0.0
    store = STORAGES[storage]
    expected = ESTIMATORS[name]().fit(store(X[~dead]), y[~dead], w[~dead])
    for size in (1e-300, 1e14, 1e16, 1e100, 1e250):
        for spoilt in ("X", "y", "both"):
            A, b = X.copy(), y.copy()
            if spoilt != "y":
                A[dead] = size * rng.standard_normal((dead.sum(), shape[1]))
            if spoilt != "X":
                b[dead] = size * rng.standard_normal(dead.sum())
            found = ESTIMATORS[name]().fit(store(A), b, w)
            np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-6, atol=1e-6)
            assert found.certificate_.converged


def test_rows_of_weight_zero_do_not_decide_which_least_norm(rng):
    """Seven rows that count do not determine eight coefficients, with eight rows or without."""
    X, y, w = rng.standard_normal((8, 8)), rng.standard_normal(8), np.ones(8)
    w[3] = 0.0
    rows = w > 0
    expected = fastreg.Ridge(alpha=0.0).fit(X[rows], y[rows])
    np.testing.assert_allclose(fastreg.Ridge(alpha=0.0).fit(X, y, w).coef_, expected.coef_)


@pytest.mark.parametrize("value", [800.0, -1e300])
def test_an_offset_that_does_not_count_may_be_anything(value, rng):
    X = rng.standard_normal((60, 3))
    y = rng.poisson(2.0, 60) * 1.0
    offset, w = rng.standard_normal(60), np.ones(60)
    w[5] = 0.0
    seen = np.delete(np.arange(60), 5)
    own = fastreg.path(X[seen], y[seen], family="poisson", offset=offset[seen], alphas=4, tol=1e-9)
    offset[5] = value
    found = fastreg.path(X, y, family="poisson", offset=offset, sample_weight=w, alphas=own.alphas,
                         tol=1e-9)  # fmt: skip
    assert found.certificate.converged
    np.testing.assert_allclose(found.coefs, own.coefs, atol=1e-5)
