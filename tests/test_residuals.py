"""Quantile residuals: by distribution functions of scipy, and normal where the model is right."""

import numpy as np
import pytest
import scipy.stats
from conftest import needs_jit

import fastreg
from fastreg.inference.distributions import below
from fastreg.losses import Gamma, NegativeBinomial, Poisson, Squared, Tweedie

pytestmark = needs_jit
rng = np.random.default_rng(0)
Z = rng.standard_normal(200)
W = rng.integers(1, 4, 200).astype(float)
MU, PHI = np.exp(Z), 0.6
AMOUNTS = rng.gamma(2.0, MU / 2.0)
COUNTS = rng.poisson(MU).astype(float)


@pytest.mark.parametrize(
    ("loss", "y", "theirs"),
    [
        (Gamma(), AMOUNTS, scipy.stats.gamma(W / PHI, scale=MU * PHI / W)),
        (Tweedie(3.0), AMOUNTS, scipy.stats.invgauss(MU * PHI / W, scale=W / PHI)),
        (Poisson(), COUNTS, scipy.stats.poisson(MU)),
        (NegativeBinomial(2.0), COUNTS, scipy.stats.nbinom(2.0, 2.0 / (2.0 + MU))),
    ],
    ids=["gamma", "inverse_gaussian", "poisson", "negative_binomial"],
)
def test_probabilities_are_those_of_the_distributions(loss, y, theirs):
    low, high = below(loss, Z, y, W, PHI)
    np.testing.assert_allclose(high, theirs.cdf(y), rtol=1e-9)
    jumps = hasattr(theirs.dist, "pmf")
    np.testing.assert_allclose(low, theirs.cdf(y - 1.0) if jumps else high, rtol=1e-9, atol=1e-300)


def test_a_sum_of_gamma_amounts_is_below_as_often_as_drawn():
    power, mu, w, y = 1.4, 1.5, 2.0, np.array([0.0, 0.2, 1.0, 3.0, 6.0])
    scale = PHI / w
    number = rng.poisson(mu ** (2 - power) / (scale * (2 - power)), 400_000)
    shape, unit = (2 - power) / (power - 1), scale * (power - 1) * mu ** (power - 1)
    drawn = np.where(number > 0, rng.gamma(np.maximum(number, 1) * shape, unit), 0.0)
    low, high = below(Tweedie(power), np.full(5, np.log(mu)), y, np.full(5, w), PHI)
    np.testing.assert_allclose(high, (drawn <= y[:, None]).mean(axis=1), atol=4e-3)
    assert low[0] == 0.0 and (low[1:] == high[1:]).all()


@pytest.mark.parametrize("power", [1.5, 2.0, 3.0])
def test_residuals_of_weighted_rows_are_normal(power):
    X, m = rng.standard_normal((2000, 3)), 2000
    w = rng.integers(1, 6, m).astype(float)
    mu, scale = np.exp(0.4 * X[:, 0]), 0.5 / w
    if power == 3.0:
        y = scipy.stats.invgauss(mu * scale, scale=1.0 / scale).rvs(random_state=1)
    elif power == 2.0:
        y = rng.gamma(1.0 / scale, mu * scale)
    else:
        number = rng.poisson(2.0 * mu**0.5 / scale)
        y = np.where(number > 0, rng.gamma(np.maximum(number, 1), 0.5 * scale * mu**0.5), 0.0)
    model = fastreg.TweedieRegressor(power=power, alpha=0.0).fit(X, y, w)
    found = model.residuals(X, y, w, kind="quantile", random_state=0)
    assert scipy.stats.kstest(found, "norm").pvalue > 0.01
    assert found.std() == pytest.approx(1.0, abs=0.06)


def test_what_has_no_distribution_says_so():
    for loss, words in ((Tweedie(2.5), "no distribution function"), (Squared(), "no distribution")):
        with pytest.raises(ValueError, match=words):
            below(loss, Z, AMOUNTS, W, PHI)
