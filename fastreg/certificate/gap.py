"""The formulas of the certificate, in units near 1: arrays are (p,), or (p, d) for d points."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.penalties import L1, NonNegative

Array = np.ndarray


def relative_to(gap: Any, null: Any) -> Array:
    """gap/null, with 0/0 = 0."""
    gap, null = np.asarray(gap, float), np.asarray(null, float)
    return np.divide(gap, null, out=np.where(gap > 0, np.inf, 0.0), where=null > 0)


@dataclass(frozen=True, eq=False)
class Points:
    """What the formulas need; (p,) and a float for one point, (p, d) and (d,) for d."""

    c: Array
    beta: Array
    rho2: Any
    l2: Array
    value: Array  # p_j(θ_j)
    project: Callable[[Array], Array]  # onto the domain of p*


def duality_gap(
    correlation: Array, theta: Array, rho2: Any, l2: Array, penalty: Any
) -> tuple[Any, Any]:
    """(gap, P(θ)) from c = Xᵀ(w∘r)/M, θ and ρ² = Σ w r²/M: the stopping rule of solvers.

    All of (p,) and floats, or of (p, d) and (d,) for d points.
    """
    value = penalty_value(penalty, theta)
    project = functools.partial(dual_projection, penalty)
    return gap_and_objective(Points(correlation, theta, rho2, l2, value, project))


def gap_and_objective(points: Points) -> tuple[Any, Any]:
    """(gap, objective); the formulas stand at the head of the package."""
    l2, theta, value = points.l2, points.beta, points.value
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ridge = l2 * theta
        square = points.rho2 + (ridge * theta).sum(axis=0)
        shifted = points.c - ridge
        s = _largest_scale(points.project, shifted)
        rescaled = 0.5 * (1 - s) ** 2 * square + (value - s * shifted * theta).sum(axis=0)
        inside = points.project(points.c)
        excess = points.c - inside
        bent = (ridge - excess) ** 2 / (2 * l2)
        mismatch = np.where(l2 > 0, bent, np.where(excess, np.inf, 0))
        conjugated = (mismatch + value - inside * theta).sum(axis=0)
    # Not np.minimum: where one formula has no value, the other counts.
    gap = np.where(conjugated < rescaled, conjugated, rescaled)
    return np.where(gap < 0.0, 0.0, gap)[()], (0.5 * square + value.sum(axis=0))[()]


def projection_in_units(penalty: Any, scale: Array, unit: float) -> Callable[[Array], Array]:
    """`dual_projection` of the user's penalty for u of the scaled problem.

    Its own arithmetic, not the solver's `rescale`: an error there must not certify itself.
    """
    exponent = np.frexp(scale)[1] - np.frexp(unit)[1]

    def project(u: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            own = np.ldexp(u, -exponent)
            inside = dual_projection(penalty, own)
            return np.where(inside == own, u, np.ldexp(inside, exponent))

    return project


@functools.singledispatch
def penalty_value(penalty: Any, theta: Array) -> Array:
    """p_j(θ_j), which must be positively homogeneous: p(tθ) = t·p(θ) for t > 0."""
    raise TypeError(f"no certificate is known for the penalty {type(penalty).__name__}")


@functools.singledispatch
def dual_projection(penalty: Any, u: Array) -> Array:
    """The point nearest to u_j in the domain of p_j*, on which p_j* = 0 (p is homogeneous)."""
    raise TypeError(f"no certificate is known for the penalty {type(penalty).__name__}")


@penalty_value.register
def _(penalty: L1, theta: Array) -> Array:
    return penalty.l1 * np.abs(theta)


@penalty_value.register
def _(penalty: NonNegative, theta: Array) -> Array:
    return np.where(theta >= 0, penalty.l1 * theta, np.inf)


@dual_projection.register
def _(penalty: L1, u: Array) -> Array:
    return np.clip(u, -penalty.l1, penalty.l1)


@dual_projection.register
def _(penalty: NonNegative, u: Array) -> Array:
    return np.minimum(u, penalty.l1)


def _largest_scale(project: Callable[[Array], Array], u: Array) -> Any:
    """The largest s ≤ 1 with s·u in the domain of p*, of each point."""
    inside = project(u)
    ratio = np.divide(inside, u, out=np.ones(u.shape), where=inside != u)
    return ratio.min(axis=0, initial=1.0)


def kkt_residual(points: Points, length: Array, most: float) -> Any:
    """max_j dist(c_j − l2_j θ_j, ∂p_j(θ_j))/‖x_j‖, over max_j │c⁰_j│/‖x_j‖ of the null model."""
    u = points.c - points.l2 * points.beta
    moved = points.beta != 0
    slope = np.divide(points.value, points.beta, out=np.zeros(u.shape), where=moved)  # homogeneous
    distance = np.abs(u - np.where(moved, slope, points.project(u)))
    worst = np.max(distance / length, axis=0, initial=0.0)
    return worst / most if most > 0 else 0.0 * worst
