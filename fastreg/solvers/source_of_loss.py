"""A path of a loss that is no square, of rows that arrive in blocks, with its certificate."""

from __future__ import annotations

import dataclasses

import numpy as np

from fastreg._jit import single_threaded_blas
from fastreg.certificate import certify_source_of_loss
from fastreg.certificate.smooth_blocks import Claims
from fastreg.grids import Grid
from fastreg.objectives import Objective
from fastreg.problems import smooth_blocks
from fastreg.problems.smooth_blocks import SmoothBlocks
from fastreg.solvers import Solution
from fastreg.solvers.critical import critical_strength
from fastreg.solvers.tangents_by_reads import PathByReads, at_strengths, start
from fastreg.sources import Source

Array = np.ndarray
_SHARES = (0.5, 0.05, 0.005)  # of the gap asked, to which steps go: the bound may be less tight


def solve_source_of_loss(
    source: Source, objective: Objective, tol: float, max_iter: int, grid: Grid | None
) -> Solution:
    """Minimise at each strength by reads of a source, and certify in one more."""
    with single_threaded_blas:
        own = dataclasses.replace(objective, penalty=grid.gauge) if grid else objective
        problem = smooth_blocks.read(source, own)
        if grid is not None:
            strengths = grid.below(_critical(problem))
            problem = smooth_blocks.with_penalty(problem, objective)
        else:
            strengths = np.ones(1) if objective.strength is None else objective.strength
        problem = at_strengths(problem, strengths, objective)
        betas, levels = start(problem, tol, max_iter)
        for share in _SHARES:
            path = PathByReads(problem, share * tol, max_iter)
            path.follow(betas, levels)
            coef, intercept = problem.unscale(betas.copy(order="F"))
            certificate = certify_source_of_loss(
                source, coef, intercept + levels, problem.objective, _claims(problem, path),
                tol=tol, method="proximal Newton, blocks", passes=problem.passes,
            )  # fmt: skip
            problem.passes += 1
            if certificate.converged or problem.passes >= max_iter:
                break
    exhausted = problem.passes >= max_iter
    return Solution(coef, intercept + levels, strengths, certificate, problem.passes, exhausted)


def _claims(problem: SmoothBlocks, path: PathByReads) -> Claims:
    n, centred = problem.n_features, problem.objective.fit_intercept
    return Claims(
        np.zeros(n) if problem.shift is None else problem.shift,
        problem.scale,
        problem.constant if centred else None,
        _scales(problem, path),
        problem.level,
    )


def _critical(problem: SmoothBlocks) -> float:
    """The least strength at which the penalty holds at zero all that it can."""

    def refit(strength: float) -> Array:
        raise ValueError("alphas must be given where some features have a penalty_factor of 0")

    return critical_strength(problem.base_penalty(0), -problem.null_gradient, refit)


def _scales(problem: SmoothBlocks, path: PathByReads) -> Array:
    """(k,): twice as far from 1 as the dual points probably are."""
    strengths = problem.objective.strength
    assert strengths is not None
    ends = problem.base_penalty(0)
    out = np.zeros(len(strengths))
    for q, each in enumerate(path.walkers):
        c = np.abs(each.stand.gradient + problem.ridge(q) * each.stand.beta)
        l1 = np.asarray(ends.l1) * strengths[q]
        with np.errstate(divide="ignore", invalid="ignore"):
            over = np.max(np.where(c > l1, c / l1, 1.0), initial=1.0)
        out[q] = max(0.0, 1.0 - 2.0 * (1.0 - 1.0 / over)) if np.isfinite(over) else 0.0
    return np.minimum(out, 1.0 - 1e-12)
