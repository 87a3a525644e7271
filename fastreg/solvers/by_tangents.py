"""Paths of `tangents`, certified; sharper where the certificate says that this is not enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastreg._jit import single_threaded_blas
from fastreg.certificate import certify, certify_coupled
from fastreg.design import Design
from fastreg.grids import Grid
from fastreg.losses import traits
from fastreg.objectives import Objective
from fastreg.problems.coupled import coupled
from fastreg.problems.smooth import SmoothProblem, smooth
from fastreg.solvers import several_outputs, tangents
from fastreg.solvers.solution import Solution
from fastreg.solvers.working_set import Progress

Array = np.ndarray
_PRECISE, _SHARPER = 1e-12, (1e-2, 1e-4)  # least aim, and shares of the gap asked


class _Kind(NamedTuple):
    """How losses of one output, or of several, are stated, minimised and certified."""

    problem: Callable[[Design, Array, Objective], Any]
    minimise: Callable[..., tuple[int, str]]
    certify: Callable[..., Any]


def _of_one(X: Design, Y: Array, objective: Objective) -> SmoothProblem:
    return smooth(X, np.ascontiguousarray(Y[:, 0]), objective)


def _minimise_one(*given: Any, **options: Any) -> tuple[int, str]:
    return tangents.solve(*given, **options), "proximal Newton"


_ONE = _Kind(_of_one, _minimise_one, certify)
_SEVERAL = _Kind(coupled, several_outputs.minimise, certify_coupled)


def solve(
    X: Design, Y: Array, objective: Objective, tol: float, max_iter: int, start: Array | None,
    grid: Grid | None, progress: Progress | None,
) -> Solution:  # fmt: skip
    """All strengths, as `solvers.solve` has them."""
    kind = _SEVERAL if traits(objective.loss).outputs > 1 else _ONE
    with single_threaded_blas:
        strengths = np.ones(1) if objective.strength is None else objective.strength
        if grid is not None:  # ridge terms count for the size of a column once strengths are known
            gauge = dataclasses.replace(objective, l2=np.zeros((1, 1)), penalty=grid.gauge)
            problem = kind.problem(X, Y, gauge)
            strengths = grid.below(tangents.critical(problem, _PRECISE, max_iter))
            problem = problem.with_penalty(objective).at_strengths(strengths)
        else:
            problem = kind.problem(X, Y, dataclasses.replace(objective, strength=strengths))
        objective = dataclasses.replace(objective, strength=strengths)
        betas = np.zeros((problem.n_features, problem.n_points), order="F")
        if start is not None:
            betas[:, :1] = problem.scaled(start[..., :1])
        levels = np.tile(np.reshape(problem.level, (-1, 1)), problem.n_points)
        most, method = kind.minimise(problem, betas, levels, tol, max_iter, progress=progress)

        def certified(points: Any, before: int) -> Any:
            return kind.certify(
                X, Y, coef[..., points], intercept[..., points], objective.of_points(points),
                tol=tol, method=method, passes=before, columns=problem.columns,
            )  # fmt: skip

        coef, intercept = in_units_of_the_user(problem, betas, levels)
        certificate = certified(slice(None), problem.passes)  # no copy
        for share in _SHARPER:
            if certificate.converged or most >= max_iter:
                break
            missed = np.flatnonzero(certificate.relative_gap > tol)
            own = problem.at_strengths(strengths[missed])
            betas = np.asfortranarray(own.scaled(coef[..., missed]))
            some, aim, before = levels[:, missed], max(tol, _PRECISE) * share, own.passes
            most += kind.minimise(own, betas, some, aim, max_iter)[0]
            levels[:, missed] = some
            coef[..., missed], intercept[..., missed] = in_units_of_the_user(own, betas, some)
            # A path of 62 061 columns: a quarter of the time, if of all points.
            again = certified(missed, certificate.passes + own.passes - before)
            certificate = certificate.with_points(missed, again)
    return Solution(coef, intercept, strengths, certificate, most, most >= max_iter)


def in_units_of_the_user(problem: Any, betas: Array, levels: Array) -> tuple[Array, Array]:
    """(coef (n, k), intercept (k,)), or (n, K, k) and (K, k) of K outputs, in place of `betas`."""
    coef, moved = problem.unscale(betas)
    return coef, moved + (levels if moved.ndim == 2 else levels[0])
