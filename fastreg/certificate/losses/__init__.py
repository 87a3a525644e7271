"""Losses as the certificate sees them: NumPy code of its own, under the names of
`fastreg.losses`, so that a slip there cannot certify itself."""

from fastreg.certificate.losses import logistic, poisson, squared
from fastreg.certificate.losses.operations import (
    balanced,
    conjugate,
    curvature,
    derivatives,
    divergence,
    ends,
    log_constant,
    mean,
    saturated,
    slope,
    value,
)

__all__ = [
    "balanced",
    "conjugate",
    "curvature",
    "derivatives",
    "divergence",
    "ends",
    "log_constant",
    "logistic",
    "mean",
    "poisson",
    "saturated",
    "slope",
    "squared",
    "value",
]
