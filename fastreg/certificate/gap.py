"""The formulas of the certificate, in units near 1: arrays are (p,), or (p, d) for d points."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.certificate.penalties import (
    dual_part,
    dual_projection,
    dual_value,
    nearest_subgradient,
    penalty_value,
)

Array = np.ndarray
CERTAIN = 1e-6  # relative error of a mean squared error that is not told


def relative_to(gap: Any, null: Any) -> Array:
    """gap/null, with 0/0 = 0."""
    gap, null = np.asarray(gap, float), np.asarray(null, float)
    return np.divide(gap, null, out=np.where(gap > 0, np.inf, 0.0), where=null > 0)


@dataclass(frozen=True, eq=False)
class SquaredFit:
    """The squared loss at points whose rows are not at hand, ρ² = Σ w r²/M, u = −r."""

    rho2: Any
    left = 0.0  # Σ w [ℓ + ℓ* − uz]/M

    def objective(self, ridge: Any) -> Any:
        """Σ w ℓ/M + ridge/2."""
        return 0.5 * (self.rho2 + ridge)

    def scaled(self, s: Any, ridge: Any) -> Any:
        """The brackets Σ w [ℓ + ℓ* − uz]/M of su, and those of the ridge terms."""
        return 0.5 * (1 - s) ** 2 * (self.rho2 + ridge)


@dataclass(frozen=True, eq=False)
class Points:
    """What the formulas need; (p,) and a float for one point, (p, d) and (d,) for d."""

    c: Array
    beta: Array
    fit: Any  # what rows say: `SquaredFit`, or what has its methods
    l2: Array
    value: Array  # p_j(θ_j)
    project: Callable[[Array], Array]  # onto the domain of p*
    split: Callable[[Array], Array]  # u ↦ the k of h*(u), see `dual_part`
    conjugate: Callable[[Array], Any]  # p* on its domain
    nearest: Callable[[Array], Array]  # to u, of the subgradients of p at θ

    def at(self, c: Array) -> Points:
        """With other correlations."""
        return dataclasses.replace(self, c=c)


def duality_gap(
    correlation: Array, theta: Array, rho2: Any, l2: Array, penalty: Any
) -> tuple[Any, Any]:
    """(gap, P(θ)) from c = Xᵀ(w∘r)/M, θ and ρ² = Σ w r²/M: the stopping rule of solvers.

    All of (p,) and floats, or of (p, d) and (d,) for d points.
    """
    fit = SquaredFit(rho2)
    return gap_and_objective(points_of(penalty, correlation, theta, theta, fit, l2))


def points_of(
    penalty: Any,
    c: Array,
    beta: Array,
    theta: Array,
    fit: Any,
    l2: Array,
    scale: Any = 1.0,
    unit: float = 1.0,
) -> Points:
    """`Points` in units of their own, β = θ/(scale·unit), P divided by unit², powers of two; the
    penalty is that of θ/unit.

    Its own arithmetic, not the solver's `rescale`: an error there must not certify itself.
    """
    exponent = np.frexp(scale)[1] - np.frexp(unit)[1]

    def own(u: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(u, -exponent)

    with np.errstate(over="ignore", under="ignore"):
        own_l2 = np.ldexp(l2, np.frexp(unit)[1] - 2 * np.frexp(scale)[1] + 1)

    def back(v: Array, u: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            return np.where(v == own(u), u, np.ldexp(v, exponent))

    return Points(
        c=c,
        beta=beta,
        fit=fit,
        l2=l2,
        value=penalty_value(penalty, theta / unit) / unit,
        project=lambda u: back(dual_projection(penalty, own(u)), u),
        split=lambda u: back(dual_part(penalty, own(u), own_l2), u),
        conjugate=lambda u: dual_value(penalty, own(u)) / unit,
        nearest=lambda u: back(nearest_subgradient(penalty, theta / unit, own(u)), u),
    )


def gap_and_objective(points: Points) -> tuple[Any, Any]:
    """(gap, objective); the formulas stand at the head of the package."""
    l2, theta, value = points.l2, points.beta, points.value
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ridge = l2 * theta
        square = (ridge * theta).sum(axis=0)
        shifted = points.c - ridge
        s = _largest_scale(points.project, shifted)
        brackets = value + points.conjugate(s * shifted) - s * shifted * theta
        rescaled = points.fit.scaled(s, square) + brackets.sum(axis=0)
        inside = points.split(points.c)
        excess = points.c - inside
        bent = (ridge - excess) ** 2 / (2 * l2)
        mismatch = np.where(l2 > 0, bent, np.where(excess, np.inf, 0))
        brackets = mismatch + value + points.conjugate(inside) - inside * theta
        conjugated = brackets.sum(axis=0)
        if np.isfinite(conjugated).any():
            conjugated = conjugated + points.fit.left
    # Not np.minimum: where one formula has no value, the other counts.
    gap = np.where(conjugated < rescaled, conjugated, rescaled)
    objective = points.fit.objective(square) + value.sum(axis=0)
    return np.where(gap < 0.0, 0.0, gap)[()], objective[()]


def _largest_scale(project: Callable[[Array], Array], u: Array) -> Any:
    """The largest s ≤ 1 with s·u in the domain of p*, of each point."""
    inside = project(u)
    ratio = np.divide(inside, u, out=np.ones(u.shape), where=inside != u)
    return ratio.min(axis=0, initial=1.0)


def kkt_residual(points: Points, length: Array, most: float) -> Any:
    """max_j dist(c_j − l2_j θ_j, ∂p_j(θ_j))/‖x_j‖, over max_j │c⁰_j│/‖x_j‖ of the null model."""
    u = points.c - points.l2 * points.beta
    worst = np.max(np.abs(u - points.nearest(u)) / length, axis=0, initial=0.0)
    return worst / most if most > 0 else 0.0 * worst
