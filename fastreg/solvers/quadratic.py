"""The inner problem on a Gram matrix: ½ bᵀ(G + diag l2) b − cᵀb + p(b).

Coordinate descent finds the support, then a Newton step on it, by Cholesky, finds the
minimum to working precision; the two alternate until the duality gap is small enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from fastreg import kernels
from fastreg.certificate import duality_gap

Array = np.ndarray
_EPOCHS = 4  # of coordinate descent between two Newton steps
_TINY = 64 * float(np.finfo(np.float64).eps)
_SINGULAR = 1e-13  # of a matrix with unit diagonal: a pivot or eigenvalue that is rounding


@dataclass
class Quadratic:
    """The problem and its current point; `gradient` is Gb − c + l2∘b throughout."""

    gram: Array  # (n, n)
    l2: Array  # (n,)
    penalty: Any
    beta: Array  # (n,)
    gradient: Array  # (n,)
    rho2: float  # Σ w r²/M at beta

    def gap(self) -> tuple[float, float]:
        """(duality gap, objective), both from the numbers at hand."""
        correlation = self.l2 * self.beta - self.gradient
        return duality_gap(correlation, self.beta, self.rho2, self.l2, self.penalty)

    def move(self, beta: Array, gradient: Array) -> None:
        """Go to `beta`; ρ² follows from the mean of both gradients of ½ρ²."""
        before = self.gradient - self.l2 * self.beta
        after = gradient - self.l2 * beta
        self.rho2 = max(self.rho2 + float((beta - self.beta) @ (before + after)), 0.0)
        self.beta, self.gradient = beta, gradient


def solve_quadratic(problem: Quadratic, target: float, max_epochs: int) -> int:
    """Descend until the gap is at most `target`, no progress is left, or epochs run out.

    Returns the epochs used; a phase of Newton steps counts as one.
    """
    used = 0
    best = np.inf
    stalled = 0
    while used < max_epochs:
        gap, objective = problem.gap()
        if gap <= target:
            break
        stalled = stalled + 1 if objective >= best - _TINY * abs(best) else 0
        if stalled >= 3:
            break
        best = min(best, objective)
        epochs = min(_EPOCHS, max_epochs - used)
        beta, gradient = problem.beta.copy(), problem.gradient.copy()
        kernels.coordinate_descent(
            problem.gram, gradient, beta, problem.l2, problem.penalty, epochs
        )
        problem.move(beta, gradient)
        used += epochs
        if used < max_epochs:
            _newton_phase(problem)
            used += 1
    return max(used, 1)


def _newton_phase(problem: Quadratic) -> None:
    """Newton steps until one is taken whole: each of the others drops a coefficient.

    A single step between epochs of descent is not enough on collinear columns: descent
    brings back the coefficient that the step has dropped (tecator: 1000 epochs to a gap of
    1e-3 instead of 55 to 1e-15).
    """
    while len(support := np.flatnonzero(problem.beta)) and _newton_step(problem, support):
        pass


def _newton_step(problem: Quadratic, support: Array) -> bool:
    """Minimise on the support, signs held; stop at the first sign change unless clipping
    every changed sign to zero does better. Whether the support shrank."""
    G = problem.gram[np.ix_(support, support)]
    l2, b = problem.l2[support], problem.beta[support]
    H = G + np.diag(l2)
    slope = problem.gradient[support] + kernels.slopes(problem.penalty, support, b)
    if not np.isfinite(slope).all():
        return False
    newton, flat = _directions(H, -slope)
    candidates = [b + newton, _without_flips(b, newton), _to_first_flip(b, newton)]
    if flat is not None:
        candidates.append(_to_first_flip(b, flat))
    changes = [_change(H, slope, b, candidate) for candidate in candidates]
    best = int(np.argmin(changes))
    if not changes[best] < 0.0:
        return False
    difference = candidates[best] - b
    beta, gradient = problem.beta.copy(), problem.gradient.copy()
    beta[support] = candidates[best]
    gradient += difference @ problem.gram[support]
    gradient[support] += l2 * difference
    problem.move(beta, gradient)
    return bool(np.any(candidates[best] == 0.0))


def _without_flips(b: Array, step: Array) -> Array:
    """b + step, with zero where the sign has changed."""
    return np.where((b + step) * b < 0.0, 0.0, b + step)


def _to_first_flip(b: Array, step: Array) -> Array:
    """b + t·step for the least t at which a coefficient is zero; b if none gets there."""
    towards = step * b < 0.0
    if not towards.any():
        return b
    lengths = np.where(towards, -b / np.where(towards, step, 1.0), np.inf)
    first = int(np.argmin(lengths))
    moved = b + lengths[first] * step
    moved[first] = 0.0
    return moved


def _change(H: Array, slope: Array, b: Array, candidate: Array) -> float:
    """Change of the objective from b to a candidate, plus what rounding may hide of it.

    Infinite where a sign changes: the slope there is another. The rounding counts: along a
    direction without curvature a "decrease" may be all noise, and its length astronomical.
    """
    if np.any(candidate * b < 0.0):
        return np.inf
    d = candidate - b
    size = np.abs(d)
    noise = _TINY * float(np.abs(slope) @ size + size @ (np.abs(H) @ size))
    return float(slope @ d + 0.5 * d @ (H @ d)) + noise


def _directions(H: Array, downhill: Array) -> tuple[Array, Array | None]:
    """(H⁺ downhill, the part of downhill along which H has no curvature, or None)."""
    diagonal = np.diag(H)
    inverse = np.divide(1.0, np.sqrt(np.abs(diagonal)), out=np.zeros(len(H)), where=diagonal > 0)
    unit = H * inverse * inverse[:, None]  # units do not decide what is singular
    try:
        factor = scipy.linalg.cho_factor(unit, lower=True)
        if np.diag(factor[0]).min() ** 2 > _SINGULAR:
            return inverse * scipy.linalg.cho_solve(factor, inverse * downhill), None
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(unit)
    slope = vectors.T @ (inverse * downhill)
    flat = values <= _SINGULAR * values[-1]
    newton = inverse * (vectors[:, ~flat] @ (slope[~flat] / values[~flat]))
    return newton, inverse * (vectors[:, flat] @ slope[flat])
