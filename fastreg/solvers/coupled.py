"""Losses of several outputs a row: paths of tangents, and for large ridges L-BFGS on the pass.

A ridge with more columns than rows is fitted in as many columns as there are rows. One whose K·n
coefficients have no room for a matrix of their products goes by scipy's L-BFGS (Liu & Nocedal,
Mathematical Programming 45, 1989), whose every step is one pass.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from fastreg._jit import single_threaded_blas
from fastreg.certificate import Certificate, certify_coupled
from fastreg.design import Design, as_design
from fastreg.grids import Grid
from fastreg.objectives import Objective
from fastreg.problems.coupled import CoupledProblem, coupled
from fastreg.problems.rotated import Rotation
from fastreg.solvers import tangents
from fastreg.solvers.working_set import Progress

Array = np.ndarray
_WIDE = 512  # columns that are as fast without a rotation
_LARGE = 3000  # coefficients of a ridge from which a matrix of their products takes longer
_PRECISE, _SHARPER = 1e-12, (1e-2, 1e-4)  # least aim, and shares of the gap asked
_MEMORY = 20  # steps that L-BFGS remembers
_STEEP = 1e-3  # of √gap: the slope at which L-BFGS ends


class CoupledSolution(NamedTuple):
    """coef (n, K, k), intercept (K, k) and strength (k,) of the points, their certificate, the
    steps, and whether these ran out."""

    coef: Array
    intercept: Array
    strength: Array
    certificate: Certificate
    n_iter: int
    exhausted: bool


def solve(
    X: Design, Y: Array, objective: Objective, *, tol: float, max_iter: int | None = None,
    start: Array | None = None, grid: Grid | None = None, progress: Progress | None = None,
) -> CoupledSolution:  # fmt: skip
    """Minimise at each strength, and certify.

    Parameters
    ----------
    Y : (m, K) shares; the offset of the objective is (m, K)
    start : (n, K) coefficients, or None for zero
    """
    max_iter = 1000 if max_iter is None else max_iter
    with single_threaded_blas:
        strengths = np.ones(1) if objective.strength is None else objective.strength
        if grid is not None:
            gauge = dataclasses.replace(objective, l2=np.zeros((1, 1)), penalty=grid.gauge)
            strengths = grid.below(tangents.critical(coupled(X, Y, gauge), _PRECISE, max_iter))
        objective = dataclasses.replace(objective, strength=strengths)
        problem, found = coupled(X, Y, objective), None
        betas = np.zeros((problem.n_features, len(strengths)), order="F")
        if start is not None:
            betas[:, 0] = problem.scaled(start[:, :, None])[:, 0]
        levels = np.repeat(problem.level[:, None], len(strengths), axis=1)
        most = 0
        for share in (1.0, *_SHARPER):
            aim = tol if share == 1.0 else max(tol, _PRECISE) * share
            steps, name = _minimise(problem, betas, levels, aim, max_iter, progress)
            most += steps
            coef, moved = problem.unscale(betas.copy(order="F"))
            found = certify_coupled(
                X, Y, coef, levels + moved, objective, tol=tol, method=name,
                passes=problem.passes, columns=problem.base.columns,
            )  # fmt: skip
            if found.converged or most >= max_iter:
                break
    assert found is not None
    return CoupledSolution(coef, levels + moved, strengths, found, most, most >= max_iter)


def _minimise(
    problem: CoupledProblem, betas: Array, levels: Array, tol: float, max_iter: int,
    progress: Progress | None,
) -> tuple[int, str]:  # fmt: skip
    if not problem.is_ridge:
        steps = tangents.solve(problem, betas, levels, tol, max_iter, progress=progress)
        return steps, "proximal Newton"
    (m, n), K = problem.base.X.shape, problem.n_classes
    if n > max(m, _WIDE):
        return _rotated(problem, betas, levels, tol, max_iter, progress)
    if n * K > _LARGE:
        return _by_slopes(problem, betas, levels, tol, max_iter), "L-BFGS"
    steps = tangents.solve(problem, betas, levels, tol, max_iter, progress=progress)
    return steps, "Newton"


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
    if small.n_features > _LARGE:
        steps, name = _by_slopes(small, gamma, levels, tol, max_iter), "L-BFGS"
    else:
        steps = tangents.solve(small, gamma, levels, tol, max_iter, progress=progress)
        name = "Newton"
    coef, moved = small.unscale(gamma)
    for k in range(K):
        betas[k * base.n_features : (k + 1) * base.n_features] = rotation.beta(coef[:, k])
    levels += moved
    return steps, f"{name}, rows"


def _by_slopes(
    problem: CoupledProblem, betas: Array, levels: Array, tol: float, max_iter: int
) -> int:
    """L-BFGS at each strength, from the one before; columns have about unit length."""
    import scipy.optimize  # slow to import

    most, (N, k), K = 0, betas.shape, problem.n_classes
    every, free = np.arange(N), bool(problem.objective.fit_intercept)
    x = np.concatenate([betas[:, 0], levels[:, 0]])
    for t in range(k):
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
