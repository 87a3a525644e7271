"""Losses as the certificate sees them: NumPy code of its own, under the names of
`fastreg.losses`, so that a slip there cannot certify itself."""

from fastreg.certificate.losses import logistic, poisson, squared
from fastreg.certificate.losses.operations import (
    conjugate,
    curvature,
    derivatives,
    divergence,
    ends,
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
    "log_constant",
    "logistic",
    "mean",
    "poisson",
    "roundness",
    "saturated",
    "slope",
    "squared",
    "together",
    "value",
]
