"""What the small certificate asks of a loss, an entry at a time."""

from fastreg._jit import operation
from fastreg.losses import traits


@operation
def value(loss, z, y):
    """ℓ(z; y)."""


@operation
def slope(loss, z, y):
    """ℓ′(z; y)."""


@operation
def curvature(loss, z, y):
    """ℓ″(z; y)."""


@operation
def divergence(loss, z, u, y):
    """ℓ(z) + ℓ*(u) − uz ≥ 0, ∞ outside the domain of ℓ*."""


@operation
def ends(loss, y):
    """Two dual points in the domain of ℓ*, one ≤ 0 and one ≥ 0."""


@operation
def natural(loss, mean):
    """The prediction whose mean it is: the null model."""


@operation
def saturated(loss, y):
    """min_z ℓ(z; y)."""


def knows(loss):
    """Whether all of it is here. Called from Python only."""
    every = (value, slope, curvature, divergence, ends, natural, saturated)
    return traits(loss).convex and all(type(loss) in each.implementations for each in every)
