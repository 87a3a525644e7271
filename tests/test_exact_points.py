"""Points of a path at other strengths: solved with its own options, and certified."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit

import fastreg

FAMILIES = ["gaussian", "binomial", "poisson"]
OPTIONS = {"l1_ratio": 0.6, "tol": 1e-10, "bounds": (-0.3, 0.4), "fit_intercept": False}
ALPHAS = [0.5, 0.1, 0.01]


def problem(family="gaussian", m=90, n=7, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n))
    z = X[:, 0] - 0.5 * X[:, 1] + 0.3 * rng.standard_normal(m)
    draws = {"gaussian": z, "binomial": (z > 0.0) * 1.0, "poisson": rng.poisson(np.exp(z))}
    return X, draws[family] * 1.0, rng.integers(1, 4, m) * 1.0, 0.1 * rng.standard_normal(m)


def options_of(family, w, offset):
    factor = np.array([1.0, 0.5, 2.0, 0.0, 1.0, 1.0, 1.0])
    given = OPTIONS | {"family": family, "sample_weight": w, "penalty_factor": factor}
    return given if family == "gaussian" else given | {"offset": offset}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_an_exact_point_is_that_of_a_path_through_it(family, make):
    X, y, w, offset = problem(family)
    options = options_of(family, w, offset)
    path = fastreg.path(make(X), y, alphas=ALPHAS, **options)
    asked = np.array([0.02, 1.0, 0.2, 0.001, 0.2])  # in any order, twice, beyond the ends
    whole = fastreg.path(make(X), y, alphas=sorted({*asked, *ALPHAS}), **options)
    places = [int(np.flatnonzero(whole.alphas == alpha)[0]) for alpha in asked]
    data = {"X": make(X), "y": y, "sample_weight": w, "offset": options.get("offset")}
    for given in ({}, data):
        found = path.coef(asked, exact=True, **given)
        np.testing.assert_allclose(found, whole.coefs[:, places], atol=2e-5)
    one = path.coef(0.2, exact=True)
    assert one.shape == (7,) and np.abs(one - path.coef(0.2)).max() > 1e-3
    point = path.at(asked)
    np.testing.assert_array_equal(point.alphas, [1.0, 0.2, 0.02, 0.001])
    assert point.gaps.max() <= 1e-10 and point.certificate.converged
    np.testing.assert_allclose(point.explained[1], whole.explained[places[2]], atol=1e-6)
    np.testing.assert_allclose(
        path.predict(X, alpha=0.2, exact=True), point.predict(X)[:, 1], atol=1e-12
    )


def test_other_data_has_the_options_of_the_path():
    X, y, *_ = problem()
    path = fastreg.path(X, y, alphas=ALPHAS, standardize=True, positive=True, tol=1e-10)
    other, target, *_ = problem(seed=1)
    point = path.at(0.05, X=other, y=target)
    assert point.coefs.min() == 0.0 and point.data.objective.l2 is path.data.objective.l2
    factor = X.std(axis=0)
    own = fastreg.path(
        other, target, alphas=[0.05], penalty_factor=factor, positive=True, tol=1e-10
    )
    np.testing.assert_allclose(point.coefs, own.coefs, atol=1e-5)


def test_a_relaxed_path_is_relaxed_at_other_strengths_too():
    X, y, *_ = problem()
    path = fastreg.path(X, y, alphas=ALPHAS, tol=1e-10)
    expected = fastreg.path(X, y, alphas=[0.2], tol=1e-10).relax(0.3)
    found = path.relax(0.3).at(0.2)
    np.testing.assert_allclose(found.coefs, expected.coefs, atol=1e-6)
    np.testing.assert_allclose(path.relax(0.3).coef(0.2, exact=True), found.coefs[:, 0], rtol=1e-12)


def test_statistics_solve_at_other_strengths():
    X, y, w, _ = problem()
    path = fastreg.SufficientStatistics(7).update(X, y, w).path(alphas=ALPHAS, tol=1e-10)
    own = fastreg.path(X, y, sample_weight=w, alphas=[0.2], tol=1e-10)
    np.testing.assert_allclose(path.coef(0.2, exact=True), own.coefs[:, 0], atol=1e-6)
    given = path.at(0.2, X=X, y=y, sample_weight=w)
    np.testing.assert_allclose(given.coefs, own.coefs, atol=1e-6)


@needs_jit
@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_sources_solve_at_other_strengths(family):
    X, y, w, _ = problem(family)
    parts = [(X[i : i + 30], y[i : i + 30], w[i : i + 30]) for i in (0, 30, 60)]
    path = fastreg.path(fastreg.read(parts), family=family, alphas=ALPHAS, tol=1e-8)
    own = fastreg.path(X, y, sample_weight=w, family=family, alphas=[0.2], tol=1e-8)
    for given in ({}, {"X": fastreg.read(parts)}, {"X": X, "y": y, "sample_weight": w}):
        found = path.at(0.2, **given)
        np.testing.assert_allclose(found.coefs, own.coefs, atol=1e-4)
        assert found.gaps[0] <= 1e-8
    memory = fastreg.path(X, y, family=family, alphas=ALPHAS, tol=1e-8)
    np.testing.assert_allclose(memory.coef(0.2, exact=True, X=fastreg.read(parts)), own.coefs[:, 0],
                               atol=1e-4)  # fmt: skip


@needs_jit
def test_the_offset_of_a_source_is_asked_for():
    X, y, _, offset = problem("poisson")
    source = fastreg.read([(X, np.column_stack([y, offset]))])
    path = fastreg.path(source, family="poisson", offset=1, alphas=ALPHAS, tol=1e-8)
    own = fastreg.path(X, y, offset=offset, family="poisson", alphas=[0.2], tol=1e-8)
    for given in ({}, {"X": source, "offset": 1}, {"X": X, "y": y, "offset": offset}):
        np.testing.assert_allclose(path.at(0.2, **given).coefs, own.coefs, atol=1e-4)
    for given in ({"X": fastreg.read([(X, y)])}, {"X": X, "y": y}):
        with pytest.raises(ValueError, match="offset must be given with X, as in the fit"):
            path.at(0.2, **given)


def test_what_is_missing_is_said():
    X, y, w, offset = problem("binomial")
    path = fastreg.path(X, y, family="binomial", alphas=ALPHAS, sample_weight=w, offset=offset)
    cases = [
        ({"X": X}, "y and sample_weight and offset must be given with X"),
        ({"X": X, "y": y}, "sample_weight and offset must be given with X"),
        ({"X": X, "y": y, "sample_weight": w}, "offset must be given with X"),
        ({"y": y}, "X must be given with y"),
        (
            {"X": X[:, :5], "y": y, "sample_weight": w, "offset": offset},
            "X must have 7 features, as in the fit, got 5",
        ),
        ({"X": X, "y": y + 2.0, "sample_weight": w, "offset": offset}, "y of Logistic"),
    ]
    for given, message in cases:
        with pytest.raises(ValueError, match=message):
            path.coef(0.2, exact=True, **given)
    with pytest.raises(ValueError, match="X, y must come with exact=True"):
        path.coef(0.2, X=X, y=y)
    for wrong in (-1.0, np.nan, "one", [], np.ones((2, 2))):
        with pytest.raises(ValueError, match="alpha must be one or several finite numbers ≥ 0"):
            path.coef(wrong, exact=True)
    source = fastreg.read([(X, y)])
    with pytest.raises(ValueError, match="sample_weight must be None if X is a source"):
        path.at(0.2, X=source, sample_weight=w)
    squares = fastreg.path(X, y, alphas=ALPHAS)
    with pytest.raises(ValueError, match="X must be in memory for family='gaussian'"):
        squares.at(0.2, X=source)


def test_a_pickled_path_solves():
    X, y, *_ = problem()
    path = fastreg.path(X, y, alphas=ALPHAS)
    again = pickle.loads(pickle.dumps(path))
    np.testing.assert_array_equal(again.coef(0.2, exact=True), path.coef(0.2, exact=True))
