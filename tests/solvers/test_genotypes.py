"""Lassos of genotypes: 0, 1 and 2, neighbours nearly equal, many more columns than rows."""

import numpy as np
import pytest

import fastreg
from fastreg.solvers import working_set
from tests.conftest import needs_jit


def genotypes(rng, m, n, block=25):
    """Columns in blocks, each the one before it with a few flips; and y of some of them."""
    X = rng.binomial(2, 0.3, (m, n)).astype(float)
    for j in range(n):
        if j % block:
            kept = rng.random(m) >= rng.choice([0.002, 0.01, 0.05])
            X[kept, j] = X[kept, j - 1]
    signal = X[:, rng.choice(n, n // 50, replace=False)] @ rng.standard_normal(n // 50)
    return X, signal + signal.std() * rng.standard_normal(m)


def largest(X, y):
    return np.abs(X.T @ (y - y.mean())).max() / len(y)


@needs_jit
@pytest.mark.parametrize("share", [50, 100, 200])
@pytest.mark.thorough
def test_one_lasso_is_no_worse_than_the_path_that_leads_to_it(share, rng):
    X, y = genotypes(rng, 500, 3000)
    alpha = largest(X, y) / share
    # An epoch moves all columns of the set, a step of the active set one of them.
    model = fastreg.Lasso(alpha=alpha, max_iter=250).fit(X, y)
    assert model.certificate_.converged
    path = fastreg.path(X, y, alphas=alpha * np.geomspace(share, 1.0, 20))
    least = float(path.certificate.objective[-1])
    assert model.certificate_.objective[0] <= least + 1e-4 * float(path.certificate.null[-1])


@needs_jit
def test_a_full_set_forgets_what_is_not_in_use(rng, monkeypatch):
    monkeypatch.setattr(working_set, "MOST", 420)
    monkeypatch.setattr(working_set, "WHOLE", 4)
    X, y = genotypes(rng, 200, 1500)
    model = fastreg.Lasso(alpha=largest(X, y) / 100, tol=1e-8).fit(X, y)
    assert model.certificate_.converged
    assert np.count_nonzero(model.coef_) < 420
    path = fastreg.path(X, y, alphas=30, tol=1e-8)
    assert path.certificate.converged
