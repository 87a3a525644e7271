"""Losses as the certificate sees them: NumPy code of its own, under the names of
`fastreg.losses`, so that a slip there cannot certify itself."""

from fastreg.certificate.losses import (
    gamma,
    logistic,
    negative_binomial,
    poisson,
    squared,
    squared_hinge,
    tweedie,
)
from fastreg.certificate.losses.operations import (
    conjugate,
    curvature,
    derivatives,
    divergence,
    ends,
    excess,
    information,
    level,
    log_constant,
    mean,
    roundness,
    saturated,
    slope,
    together,
    value,
)

__all__ = [
    "conjugate",
    "curvature",
    "derivatives",
    "divergence",
    "ends",
    "excess",
    "gamma",
    "information",
    "level",
    "log_constant",
    "logistic",
    "mean",
    "negative_binomial",
    "poisson",
    "roundness",
    "saturated",
    "slope",
    "squared",
    "squared_hinge",
    "together",
    "tweedie",
    "value",
]
