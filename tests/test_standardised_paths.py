"""`standardize=True`: the path of standardised columns, without their copy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import STORAGES, matrix, needs_jit

import fastreg
from fastreg.design import as_design, deviations, merge, spreads

FAMILIES = ["gaussian", "binomial", "poisson"]


def problem(family="gaussian", m=120, n=6, seed=0):
    """(X, y, w): X has a constant column, every entry exact in float32."""
    X = matrix(m, n, seed)
    X[:, 1] *= 16.0
    rng = np.random.default_rng(seed)
    z = X[:, 0] / 4.0 - X[:, 1] / 40.0 + 0.5 * rng.standard_normal(m)
    draws = {"gaussian": z, "binomial": (z > 0.0) * 1.0, "poisson": rng.poisson(np.exp(0.5 * z))}
    return X, draws[family] * 1.0, rng.integers(0, 3, m) * 1.0


def scaled(X, w):
    """(standardised copy, deviations): weights, and 1/m."""
    mean = np.average(X, axis=0, weights=w)
    spread = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=w))
    return (X - mean) / np.where(spread > 0.0, spread, 1.0), spread


@pytest.mark.parametrize("weighted", [True, False])
def test_deviations_are_those_of_numpy(store, weighted):
    X, _, w = problem()
    w = w if weighted else np.ones(len(w))
    found = deviations(spreads(as_design(store(X)), w if weighted else None))
    expected = np.sqrt(np.average((X - np.average(X, axis=0, weights=w)) ** 2, axis=0, weights=w))
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert not found[3]


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("shape", [(2000, 200), (200, 2000)])
def test_deviations_lose_nothing_to_an_offset_or_to_blocks(make, shape, rng):
    noise = rng.standard_normal(shape)
    X = make(noise + 1e6)
    assert len(as_design(X).pieces()) > 1
    found = deviations(spreads(as_design(X), None))
    # what X + 1e6 rounds away is a part of 1e-10 of an entry
    np.testing.assert_allclose(found, noise.std(axis=0), rtol=1e-9)


def test_sets_of_rows_add_up(rng):
    X, w = rng.standard_normal((90, 4)) + 5.0, rng.integers(0, 2, 90) * 1.0
    w[:30] = 0.0
    parts = [spreads(as_design(X[i : i + 30]), w[i : i + 30]) for i in (0, 30, 60)]
    whole = merge(parts[0], merge(parts[1], parts[2]))
    np.testing.assert_allclose(deviations(whole), scaled(X, w)[1], rtol=1e-14)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
def test_a_path_is_that_of_a_standardised_copy_in_every_storage(store, l1_ratio):
    X, y, w = problem()
    options = {"l1_ratio": l1_ratio, "sample_weight": w, "tol": 0.0}
    copy, spread = scaled(X, w)
    own = fastreg.path(copy, y, alphas=8, **options)
    found = fastreg.path(store(X), y, standardize=True, alphas=8, **options)
    np.testing.assert_allclose(found.alphas, own.alphas, rtol=1e-12)
    np.testing.assert_allclose(found.coefs * spread[:, None], own.coefs, atol=1e-10)
    np.testing.assert_allclose(found.predict(X), own.predict(copy), atol=1e-9)
    assert not found.coefs[3].any()
    plain = fastreg.path(store(X), y, alphas=8, **options)
    assert np.abs(plain.coefs[:, -1] - found.coefs[:, -1]).max() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_families_are_standardised(family, make):
    X, y, w = problem(family)
    copy, spread = scaled(X, w)
    factor = np.array([1.0, 2.0, 0.0, 1.0, 0.5, 1.0])
    options = {
        "family": family, "l1_ratio": 0.7, "sample_weight": w, "tol": 0.0,
        "penalty_factor": factor, "alphas": [0.3, 0.1, 0.02],
    }  # fmt: skip
    own = fastreg.path(copy, y, **options)
    found = fastreg.path(make(X), y, standardize=True, **options)
    np.testing.assert_allclose(found.coefs * spread[:, None], own.coefs, atol=1e-10)


@needs_jit
@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_sources_are_standardised(family):
    X, y, w = problem(family, m=900)
    parts = [(X[i : i + 300], y[i : i + 300], w[i : i + 300]) for i in (0, 300, 600)]
    options = {"family": family, "l1_ratio": 0.7, "alphas": 5, "tol": 1e-12, "standardize": True}
    found = fastreg.path(fastreg.read(parts), **options)
    own = fastreg.path(X, y, sample_weight=w, **options)
    np.testing.assert_allclose(found.alphas, own.alphas, rtol=1e-8)
    np.testing.assert_allclose(found.coefs, own.coefs, atol=1e-6)


def test_statistics_are_standardised():
    X, y, w = problem()
    stats = fastreg.SufficientStatistics(6, n_folds=3).update(X, y, w, fold=np.arange(120) % 3)
    options = {"l1_ratio": 0.7, "alphas": 6, "tol": 1e-13, "standardize": True}
    own = fastreg.path(X, y, sample_weight=w, **options)
    np.testing.assert_allclose(stats.path(**options).coefs, own.coefs, atol=1e-8)
    plain = options | {"standardize": False}
    assert stats.cross_validate(**options).mean[2] != stats.cross_validate(**plain).mean[2]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("bounds", [None, (-0.5, 2.0)])
@pytest.mark.parametrize("family", FAMILIES)
def test_constant_columns_stay_at_zero(intercept, bounds, family):
    X, y, _ = problem(family)
    X[:, 4] = 7.0
    found = fastreg.path(
        X, y, family=family, standardize=True, fit_intercept=intercept, bounds=bounds,
        alphas=[0.1, 0.01], tol=1e-8,
    )  # fmt: skip
    assert not found.coefs[[3, 4]].any() and found.coefs[0].any()
    assert found.certificate.converged


def test_bounds_are_in_the_units_of_X():
    X, y, _ = problem()
    free = fastreg.path(X, y, standardize=True, alphas=[1e-4]).coefs[:, 0]
    end = 0.5 * free[0]
    held = fastreg.path(X, y, standardize=True, alphas=[1e-4], bounds=(-np.inf, end)).coefs[:, 0]
    assert free[0] > 0.0 and held[0] == end


def test_the_unit_of_a_column_makes_no_difference():
    X, y, _ = problem()
    unit = 2.0 ** np.arange(-6, 6, 2)
    options = {"standardize": True, "alphas": 6, "l1_ratio": 0.5, "tol": 0.0}
    found, other = fastreg.path(X, y, **options), fastreg.path(X * unit, y, **options)
    np.testing.assert_allclose(other.coefs * unit[:, None], found.coefs, atol=1e-10)
    assert fastreg.path(X, y, **options).select("cv").index == other.select("cv").index


def test_what_cannot_be_standardised_is_named(rng):
    X, y, _ = problem()
    with pytest.raises(ValueError, match="standardize must be True or False, got 'yes'"):
        fastreg.path(X, y, standardize="yes")
    large = X.copy()
    large[:, 4] *= 1e200
    with pytest.raises(ValueError, match="squares of X, and those of column 4 leave float64"):
        fastreg.path(large, y, standardize=True)
    for make in (np.asarray, sp.csr_array):
        X[5, 2] = np.nan
        with pytest.raises(ValueError, match=r"NaN\. The first is in row 5, column 2"):
            fastreg.path(make(X), y, standardize=True)
        with pytest.raises(ValueError, match="row 5"):
            fastreg.path(
                fastreg.read([(make(X), (y > 0.0) * 1.0)]), family="binomial", standardize=True
            )


def test_X_is_not_changed():
    X, y, _ = problem()
    for make in (np.asarray, STORAGES["csr-repeated"]):
        given = make(X)
        before = given.copy()
        fastreg.path(given, y, standardize=True, alphas=4)
        assert abs(given - before).max() == 0.0
