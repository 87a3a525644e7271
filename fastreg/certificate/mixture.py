"""Dual points whose weighted sum is zero, and what they cost.

A free intercept demands Σ w u = 0. What is left of it is mixed with an e in the domain of ℓ* that
does not depend on z and whose sum has the other sign, u′ = (1 − t)u + te. With 0 and e in that
domain, φ(s) = Σ w [ℓ(z) + ℓ*(su) − suz] is convex, and

    Σ w [ℓ + ℓ*(su′) − su′z] ≤ (1 − st) φ(s(1 − t)/(1 − st)) + st Σ w [ℓ + ℓ*(e) − ez]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray


def shares(total: Array, ends: Array) -> tuple[Array, Array]:
    """(t (g,), which end (g,)) from Σ w u (g,) and Σ w e (2,) of the ends below and above."""
    which = np.where(total > 0.0, 0, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total == 0.0, 0.0, total / (total - ends[which])), which


def bound(s: Array, t: Array, cost: Array, phi: Callable[[Array], Array]) -> Array:
    """What mixed dual points cost at most (g,), `cost` being Σ w [ℓ + ℓ*(e) − ez]."""
    share = s * t
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        own = np.where(share < 1.0, s * (1.0 - t) / (1.0 - share), 0.0)
        out: Array = (1.0 - share) * phi(own) + np.where(share > 0.0, share * cost, 0.0)
    return out


def square_over(u: Array, h: Array) -> Array:
    """u²/h, zero where u is."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        out: Array = np.where(u == 0.0, 0.0, u * u / h)
    return out


class Mixed:
    """What the gap asks of rows, of any fit with `value` (g,), Σ w ℓ at the intercepts given, and
    `rows`, a bound on what dual points cost; from its second argument on it need not be close."""

    value: Array
    rows: Callable[[Array, Any], Array]

    @property
    def left(self) -> Array:
        """Σ w [ℓ + ℓ* − uz]."""
        return self.rows(np.ones(self.value.shape), np.inf)

    def objective(self, ridge: Any) -> Any:
        """Σ w ℓ, and the ridge terms."""
        return self.value + 0.5 * ridge

    def scaled(self, s: Any, ridge: Any, most: Any) -> Any:
        """Σ w [ℓ + ℓ*(su′) − su′z] and the brackets of the ridge terms."""
        rest = 0.5 * (1 - s) ** 2 * ridge
        return self.rows(np.broadcast_to(s, self.value.shape), most - rest) + rest
