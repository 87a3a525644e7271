"""Folds of a ridge with more columns than rows, in as many columns as there are rows.

One rotation (`problems.rotated`) serves all folds. It stands for the kernel K = X̂ X̂ᵀ by ZZᵀ, and
what they differ by, E, is measured: ‖Ea‖ of random vectors a, X̂ read by the certificate's NumPy.
A fit has γ = Zᵀα at its minimum, α = −w∘u/(M s) of its slopes u, so that with β = X̂ᵀα,

    predictions   X'β = Zγ + Eα,   ‖Eα‖ ≤ ‖E‖ ‖α‖
    gap           that in Z and 2 s ‖E‖ ‖α‖² at most

The first counts as rounding of the deviances, the second as part of the gap. Where they are too
large, as beside a column of 1e8, the fold is fitted to X.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastreg.certificate import reads
from fastreg.certificate.losses import slope
from fastreg.certificate.reads import Data
from fastreg.design import Design, as_design
from fastreg.objectives import Objective
from fastreg.penalties import is_zero
from fastreg.problems.rotated import Rotation
from fastreg.problems.smooth import SmoothProblem, smooth

Array = np.ndarray
_PROBES = 8
_SURE = 10.0  # times the largest ‖Ea‖: all eight are below ‖E‖/10 once in 5e8 times at most


@dataclass(frozen=True, eq=False)
class WideRidge:
    """X : Design, (m, f + r), in place of (m, n); error : ‖E‖, at most."""

    X: Design
    rotation: Rotation
    problem: SmoothProblem
    error: float

    @classmethod
    def of(cls, X: Design, y: Array, objective: Objective) -> WideRidge | None:
        """None of what is no such ridge, or has rows of weight zero, which a kernel would read."""
        weights = objective.weights
        every = weights is None or bool((weights > 0.0).all())
        if not is_zero(objective.penalty) or X.shape[0] >= X.shape[1] or not every:
            return None
        problem = smooth(X, y, objective)
        if not problem.is_wide_ridge:
            return None
        rotation = Rotation.of(problem)
        if not rotation.columns.shape[1]:
            return None
        return cls(as_design(rotation.columns), rotation, problem, _error(rotation, problem))

    def lengths(self, y: Array, objective: Objective, gamma: Array, intercept: Array) -> Array:
        """‖α‖ of fits γ (f + r, K) to the rows that `objective` has weights for."""
        w, s = objective.weights, objective.strength
        assert w is not None and s is not None
        z = self.X.matrix @ gamma + intercept
        z = z if objective.offset is None else z + objective.offset[:, None]
        pull = np.where(w[:, None] > 0.0, w[:, None] * slope(objective.loss, z, y[:, None]), 0.0)
        out: Array = np.sqrt((pull * pull).sum(axis=0)) / (w.sum() * s)
        return out

    def maker(
        self, make: Callable[[Array | None, Array | None], Objective]
    ) -> Callable[[Array | None, Array | None], Objective]:
        """`make` in terms of γ."""
        return lambda weights, strengths: self.rotation.objective(make(weights, strengths))

    def back(self, gamma: Array, intercept: Array) -> tuple[Array, Array]:
        """coef (n, K), intercept (K,) of X."""
        coef, beside = self.problem.unscale(self.rotation.beta(gamma))
        return coef, intercept + beside


def _error(rotation: Rotation, problem: SmoothProblem) -> float:
    """‖X̂ X̂ᵀ − Z Zᵀ‖, at most: two reads of X."""
    (m, n), f = problem.X.shape, len(rotation.free)
    data = Data(
        problem.X, np.zeros((m, 1)), np.ones(m), *problem.columns.filled(n), problem.objective,
        np.zeros((n, _PROBES)), np.zeros(_PROBES), np.zeros(1), np.ones(1),
    )  # fmt: skip
    a = np.random.default_rng(0).standard_normal((m, _PROBES))
    along = reads.correlations_on(data, np.arange(n), a)
    square = rotation.square * problem.scale**2 / data.scale
    seen = reads.products(data, along * square[:, None])
    Z = rotation.columns[:, f:]
    off = seen - Z @ (Z.T @ a)
    return _SURE * float(np.sqrt((off * off).sum(axis=0)).max())
