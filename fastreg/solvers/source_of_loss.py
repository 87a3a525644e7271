"""A path of a loss that is no square, of rows that arrive in blocks, with its certificate."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

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
_PRECISE = 1e-10  # relative gap of what no strength holds, where a grid begins
_SHARES = (0.5, 0.05, 0.005)  # of the gap asked, to which steps go: the bound may be less tight


class Validated(NamedTuple):
    """A path of all rows (K points), and of F training sets, (K, F): mean deviances of the rows
    held out, and relative gaps of the fits."""

    solution: Solution
    deviance: Array
    gap: Array
    least: float  # Σ w min ℓ/Σ w


def solve_source_of_loss(
    source: Source, objective: Objective, tol: float, max_iter: int, grid: Grid | None
) -> Solution:
    """Minimise at each strength by reads of a source, and certify in one more."""
    return validate_source_of_loss(source, objective, tol, max_iter, grid).solution


def validate_source_of_loss(
    source: Source,
    objective: Objective,
    tol: float,
    max_iter: int,
    grid: Grid | None = None,
    *,
    n_folds: int = 0,
    by_total: bool = False,
    only_ends: bool = False,
) -> Validated:
    """`solve_source_of_loss` of all rows and of the training sets of folds, in the same reads.

    Parameters
    ----------
    n_folds : 0 for none
    by_total : whether strengths are beside the sum of losses, not their mean
    only_ends : whether every y must be at an end of the loss's domain, as labels are
    """
    with single_threaded_blas:
        own = dataclasses.replace(objective, penalty=grid.gauge) if grid else objective
        problem = smooth_blocks.read(source, own, max(1, n_folds))
        if only_ends and problem.is_split:
            raise ValueError(
                f"y of {source.kind} must be 0 or 1: for proportions say target='proportions'"
            )
        if grid is not None:
            strengths = grid.below(_critical(problem, max_iter))
            problem = smooth_blocks.with_penalty(problem, objective)
        else:
            strengths = np.ones(1) if objective.strength is None else objective.strength
        strengths = strengths / problem.total if by_total else strengths
        K, alone = len(strengths), at_strengths(problem, strengths, objective)
        betas, levels = start(alone, tol, max_iter)
        betas, levels = np.tile(betas, 1 + n_folds), np.tile(levels, 1 + n_folds)
        ratio = _training_ratios(problem, n_folds) if by_total else np.ones(1 + n_folds)
        lanes = at_strengths(problem, np.multiply.outer(ratio, strengths).ravel(), objective)
        lanes.fold_of = np.repeat(np.arange(-1, n_folds), K)
        follower = PathByReads(lanes, _SHARES[0] * tol, max_iter)
        follower.follow(betas, levels)
        deviance, gap = (each[K:].reshape(n_folds, K).T for each in (follower.held, follower.gaps))
        alone.passes = lanes.passes
        found = _certified(alone, follower, betas[:, :K], levels[:K], tol, max_iter)
    return Validated(found, deviance, gap, problem.least)


def _certified(
    problem: SmoothBlocks, follower: PathByReads, betas: Array, levels: Array, tol: float,
    max_iter: int,
) -> Solution:  # fmt: skip
    """Certified, and followed further where that says that it is not enough."""
    strengths, betas = problem.objective.strength, betas.copy(order="F")
    assert strengths is not None
    for share in (*_SHARES[1:], None):
        coef, intercept = problem.unscale(betas.copy(order="F"))
        certificate = certify_source_of_loss(
            problem.source, coef, intercept + levels, problem.objective,
            _claims(problem, follower), tol=tol, method="proximal Newton, blocks",
            passes=problem.passes,
        )  # fmt: skip
        problem.passes += 1
        if certificate.converged or share is None or problem.passes >= max_iter:
            break
        follower = PathByReads(problem, share * tol, max_iter)
        follower.follow(betas, levels)
    exhausted = problem.passes >= max_iter
    return Solution(coef, intercept + levels, strengths, certificate, problem.passes, exhausted)


def _training_ratios(problem: SmoothBlocks, n_folds: int) -> Array:
    """(1 + F,): weight of all rows over that of each training set."""
    held = [problem.parts[f].weight if f in problem.parts else 0.0 for f in range(n_folds)]
    if min(held, default=1.0) <= 0.0:
        raise ValueError(
            f"cv is {n_folds}, and some fold of {problem.source.kind} has no rows with a weight"
        )
    whole = problem.total
    return np.append(1.0, whole / (whole - np.array(held)))


def _claims(problem: SmoothBlocks, path: PathByReads) -> Claims:
    n, centred = problem.n_features, problem.objective.fit_intercept
    return Claims(
        np.zeros(n) if problem.shift is None else problem.shift,
        problem.scale,
        problem.constant if centred else None,
        _scales(problem, path),
        problem.level,
    )


def _critical(problem: SmoothBlocks, max_iter: int) -> float:
    """The least strength at which the penalty holds at zero all that it can."""

    def refit(strength: float) -> Array:
        strict = at_strengths(problem, np.array([strength]), problem.objective)
        betas, levels = start(strict, _PRECISE, max_iter)
        follower = PathByReads(strict, _PRECISE, max_iter)
        follower.follow(betas, levels)
        problem.passes = strict.passes
        out: Array = -follower.walkers[0].stand.gradient
        return out

    return critical_strength(problem.base_penalty(0), -problem.null_gradient, refit)


def _scales(problem: SmoothBlocks, path: PathByReads) -> Array:
    """(k,): twice as far from 1 as the dual points probably are."""
    strengths = problem.objective.strength
    assert strengths is not None
    held = getattr(problem.base_penalty(0), "l1", np.inf)  # of others no more is known
    out = np.zeros(len(strengths))
    for q, each in enumerate(path.walkers[: len(strengths)]):
        c = np.abs(each.stand.gradient + problem.base_ridge(0) * strengths[q] * each.stand.beta)
        l1 = np.asarray(held) * strengths[q]
        with np.errstate(divide="ignore", invalid="ignore"):
            over = np.max(np.where(c > l1, c / l1, 1.0), initial=1.0)
        out[q] = max(0.0, 1.0 - 2.0 * (1.0 - 1.0 / over)) if np.isfinite(over) else 0.0
    return np.minimum(out, 1.0 - 1e-12)
