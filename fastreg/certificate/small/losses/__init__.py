"""Losses as the small certificate sees them, an entry at a time: code of its own, as that of
`fastreg.certificate.losses` is, for the same losses."""

from fastreg.certificate.small.losses import (
    gamma,
    logistic,
    negative_binomial,
    poisson,
    squared,
    squared_hinge,
    tweedie,
)
from fastreg.certificate.small.losses.operations import (
    curvature,
    divergence,
    ends,
    knows,
    natural,
    saturated,
    slope,
    value,
)

__all__ = [
    "curvature",
    "divergence",
    "ends",
    "gamma",
    "knows",
    "logistic",
    "natural",
    "negative_binomial",
    "poisson",
    "saturated",
    "slope",
    "squared",
    "squared_hinge",
    "tweedie",
    "value",
]
