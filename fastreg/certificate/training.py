"""How far training fits are from their minima, and what that does to the errors of test rows.

A training fit minimises P(θ) = ½‖r‖²_w + ½ Σ l2 θ² + p(θ) over the rows of a training set. With g
the shortest subgradient at θ, H = VᵀWV + diag l2 and T the second moments of the test rows about
the training means,

    ‖θ − θ*‖_H ≤ ε = ‖g‖_{H⁻¹}                  P is strongly convex in the norm of H
    |mse − mse*| ≤ 2 √mse τε + (τε)²,           τ² = tr(H⁻¹T)

Coordinates are left out that are zero and farther inside of their subdifferential than ‖v_j‖ε: the
minimum without them has c_j inside still, and is that of all (as the gap-safe sphere of Fercoq,
Gramfort & Salmon, ICML 2015, has it with √(2 gap)). A `doubt` is by how much rounding may have
changed c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg

from fastreg import _factor
from fastreg.certificate.gap import CERTAIN, Points, gap_and_objective

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_ROUNDING = 8 * _EPS  # of a second moment, in terms of its columns
_ILL = 1e-11  # reciprocal condition of a Gram matrix below which it is not factorised
_SAFE = 3.0  # by which LAPACK's estimate of a norm may be too small
_SHARP = 256  # columns up to which ε and τ are not first bounded by eigenvalues alone
_ROUNDS = 6  # of columns that may be used, and the bound that they give
_WORK = 3e10  # multiplications on one fold: half a second


class Slopes(NamedTuple):
    """Of K fits on p columns: g and by how much it may be wrong (p, K), how far c may move until a
    coefficient that is zero need not be (p, K), -1 for the others, and lengths (p,)."""

    g: Array
    doubt: Array
    slack: Array
    lengths: Array

    def used(self, radius: Array | float) -> Array:
        """(p, K) bool: which may be used where residuals move by as much."""
        return self.slack <= self.lengths[:, None] * radius


def gaps(points: Points, doubt: Array, lengths: Array, blur: Array | float = 0.0) -> Array:
    """(K,): duality gaps from the second computation of c, ρ² and the penalty, `points`, in its
    units.

    Parameters
    ----------
    doubt : (p, K), by how much c may be wrong
    lengths : (p,), of the columns of V
    blur : (K,), root mean square of the rounding of residuals: of c, it is up to ‖v_j‖ times that,
        and of ε no more than itself, as V H^−½ is no longer than 1
    """
    whole = doubt + lengths[:, None] * blur
    gap = gap_and_objective(points.at(points.c + np.copysign(whole, points.c)))[0]
    out: Array = gap + 2.0 * (whole * np.abs(points.beta)).sum(axis=0)
    return out


def slopes(points: Points, doubt: Array, lengths: Array, blur: Array | float = 0.0) -> Slopes:
    """From what `gaps` takes."""
    u, active = points.c - points.l2 * points.beta, points.beta != 0.0
    pushed = u + np.copysign(doubt, u)
    g = u - points.nearest(u)
    inside = np.maximum(np.abs(pushed - points.nearest(pushed)) - np.abs(g), 0.0)
    most, least = (points.nearest(np.full(u.shape, end)) for end in (np.inf, -np.inf))
    slack = np.minimum(most - u, u - least) - (doubt + lengths[:, None] * blur)
    slack[np.broadcast_to(lengths[:, None] == 0.0, slack.shape)] = np.inf  # nothing to be used for
    slack[active] = -1.0
    return Slopes(g, np.where(active, doubt, inside), slack, lengths)


class Root(NamedTuple):
    """H = L Lᵀ on some columns, and a lower bound of its least eigenvalue."""

    L: Array
    least: float

    def bounds(
        self, g: Array, doubt: Array, test: Spread, blur: Array | float, *, sharp: bool
    ) -> tuple[Array, Array]:
        """ε and τε, (K,) each, of g (p, K) and what it may be off by, whatever the signs; from
        eigenvalues alone unless `sharp`."""
        if not sharp:
            epsilon = _norms(np.abs(g) + doubt) / np.sqrt(self.least) + blur
            return epsilon, float(test.length / np.sqrt(self.least)) * epsilon
        inverse = _factor.solve_triangular(self.L, np.eye(len(self.L)), lower=True)
        epsilon = _norms(inverse @ g) + _norms(np.abs(inverse) @ doubt) + blur
        return epsilon, test.tau(inverse) * epsilon


class Spread(NamedTuple):
    """Second moments of the test rows: T (p, p), or a triangle R with RᵀR = T, whose rounding an
    inverse of 1e20 does not turn into more than T is."""

    T: Array | None
    R: Array | None = None

    @property
    def length(self) -> float:
        """√tr T"""
        if self.R is not None:
            return float(np.linalg.norm(self.R))
        assert self.T is not None
        return float(np.sqrt(np.trace(self.T)))

    def tau(self, inverse: Array) -> float:
        """√tr(H⁻¹T) of H⁻¹ = inverseᵀ inverse, rounding of the moments included."""
        if self.R is not None:
            sizes = np.sqrt((self.R * self.R).sum(axis=0))
            lost = _ROUNDING * np.linalg.norm(np.abs(inverse) @ sizes) * np.sqrt(len(sizes))
            return float(np.linalg.norm(inverse @ self.R.T) + lost)
        assert self.T is not None
        square = float(((inverse @ self.T) * inverse).sum())
        lost = _ROUNDING * ((np.abs(inverse) @ np.sqrt(np.diag(self.T))) ** 2).sum()
        return float(np.sqrt(max(square, 0.0) + lost))


def _norms(A: Array) -> Array:
    """Of the columns."""
    out: Array = np.sqrt((A * A).sum(axis=0))
    return out


class Shape(NamedTuple):
    """Second moments on p columns: G (p, p) and T (p, p) of training and test rows, l2 (p, K) or
    (p, 1), and triangles for some columns with RᵀR = G and RᵀR = T there, where rows are at
    hand."""

    G: Array
    T: Array
    l2: Array
    rows: Callable[[Array], tuple[Array, Array]] | None = None

    def on(self, U: Array, k: int, *, from_rows: bool) -> tuple[Root | None, Spread]:
        """H at point k, if rounding leaves it regular, and the test rows."""
        l2 = self.l2[U, k if self.l2.shape[1] > 1 else 0]
        if from_rows:
            assert self.rows is not None
            train, test = self.rows(U)
            stacked = np.vstack([train, np.diag(np.sqrt(l2))])
            return root_of_rows(_factor.triangular_factor(stacked)), Spread(None, test)
        H = self.G[np.ix_(U, U)]
        H[np.diag_indices_from(H)] += l2
        return root_of(H), Spread(self.T[np.ix_(U, U)])


class Distance(NamedTuple):
    """(K,) each: bounds of ε, and of the change of residuals τε."""

    epsilon: Array
    move: Array


def distance(found: Slopes, shape: Shape, blur: Array, enough: Array) -> Distance:
    """Of fits from their minima; bounds are sharpened until each move is `enough` (K,)."""
    p, K = found.g.shape
    out = Distance(np.full(K, np.inf), np.full(K, np.inf))
    least = shape._replace(l2=shape.l2.min(axis=1, keepdims=True))
    root, test = least.on(np.arange(p), 0, from_rows=False)
    if root is not None:
        for sharp in (True,) if p <= _SHARP else (False, True):
            bounds = root.bounds(found.g, found.doubt, test, blur, sharp=sharp)
            out = Distance(*(np.fmin(*pair) for pair in zip(out, bounds, strict=True)))
            if (out.move <= enough).all():
                return out
    for from_rows in (False, True) if shape.rows is not None else (False,):
        left = np.flatnonzero(~(out.move <= enough))
        if float((found.used(0.0)[:, left].sum(axis=0) ** 3.0).sum()) > _WORK:
            break
        for k in left:
            epsilon, move = _on_used(found, shape, blur, int(k), from_rows)
            out.epsilon[k], out.move[k] = min(out.epsilon[k], epsilon), min(out.move[k], move)
    return out


def distance_by_ridge(found: Slopes, l2: Array, trace: float, blur: Array) -> Distance:
    """From the least ridge term of each fit alone, l2 (K,), and tr T: H ≥ l2."""
    with np.errstate(divide="ignore", invalid="ignore"):
        epsilon = (_norms(found.g) + _norms(found.doubt)) / np.sqrt(l2) + blur
        move = epsilon * np.sqrt(trace / l2)
    return Distance(*(np.where(np.isnan(each), np.inf, each) for each in (epsilon, move)))


def _on_used(
    found: Slopes, shape: Shape, blur: Array, k: int, from_rows: bool
) -> tuple[float, float]:
    """The bounds on the columns that may be used at point k: those near enough to breakpoints for
    what the bound itself allows."""
    radius, one = 0.0, slice(k, k + 1)
    for _ in range(_ROUNDS):
        U = np.flatnonzero(found.slack[:, k] <= found.lengths * radius)
        if not len(U):
            return 0.0, 0.0
        root, test = shape.on(U, k, from_rows=from_rows)
        if root is None:
            return np.inf, np.inf
        g, doubt = found.g[U, one], found.doubt[U, one]
        epsilon, move = root.bounds(g, doubt, test, blur[one], sharp=True)
        if epsilon[0] <= radius:
            return float(epsilon[0]), float(move[0])
        radius = 4.0 * float(epsilon[0])
    return np.inf, np.inf


def root_of(H: Array) -> Root | None:
    """Of a symmetric H, which is overwritten; None where rounding may make it singular."""
    norm = float(np.abs(H).sum(axis=0).max(initial=0.0))
    L, fault = scipy.linalg.lapack.dpotrf(H.T, lower=1, clean=1, overwrite_a=1)
    if fault or not norm:
        return None if len(H) else Root(H, 1.0)
    return _trusted(L, norm, _ILL)


def root_of_rows(R: Array) -> Root | None:
    """Of H = RᵀR, R (p, p) upper triangular from rows: a condition of 1e15 is no obstacle."""
    signs = np.sign(np.diag(R))
    L = (R * np.where(signs == 0.0, 1.0, signs)[:, None]).T
    norm = float(np.abs(L @ L.T).sum(axis=0).max(initial=0.0))
    return _trusted(np.asfortranarray(L), norm, _EPS**2 * len(R) ** 2) if norm else None


def _trusted(L: Array, norm: float, ill: float) -> Root | None:
    reciprocal, _ = scipy.linalg.lapack.dpocon(L, norm, uplo="L")
    return Root(L, reciprocal * norm / _SAFE) if reciprocal > ill else None


def change_of_error(mse: Array, move: Array) -> Array:
    """By how much mean squared errors may differ where residuals do by `move`."""
    with np.errstate(invalid="ignore"):  # 0·∞: nothing is known
        out = 2.0 * np.sqrt(mse) * move + move * move
    return np.where(np.isnan(out) & ~np.isnan(mse), np.inf, out)


def enough_move(mse: Array, room: Array) -> Array:
    """The move of residuals that changes errors by `room`."""
    room = np.maximum(room, 0.0)
    out: Array = room / (2.0 * np.sqrt(mse) + np.sqrt(room) + 1e-300)
    return out


__all__ = [
    "CERTAIN",
    "Distance",
    "Root",
    "Shape",
    "Slopes",
    "change_of_error",
    "distance",
    "distance_by_ridge",
    "enough_move",
    "gaps",
    "root_of",
    "root_of_rows",
    "slopes",
]
