"""Losses as a plain NumPy fit needs them: for the references of the benchmark cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.special

from fastreg.losses import Gamma, Logistic, NegativeBinomial, Poisson, Tweedie

Array = np.ndarray
NEWTON, SCORING = 8, 60  # steps from a strength to the next; of a larger curvature they are short


class Family(NamedTuple):
    """A loss and what NumPy needs of it, and the estimator of it.

    value : (z, y) → ℓ
    slopes : (z, y) → (ℓ′, ℓ″), or a positive stand-in for ℓ″
    start : mean of y → the best intercept alone
    least : y → the least ℓ
    estimator : its name in `fastreg`, with CV the one that chooses a strength
    given : its parameters
    steps : of Newton's method, from one strength to the next
    """

    loss: Any
    value: Callable[[Array, Array], Array]
    slopes: Callable[[Array, Array], tuple[Array, Array]]
    start: Callable[[float], float]
    least: Callable[[Array], Array]
    estimator: str
    given: dict[str, float] = {}
    steps: int = NEWTON


def _odds(z: Array, y: Array) -> tuple[Array, Array]:
    p = 1.0 / (1.0 + np.exp(-z))
    return p - y, p * (1.0 - p)


def _counts(z: Array, y: Array) -> tuple[Array, Array]:
    mean = np.exp(z)
    return mean - y, mean


def _amounts(z: Array, y: Array) -> tuple[Array, Array]:
    ratio = y * np.exp(-z)
    return 1.0 - ratio, ratio


def _tweedie(power: float) -> Family:
    """Curvatures of a power above 2 are at least Fisher's, so that they are positive."""
    delta, epsilon = 2.0 - power, power - 1.0

    def value(z: Array, y: Array) -> Array:
        return np.exp(delta * z) / delta + y * np.exp(-epsilon * z) / epsilon

    def slopes(z: Array, y: Array) -> tuple[Array, Array]:
        up, down = np.exp(delta * z), y * np.exp(-epsilon * z)
        curvature = delta * up + epsilon * down
        return up - down, curvature if power <= 2.0 else np.maximum(curvature, up)

    def least(y: Array) -> Array:
        return value(np.log(np.maximum(y, 1e-300)), y)

    steps = NEWTON if power <= 2.0 else SCORING
    return Family(
        Tweedie(power), value, slopes, np.log, least, "TweedieRegressor", {"power": power}, steps
    )


def _negative_binomial(theta: float) -> Family:
    def value(z: Array, y: Array) -> Array:
        t = z - np.log(theta)
        return (y + theta) * np.logaddexp(0.0, t) - y * t

    def slopes(z: Array, y: Array) -> tuple[Array, Array]:
        share = 1.0 / (1.0 + theta * np.exp(-z))
        return (y + theta) * share - y, (y + theta) * share * (1.0 - share)

    def least(y: Array) -> Array:
        return (y + theta) * np.log1p(y / theta) - scipy.special.xlogy(y, y / theta)

    loss, name = NegativeBinomial(theta), "NegativeBinomialRegressor"
    return Family(loss, value, slopes, np.log, least, name, {"theta": theta})


BINOMIAL = Family(
    Logistic(), lambda z, y: np.logaddexp(0.0, z) - y * z, _odds, scipy.special.logit,
    lambda y: 0.0 * y, "LogisticRegression",
)  # fmt: skip
POISSON = Family(
    Poisson(), lambda z, y: np.exp(z) - y * z, _counts, np.log,
    lambda y: y - y * np.log(np.maximum(y, 1.0)), "PoissonRegressor",
)  # fmt: skip
GAMMA = Family(
    Gamma(), lambda z, y: z + y * np.exp(-z), _amounts, np.log, lambda y: np.log(y) + 1.0,
    "GammaRegressor",
)  # fmt: skip
TWEEDIE, INVERSE_GAUSSIAN = _tweedie(1.5), _tweedie(3.0)
NEGATIVE_BINOMIAL = _negative_binomial(2.0)
MORE = {
    "gamma": GAMMA,
    "tweedie": TWEEDIE,
    "inverse_gaussian": INVERSE_GAUSSIAN,
    "negative_binomial": NEGATIVE_BINOMIAL,
}
