"""The multinomial loss: paths of tangents, and for large ridges L-BFGS on the pass.

A ridge with more columns than rows is fitted in as many columns as there are rows. One whose K·n
coefficients have no room for a matrix of their products goes by scipy's L-BFGS (Liu & Nocedal,
Mathematical Programming 45, 1989), whose every step is one pass.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fastreg.design import as_design
from fastreg.problems.coupled import CoupledProblem, coupled
from fastreg.problems.rotated import Rotation
from fastreg.solvers import tangents
from fastreg.solvers.working_set import Progress

Array = np.ndarray
_WIDE = 512  # columns that are as fast without a rotation
_LARGE = 3000  # coefficients of a ridge from which a matrix of their products takes longer
_MEMORY = 20  # steps that L-BFGS remembers
_STEEP = 1e-3  # of √gap: the slope at which L-BFGS ends


def minimise(
    problem: CoupledProblem, betas: Array, levels: Array, tol: float, max_iter: int, *,
    points: Array | None = None, progress: Progress | None = None,
) -> tuple[int, str]:  # fmt: skip
    """`tangents.solve`, or what is quicker for a ridge; (the most steps of a point, its name)."""
    if problem.is_ridge:
        (m, n), K = problem.base.X.shape, problem.n_classes
        if n > max(m, _WIDE):
            return _rotated(problem, betas, levels, tol, max_iter, progress)
        if n * K > _LARGE:
            return _by_slopes(problem, betas, levels, tol, max_iter, points), "L-BFGS"
    steps = tangents.solve(problem, betas, levels, tol, max_iter, points=points, progress=progress)
    return steps, "Newton" if problem.is_ridge else "proximal Newton"


def _rotated(
    problem: CoupledProblem, betas: Array, levels: Array, tol: float, max_iter: int,
    progress: Progress | None,
) -> tuple[int, str]:  # fmt: skip
    """In as many columns as there are rows."""
    base, K = problem.base, problem.n_classes
    rotation = Rotation.of(base)
    own = dataclasses.replace(
        rotation.objective(base.objective), weights=base.weights, offset=problem.objective.offset,
        strength=problem.objective.strength,
    )  # fmt: skip
    small = coupled(as_design(rotation.columns), problem.Y, own)
    gamma = np.zeros((small.n_features, betas.shape[1]), order="F")
    levels[:] = small.level[:, None]
    steps, name = minimise(small, gamma, levels, tol, max_iter, progress=progress)
    coef, moved = small.unscale(gamma)
    for k in range(K):
        betas[k * base.n_features : (k + 1) * base.n_features] = rotation.beta(coef[:, k])
    levels += moved
    return steps, f"{name}, rows"


def _by_slopes(
    problem: CoupledProblem, betas: Array, levels: Array, tol: float, max_iter: int,
    points: Array | None,
) -> int:  # fmt: skip
    """L-BFGS at each strength, from the one before; columns have about unit length."""
    import scipy.optimize  # slow to import

    most, (N, k), K = 0, betas.shape, problem.n_classes
    every, free = np.arange(N), bool(problem.objective.fit_intercept)
    some = range(k) if points is None else points
    x = np.concatenate([betas[:, some[0]], levels[:, some[0]]])
    for t in some:
        l2 = problem.base_ridge(0) * problem.strength(t)

        def value(x: Array, l2: Array = l2) -> tuple[float, Array]:
            look = problem.look(every, x[:N, None], x[N:, None])
            slope = look.slope[:, 0] if free else np.zeros(K)
            gradient = np.concatenate([look.gradient[:, 0] + l2 * x[:N], slope])
            return float(look.value[0]) + 0.5 * float(l2 @ (x[:N] * x[:N])), gradient

        unit = float(np.abs(problem.null_gradient).max()) or 1.0
        options = {"maxiter": max_iter, "maxcor": _MEMORY, "ftol": 0.0, "maxfun": 10 * max_iter,
                   "gtol": _STEEP * np.sqrt(tol) * unit}  # fmt: skip
        found: Any = scipy.optimize.minimize(value, x, jac=True, method="L-BFGS-B", options=options)
        x = found.x
        betas[:, t], levels[:, t] = x[:N], x[N:]
        most = max(most, int(found.nit))
    return most
