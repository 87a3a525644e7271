"""Losses of the referee: what a duality gap needs of each, in plain NumPy.

Each has these methods, with the masses of the brackets that the head of `gaps` explains:

    masses(z, y)           μ, one or two arrays; all else follows from them
    slope(masses, y)       u = ℓ′(z)
    centred(masses, y, v)  ũ, near u, with Σ v·ũ = 0, in the domain of ℓ*
    divergence(masses, δ)  ℓ(z) + ℓ*(u + δ) − (u + δ)·z
    intercept(z, y, v)     the best b
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import xlog1py

Array = np.ndarray
STEPS = 100  # of Newton's method, at most; a few are enough
CLOSE = 1e-9  # a step as short as that, beside the root, is the last: the next would be its square
ROOM = 1 + 1e-12  # of bounds, for their rounding


class Logistic:
    """log(1 + e^z) − y·z; the masses are those of both classes, and sum to one."""

    def masses(self, z: Array, y: Array) -> tuple[Array, ...]:
        small = np.exp(-np.abs(z))
        large = 1 / (1 + small)
        small *= large
        return np.where(z > 0, large, small), np.where(z > 0, small, large)

    def slope(self, masses: tuple[Array, ...], y: Array) -> Array:
        """u = σ(z) − y, without cancellation."""
        return (1 - y) * masses[0] - y * masses[1]

    def centred(self, masses: tuple[Array, ...], y: Array, v: Array) -> Array:
        """ũ at s = 1: the class with too much of a mass loses a share of it."""
        u = self.slope(masses, y)
        excess = v @ u
        if excess > 0:
            return u - excess / (v @ masses[0]) * masses[0]
        return u - excess / (v @ masses[1]) * masses[1]

    def divergence(self, masses: tuple[Array, ...], delta: Array) -> Array:
        return divergence(masses[0], delta) + divergence(masses[1], -delta)

    def intercept(self, z: Array, y: Array, v: Array) -> float:
        """b with Σ v·σ(z + b) = Σ v·y: Newton's method between bounds."""
        mean = v @ y
        odds = np.log(mean / (1 - mean))
        low, high = odds - z.max(), odds - z.min()
        b = odds - v @ z
        for _ in range(100):
            p = 1 / (1 + np.exp(-(z + b)))
            excess = v @ p - mean
            low, high = (low, b) if excess > 0 else (b, high)
            step = excess / (v @ (p * (1 - p)))
            old, b = b, b - step
            if not low <= b <= high:
                b = (low + high) / 2
            if not abs(b - old) > 1e-14 * max(1.0, abs(b)):
                break
        return float(b)


class Poisson:
    """e^z − y·z; the mass is the mean."""

    def masses(self, z: Array, y: Array) -> tuple[Array, ...]:
        return (np.exp(z),)

    def slope(self, masses: tuple[Array, ...], y: Array) -> Array:
        return masses[0] - y

    def centred(self, masses: tuple[Array, ...], y: Array, v: Array) -> Array:
        """ũ at s = 1: means in total as large as the counts."""
        u = self.slope(masses, y)
        return u - (v @ u) / (v @ masses[0]) * masses[0]

    def divergence(self, masses: tuple[Array, ...], delta: Array) -> Array:
        return divergence(masses[0], delta)

    def intercept(self, z: Array, y: Array, v: Array) -> float:
        """b with Σ v·exp(z + b) = Σ v·y."""
        top = z.max()
        return float(np.log(v @ y) - top - np.log(v @ np.exp(z - top)))


class Gamma:
    """z + y·e^−z; the mass is y·e^−z = 1 − u.

    ℓ*(u) = v·log(v/y) − v with v = 1 − u, so that the bracket at u + δ is the divergence of the
    mass where δ is taken off it.
    """

    def masses(self, z: Array, y: Array) -> tuple[Array, ...]:
        return (y * np.exp(-z),)

    def slope(self, masses: tuple[Array, ...], y: Array) -> Array:
        return 1 - masses[0]

    def centred(self, masses: tuple[Array, ...], y: Array, v: Array) -> Array:
        """ũ at s = 1: masses of mean one."""
        u = self.slope(masses, y)
        return u - (v @ u) / (v @ masses[0]) * masses[0]

    def divergence(self, masses: tuple[Array, ...], delta: Array) -> Array:
        return divergence(masses[0], -delta)

    def intercept(self, z: Array, y: Array, v: Array) -> float:
        """b with Σ v·y·exp(−z − b) = 1."""
        low = z.min()
        return float(np.log(v @ (y * np.exp(low - z))) - low)


