"""The multinomial loss: paths of tangents, and for ridges L-BFGS on the pass.

A ridge with more columns than rows is fitted in as many columns as there are rows. Where rounding
ends L-BFGS before what is asked, or steps are too many, Newton's method goes on, unless K·n
coefficients have no room for a matrix of their products.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fastreg.design import as_design
from fastreg.problems.coupled import CoupledProblem, coupled
from fastreg.problems.rotated import Rotation
from fastreg.solvers import ridges_of_classes, small_classes, tangents
from fastreg.solvers.working_set import Progress

Array = np.ndarray
_WIDE = 512  # columns that are as fast without a rotation
# Multiplications of a matrix of all coefficients up to which Newton's method on it is quicker than
# L-BFGS: 500 x 10 and 4 classes 6.7 ms, not 8.3; 1000 x 50 29, not 13.
_LITTLE = 1 << 21
# Of the null model's loss: the least `tol` that is a gap. Who asks for less wants coefficients as
# precise, whose error is the root of a gap.
_FINE, _FINEST = 1e-13, 1e-24
_LARGE = 3000  # coefficients of a ridge from which a matrix of their products takes longer


def minimise(
    problem: CoupledProblem, betas: Array, levels: Array, tol: float, max_iter: int, *,
    progress: Progress | None = None,
) -> tuple[int, str]:  # fmt: skip
    """`tangents.solve`, or what is quicker for a ridge; (the most steps of a point, its name)."""
    if problem.is_ridge:
        m, n = problem.base.X.shape
        if n > max(m, _WIDE):
            return _rotated(problem, betas, levels, tol, max_iter, progress)
        least = min(map(problem.strength, range(problem.n_points)))
        if least > tangents.LEAST:
            way = _by_slopes if m * problem.n_features**2 > _LITTLE else _small
            return way(problem, betas, levels, tol, max_iter, progress)
    steps = tangents.solve(problem, betas, levels, tol, max_iter, progress=progress)
    return steps, "proximal Newton"


def _small(
    problem: CoupledProblem, betas: Array, levels: Array, tol: float, max_iter: int,
    progress: Progress | None,
) -> tuple[int, str]:  # fmt: skip
    """Newton's method in array operations, and where it fails the path of tangents."""
    steps, missed = small_classes.solve(problem, betas, levels, tol, max_iter)
    if not missed:
        return steps, "Newton"
    own, up = np.zeros(betas.shape, order="F"), np.tile(problem.level[:, None], betas.shape[1])
    more = tangents.solve(problem, own, up, tol, max_iter, points=np.array(missed))
    betas[:, missed], levels[:, missed] = own[:, missed], up[:, missed]
    return max(steps, more), "Newton"


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
    progress: Progress | None,
) -> tuple[int, str]:  # fmt: skip
    """L-BFGS, and where it is not at its end Newton's method from there. Rounding of P hides what
    such a start leaves to gain, so where slopes are still too large another starts from zero."""
    steps, missed = ridges_of_classes.solve(problem, betas, levels, tol, max_iter, progress)
    enough, name = tol if tol >= _FINE else max(tol * tol, _FINEST), "L-BFGS"
    for is_cold in (False, True):
        if not missed or problem.n_features > _LARGE:
            break
        found = ridges_of_classes.left(problem, betas, levels, missed)
        before = {t: gap for t, gap in zip(missed, found, strict=True) if not gap <= enough}
        if not before:
            break
        missed, own, up = list(before), betas.copy(order="F"), levels.copy()
        if is_cold:
            own[:, missed], up[:, missed] = 0.0, problem.level[:, None]
        steps += tangents.solve(problem, own, up, tol, max_iter, points=np.array(missed))
        after = ridges_of_classes.left(problem, own, up, missed)
        better = [t for t, gap in zip(missed, after, strict=True) if gap < before[t]]
        betas[:, better], levels[:, better] = own[:, better], up[:, better]
        name = "L-BFGS, Newton"
    return steps, name
