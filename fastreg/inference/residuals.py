"""Residuals of generalised linear models, as R has them.

With μ the mean at z, V = V(μ), u = ℓ′(z), i the mean of ℓ″(z) over y and w the weight of a row

| kind | value |
|---|---|
| response | y − μ |
| working | (y − μ)/(dμ/dz) = −u/i |
| pearson | √w (y − μ)/√V = −√w u/√i |
| deviance | sign(y − μ) √(2w [ℓ(z) − min ℓ]) |
| quantile | Φ⁻¹(F), F uniform between P(Y < y) and P(Y ≤ y) (Dunn & Smyth, JCGS 5, 1996) |

Quantile residuals of a model that is right are normal, whatever the family.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from fastreg.certificate import losses
from fastreg.inference.distributions import below
from fastreg.losses import traits

Array = np.ndarray
KINDS = ("deviance", "pearson", "quantile", "response", "working")
_LEAST = 1e-300  # of a probability, whose quantile is −37


def residuals(
    loss: Any, z: Array, y: Array, w: Array | None, kind: str, *, scale: float = 1.0,
    random_state: Any = None,
) -> Array:  # fmt: skip
    """(m,) of predictions z.

    Parameters
    ----------
    z, y : (m,); w : (m,) or None for ones
    kind : one of KINDS
    scale : φ of the variance, for "quantile"
    random_state : int, `numpy.random.Generator` or None, for "quantile" of what has jumps
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    w = np.ones(len(y)) if w is None else w
    if kind == "response":
        return y - losses.mean(loss, z)
    u = losses.slope(loss, z, y)
    if kind == "quantile":
        low, high = below(loss, z, y, w, scale)
        share = low + np.random.default_rng(random_state).random(len(y)) * (high - low)
        return ndtri(np.clip(share, _LEAST, 1.0 - 2.0**-53))
    if kind == "deviance":
        return -np.sign(u) * np.sqrt(2.0 * w * losses.excess(loss, z, y))
    i = losses.information(loss, z)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = u / i if kind == "working" else u * np.sqrt(w / i)
    return np.where(u == 0.0, 0.0, -each)


def dispersion(loss: Any, z: Array, y: Array, w: Array | None, used: int) -> float:
    """Pearson's φ of a fit that uses so many coefficients; 1 where the variance has no scale."""
    if not traits(loss).dispersed:
        return 1.0
    square = residuals(loss, z, y, w, "pearson") ** 2
    left = (len(y) if w is None else np.count_nonzero(w)) - used
    if not left > 0:
        raise ValueError(f"{len(y)} rows leave nothing for the dispersion: give it")
    return float(square.sum() / left)