class Tweedie:
    """μ^d/d + y·μ^−e/e with μ = e^z, d = 2 − p, e = p − 1; the masses are A = μ^d and B = y·μ^−e.

    ℓ* has no closed form. At u + δ the supremum is at z + t, where μ^(2−p) − y·μ^(1−p) = u + δ:

        A·(e^(d·t) − 1) − B·(e^(−e·t) − 1) = δ

    and the bracket is A·φ(e^(d·t) − 1)/d + B·φ(e^(−e·t) − 1)/e, without a difference.

    power : p, between 1 and 2
    """

    def __init__(self, power: float):
        self.up, self.down = 2 - power, power - 1

    def masses(self, z: Array, y: Array) -> tuple[Array, ...]:
        return np.exp(self.up * z), y * np.exp(-self.down * z)

    def slope(self, masses: tuple[Array, ...], y: Array) -> Array:
        return masses[0] - masses[1]

    def centred(self, masses: tuple[Array, ...], y: Array, v: Array) -> Array:
        """ũ at s = 1: a share of A, which leaves ũ ≥ 0 where y = 0."""
        u = self.slope(masses, y)
        return u - (v @ u) / (v @ masses[0]) * masses[0]

    def divergence(self, masses: tuple[Array, ...], delta: Array) -> Array:
        A, B = masses
        t = self.root(A, B, delta)
        first = divergence(A, A * np.expm1(self.up * t)) / self.up
        with np.errstate(all="ignore"):  # 0/0 where y = 0
            second = divergence(B, B * np.expm1(-self.down * t)) / self.down
        return first + np.where(B > 0, second, 0.0)

    def root(self, A: Array, B: Array, delta: Array) -> Array:
        """t (m,), by Newton's method between bounds: each term alone bounds it from one side."""
        d, e = self.up, self.down
        with np.errstate(all="ignore"):  # where y = 0: B = 0, and A alone has the answer
            alone = np.log1p(np.maximum(delta / A, -1.0)) / d
            other = np.where(B > 0, -np.log1p(-np.minimum(delta, 0.0) / B) / e, alone)
            low = np.where(delta < 0, ROOM * np.maximum(alone, other), 0.0)
            high = ROOM * np.maximum(alone, 0.0)
            t = np.clip(delta / (d * A + e * B), low, high)
            for _ in range(STEPS):
                up, down = A * np.expm1(d * t), B * np.expm1(-e * t)
                excess = up - down - delta
                low, high = np.where(excess > 0, low, t), np.where(excess > 0, t, high)
                new = t - excess / (d * (A + up) + e * (B + down))
                new = np.where((new >= low) & (new <= high), new, (low + high) / 2)
                near, t = np.abs(new - t) <= CLOSE * np.abs(new), new
                if np.all(near | (B == 0)):
                    break
        return np.where(B > 0, t, alone)

    def intercept(self, z: Array, y: Array, v: Array) -> float:
        """e^b = Σ v·B/Σ v·A."""
        d, e, low, top = self.up, self.down, z.min(), z.max()
        B, A = v @ (y * np.exp(e * (low - z))), v @ np.exp(d * (z - top))
        return float(np.log(B) - e * low - np.log(A) - d * top)


LOSSES: dict[str, Any] = {
    "logistic": Logistic(),
    "poisson": Poisson(),
    "gamma": Gamma(),
    "tweedie": Tweedie(1.5),
}


def divergence(mass: Array, delta: Array) -> Array:
    """μ·φ(δ/μ); a share of −1 is the least there is."""
    share = np.maximum(delta / mass, -1.0)
    return mass * (xlog1py(1 + share, share) - share)
