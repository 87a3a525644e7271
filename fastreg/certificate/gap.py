"""The formulas of the certificate, in units near 1: arrays are (p,), or (p, d) for d points."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg._jit import run_blocks
from fastreg.certificate.penalties import (
    dual_part,
    dual_projection,
    dual_value,
    nearest_subgradient,
    penalty_value,
)

Array = np.ndarray
_LITTLE = 1 << 16  # entries: each of some forty loops over them takes 50 us
CERTAIN = 1e-6  # relative error of a mean squared error that is not told


def relative_to(gap: Any, null: Any) -> Array:
    """gap/null, with 0/0 = 0; what is no number, over nothing, is ∞."""
    gap, null = np.asarray(gap, float), np.asarray(null, float)
    return np.divide(gap, null, out=np.where(gap <= 0, 0.0, np.inf), where=null > 0)


@dataclass(frozen=True, eq=False)
class SquaredFit:
    """The squared loss at points whose rows are not at hand, ρ² = Σ w r²/M, u = −r."""

    rho2: Any
    left = 0.0  # Σ w [ℓ + ℓ* − uz]/M

    def objective(self, ridge: Any) -> Any:
        """Σ w ℓ/M + ridge/2."""
        return 0.5 * (self.rho2 + ridge)

    def scaled(self, s: Any, ridge: Any, most: Any) -> Any:
        """The brackets Σ w [ℓ + ℓ* − uz]/M of su, and those of the ridge terms; from `most` (d,)
        on it does not matter how large they are."""
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
    own, back = _units(np.frexp(scale)[1] - np.frexp(unit)[1])
    with np.errstate(over="ignore", under="ignore"):
        own_l2 = np.ldexp(l2, np.frexp(unit)[1] - 2 * np.frexp(scale)[1] + 1)
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


def _units(exponent: Any) -> tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]:
    """Two functions: u in the penalty's units; and v, which is in those, back in units of u, with
    the bits of u where v is equal to it."""
    if not np.any(exponent):
        return (lambda u: u), (lambda v, u: v)

    def own(u: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(u, -exponent)

    def back(v: Array, u: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            return np.where(v == own(u), u, np.ldexp(v, exponent))

    return own, back


def gap_and_objective(*parts: Points) -> tuple[Any, Any]:
    """(gap, objective) of points whose features stand in one part or in several; the formulas stand
    at the head of the package."""
    fit, few = parts[0].fit, few_of(sum(part.beta.size for part in parts))
    s = np.minimum.reduce(mapped(_scale, parts, few))
    sums = mapped(lambda part: _sums(part, s), parts, few)
    square, value, conjugated, rest = sum(sums[1:], sums[0])
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(conjugated).any():
            conjugated = conjugated + fit.left
        rescaled = fit.scaled(s, square, conjugated - rest) + rest
    # Not np.minimum: where one formula has no value, the other counts.
    gap = np.where(conjugated < rescaled, conjugated, rescaled)
    objective = fit.objective(square) + value
    return np.where(gap < 0.0, 0.0, gap)[()], objective[()]


def mapped(work: Callable[[Any], Any], parts: Sequence[Any], few: int = 1) -> list[Any]:
    """What `work` makes of each, on all threads where there are more than a `few`."""
    out: list[Any] = [None] * len(parts)

    def run(first: int, last: int) -> None:
        for k in range(first, last):
            out[k] = work(parts[k])

    if len(parts) <= few:
        run(0, len(parts))
    else:
        run_blocks(run, len(parts), step=1)
    return out


def few_of(entries: int) -> int:
    """Of how many parts so many entries are that waking a thread would take longer."""
    return 1 << 30 if entries <= _LITTLE else 1


def _scale(points: Points) -> Any:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return _largest_scale(points.project, points.c - points.l2 * points.beta)


def _sums(points: Points, s: Any) -> Array:
    """Sums over features, (4,) or (4, d): of l2 θ², of p, and of the brackets of both formulas."""
    l2, theta, value = points.l2, points.beta, points.value
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ridge = l2 * theta
        inside = points.split(points.c)
        excess = points.c - inside
        bent = (ridge - excess) ** 2 / (2 * l2)
        mismatch = np.where(l2 > 0, bent, np.where(excess, np.inf, 0))
        conjugated = mismatch + value + points.conjugate(inside) - inside * theta
        shifted = points.c - ridge
        rescaled = value + points.conjugate(s * shifted) - s * shifted * theta
        each = (ridge * theta, value, conjugated, rescaled)
        return np.stack([terms.sum(axis=0) for terms in each])


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
