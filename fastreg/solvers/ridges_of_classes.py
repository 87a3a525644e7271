"""Ridges of several classes: L-BFGS in a metric near the second derivative.

With S the mean of diag(p) − ppᵀ over the rows and G = X'ᵀ diag(w) X'/M,

    H ≈ S ⊗ G + I ⊗ diag(l2) = T⁻ᵀT⁻¹,   S = Q Σ Qᵀ,   diag(l2)^−½ G diag(l2)^−½ = U Λ Uᵀ
    T = (Q ⊗ diag(l2)^−½ U)(Σ ⊗ Λ + I)^−½

takes one matrix of n columns, where H takes one of K·n. In coordinates β = β₀ + Tz the second
derivative is near I: of 20 000 × 100 and four classes 21 steps lead to a gap of 1e-8, each of which
is one pass. scipy's L-BFGS makes them (Liu & Nocedal, Mathematical Programming 45, 1989).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import _factor
from fastreg.problems.coupled import CoupledProblem, spectrum_of
from fastreg.problems.views import Look
from fastreg.solvers.working_set import Progress

Array = np.ndarray
_WIDE = 1000  # columns from which G counts as diagonal: its eigenvalues take longer than steps
_ROUND = 60  # steps with the first metric: most fits end before (digits at C = 100: 124, not 246)
_MEMORY = 20  # steps that L-BFGS remembers
_SHARE = 0.25  # of the gap asked: what a certificate may find of it
_SAFE = 0.5  # by which a step of intercepts may move a prediction against another


class Axes:
    """diag(l2)^−½ and the eigenvalues of G beside it, at a strength of 1; U is None for I."""

    def __init__(self, problem: CoupledProblem) -> None:
        n = len(problem.base.scale)
        l2 = problem.base_ridge(0)[:n]
        self.root = 1.0 / np.sqrt(l2)
        every = np.arange(n)
        self.U: Array | None = None
        if n > _WIDE:
            lengths = problem.base.lengths
            self.values = np.ones(n) / l2 if lengths is None else lengths**2 / l2
        else:
            gram = problem.base.gram(every, every) * self.root * self.root[:, None]
            values, self.U = _factor.eigh(gram)
            self.values = np.maximum(values, 0.0)

    def along(self, B: Array) -> Array:
        """(K, n) ↦ B diag(l2)^−½ U."""
        scaled = B * self.root
        return scaled if self.U is None else scaled @ self.U

    def back(self, Z: Array) -> Array:
        """(K, n) ↦ Z Uᵀ diag(l2)^−½."""
        turned = Z if self.U is None else Z @ self.U.T
        out: Array = turned * self.root
        return out


@dataclass(frozen=True, eq=False)
class Metric:
    """T at a strength, and the same of intercepts, S^−½ across their sum."""

    base: Axes
    Q: Array
    D: Array  # (K, n) (Σ ⊗ Λ + I)^−½, over the root of the strength
    levels: Array  # (K, K − 1), or (K, 0) without intercepts

    @classmethod
    def of(cls, base: Axes, S: Array, strength: float, fit_intercept: bool) -> Metric:
        values, Q, kept = spectrum_of(S)
        D = 1.0 / np.sqrt(np.multiply.outer(values, base.values) + strength)
        levels = Q[:, kept] / np.sqrt(values[kept]) if fit_intercept else np.zeros((len(Q), 0))
        return cls(base, Q, D, levels)

    def step(self, z: Array) -> tuple[Array, Array]:
        """(β (K·n,), b (K,)) of z."""
        beta = self.base.back(self.Q @ (z[: self.D.size].reshape(self.D.shape) * self.D))
        return beta.reshape(-1), self.levels @ z[self.D.size :]

    def slope(self, gradient: Array, tilt: Array) -> Array:
        """Tᵀg."""
        along = self.base.along(self.Q.T @ gradient.reshape(self.D.shape)) * self.D
        return np.concatenate([along.reshape(-1), self.levels.T @ tilt])


class _Point:
    """P at one strength, in coordinates z, and what the slope at the last of them, `seen`, says of
    the gap."""

    def __init__(self, problem: CoupledProblem, metric: Metric, t: int, beta: Array, level: Array):
        self.problem, self.metric, self.start = problem, metric, (beta, level)
        self.l2 = problem.base_ridge(0) * problem.strength(t)
        self.every, self.gap, self.near = np.arange(len(beta)), np.inf, np.inf
        self.tilt = np.zeros(len(level))  # ∂P/∂b
        self.seen = np.full(1, np.nan)
        self.null = problem.null(t)

    def at(self, z: Array) -> tuple[Array, Array]:
        moved, up = self.metric.step(z)
        return self.start[0] + moved, self.start[1] + up

    def __call__(self, z: Array) -> tuple[float, Array]:
        self.seen = z.copy()
        beta, level = self.at(z)
        look: Look = self.problem.look(self.every, beta[:, None], level[:, None])
        g = look.gradient[:, 0] + self.l2 * beta
        self.tilt = look.slope[:, 0]
        slope = self.metric.slope(g, self.tilt)
        self.near = 0.5 * float(slope @ slope) / self.null
        self.gap = _brackets(g, self.l2) / self.null
        return float(look.value[0]) + 0.5 * float(self.l2 @ (beta * beta)), slope

    def settled(self) -> tuple[Array, Array, Array]:
        """β, b and S at the last z. A certificate pays for the slopes by intercepts: a step of
        Newton leaves their squares. Where it moves no prediction by more than `_SAFE` against
        another, S changes by e^½ at most, and P falls; a longer one is cut."""
        beta, level = self.at(self.seen)
        S = self.problem.spread(beta, level)
        if self.problem.objective.fit_intercept:
            values, Q, kept = spectrum_of(S)
            step = Q[:, kept] @ ((Q[:, kept].T @ self.tilt) / values[kept])
            reach = float(np.ptp(step))
            level = level - step * min(1.0, _SAFE / max(reach, _SAFE))
        return beta, level, S

    def is_near(self, tol: float) -> bool:
        return self.near <= tol * tol and self.gap <= _SHARE * tol


def solve(
    problem: CoupledProblem, betas: Array, levels: Array, tol: float, max_iter: int,
    progress: Progress | None,
) -> tuple[int, list[int]]:  # fmt: skip
    """Fill β (K·n, k) and b (K, k), which hold starts, zero for the point before; (the most steps,
    points that are not at their ends).

    The end is where ½‖Tᵀg‖², which is near the gap, is tol² of the null model's loss, and what the
    certificate would say, Σ g²/(2 l2), is a share of tol. Rounding may come before.
    """
    base, most, missed, k = Axes(problem), 0, [], betas.shape[1]
    for t in range(k):
        if t == 0 or betas[:, t].any():
            beta, level = betas[:, t].copy(), levels[:, t].copy()
            S = problem.spread(beta, level)
        steps, is_near = 0, False
        for count in _rounds(max_iter):
            metric = Metric.of(base, S, problem.strength(t), bool(problem.objective.fit_intercept))
            point = _Point(problem, metric, t, beta, level)
            made = _descend(point, tol, count)
            beta, level, S = point.settled()
            steps, is_near = steps + made, point.is_near(tol)
            if is_near or made < count:
                break
        betas[:, t], levels[:, t] = beta, level
        most = max(most, steps)
        if not is_near:
            missed.append(t)
        if progress is not None:
            progress(t + 1, k)
    return most, missed


def left(problem: CoupledProblem, betas: Array, levels: Array, some: list[int]) -> Array:
    """Σ g²/(2 l2) over the null model's loss at some points, and what slopes by b may gain: about
    what a certificate finds there."""
    every = np.arange(len(betas))
    look = problem.look(every, betas[:, some], levels[:, some])
    out = np.zeros(len(some))
    for k, t in enumerate(some):
        l2 = problem.base_ridge(0) * problem.strength(t)
        g = look.gradient[:, k] + l2 * betas[:, t]
        tilt = np.abs(look.slope[:, k]).max() if problem.objective.fit_intercept else 0.0
        out[k] = (_brackets(g, l2) + tilt) / problem.null(t)
    return np.where(np.isnan(out), np.inf, out)


def _brackets(g: Array, l2: Array) -> float:
    """Σ g²/(2 l2): what a certificate finds of slopes g that are left."""
    with np.errstate(over="ignore", invalid="ignore"):
        return 0.5 * float((g * g / l2).sum())


def _rounds(steps: int) -> Iterator[int]:
    """Steps from one metric to the next, each twice as many as the last, so many in sum."""
    count = _ROUND
    while steps > 0:
        yield min(count, steps)
        steps, count = steps - count, 2 * count


def _descend(point: _Point, tol: float, steps: int) -> int:
    """L-BFGS from z = 0; the steps made."""
    import scipy.optimize  # slow to import

    def look(intermediate_result: Any) -> None:
        if point.is_near(tol):
            raise StopIteration

    metric = point.metric
    options = {"maxiter": steps, "maxcor": _MEMORY, "ftol": 0.0, "gtol": 0.0, "maxfun": 10 * steps}
    found: Any = scipy.optimize.minimize(
        point, np.zeros(metric.D.size + metric.levels.shape[1]), jac=True, method="L-BFGS-B",
        callback=look, options=options,
    )  # fmt: skip
    if not np.array_equal(point.seen, found.x):  # of a line search that found nothing
        point(found.x)
    return int(found.nit)
